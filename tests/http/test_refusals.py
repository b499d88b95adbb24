"""Refusals in the audit log: one entry for each change that somebody known did not get, from whatever face."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.accounts.models import Account, User
from portal.billing.payments.models import Payment
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.ids import new_id
from tests.api.conftest import Caller
from tests.corruption import past_the_rules
from tests.factories import Factory
from tests.pages import Pages


class World:
    """An account whose payment waits, and people who may not decide on it."""

    def __init__(self, make: Factory) -> None:
        self.account: Account = make.account()
        make.method()
        self.owner, self.viewer = make.user("owner", self.account), make.user("viewer", self.account)
        self.reviewer = make.user("reviewer")
        self.payment: Payment = make.payment(make.invoice(self.account), self.owner)


@pytest.fixture
def world(make: Factory) -> World:
    return World(make)


def refusals(app: Flask) -> list[tuple[Any, ...]]:
    with app.app_context():
        columns = (AuditEntry.face, AuditEntry.actor_id, AuditEntry.account_id, AuditEntry.subject_type,
                   AuditEntry.subject_id, AuditEntry.address, AuditEntry.changes)  # fmt: skip
        found = session.execute(select(*columns).where(AuditEntry.action == "request.refused").order_by(AuditEntry.id))
        return [tuple(row) for row in found]


def told(operation: str, code: str, status: int) -> dict[str, Any]:
    return {"operation": operation, "code": code, "status": status}


def by(user: User, face: str, kind: str, subject: object, changes: dict[str, Any]) -> tuple[Any, ...]:
    return (face, user.id, user.account_id, kind, subject, "127.0.0.1", changes)


def test_both_faces_leave_the_same_entry(app: Flask, world: World, make: Factory) -> None:
    payment = world.payment
    page = Pages(app).sign_in(world.reviewer).post(f"/admin/payments/{payment.id}/approval", {"version": "7"})
    answer = Caller(app, make.token(world.reviewer)).post(f"/payments/{payment.id}/approval/", {"version": 7})
    assert (page.status, answer.status_code) == (409, 409)
    assert refusals(app) == [
        by(world.reviewer, "admin", "payment", payment.id, told("admin.approve_payment", "payment_changed", 409)),
        by(world.reviewer, "api", "payment", payment.id, told("api.approve", "payment_changed", 409)),
    ]


def test_the_entry_carries_the_id_of_the_request(app: Flask, world: World, make: Factory) -> None:
    caller = Caller(app, make.token(world.viewer))
    request_id = caller.post(f"/payments/{world.payment.id}/cancellation/", {}).headers["X-Request-ID"]
    with app.app_context():
        assert session.scalars(select(AuditEntry.action).where(AuditEntry.request_id == request_id)).all() == [
            "request.refused"
        ]


def test_what_a_role_does_not_allow(app: Flask, world: World) -> None:
    pages = Pages(app).sign_in(world.viewer)
    assert pages.post(f"/payments/{world.payment.id}/cancellation", {"version": "1"}).status == 403
    assert pages.post("/admin/methods/new").status == 403
    assert refusals(app) == [
        by(world.viewer, "web", "payment", world.payment.id, told("web.withdraw", "forbidden", 403)),
        by(world.viewer, "admin", "user", world.viewer.id, told("admin.method_new", "forbidden", 403)),
    ]


def test_an_id_that_is_anothers_and_one_that_is_absent(app: Flask, world: World, make: Factory) -> None:
    stranger, absent = make.user("owner", make.account("Globex")), new_id()
    caller = Caller(app, make.token(stranger))
    for payment_id in (world.payment.id, absent):
        assert caller.post(f"/payments/{payment_id}/cancellation/", {}).status_code == 404
    assert refusals(app) == [
        by(stranger, "api", "payment", payment_id, told("api.cancel", "not_found", 404))
        for payment_id in (world.payment.id, absent)
    ]


def test_input_that_is_not_valid_says_nothing_of_what_was_typed(app: Flask, world: World, make: Factory) -> None:
    pages = Pages(app).sign_in(world.owner)
    assert (
        pages.post("/profile/tokens/", {"access": "everything", "name": "my secret plan", "days": "many"}).status == 400
    )
    assert Caller(app, make.token(world.owner)).post("/payments/manual/", {"4111111111111111": "x"}).status_code == 400
    assert refusals(app) == [
        by(world.owner, "web", "user", world.owner.id, told("web.create_token", "invalid_input", 400)),
        by(world.owner, "api", "user", world.owner.id, told("api.report", "invalid_input", 400)),
    ]


def test_a_forged_form(app: Flask, world: World) -> None:
    pages = Pages(app).sign_in(world.owner)
    assert pages.post(f"/payments/{world.payment.id}/cancellation", {"version": "1"}, token="forged").status == 400
    assert refusals(app) == [
        by(world.owner, "web", "payment", world.payment.id, told("web.withdraw", "csrf_failed", 400))
    ]


def test_who_is_nobody_and_who_only_reads_leave_nothing(app: Flask, world: World, make: Factory) -> None:
    client = app.test_client()
    path = f"/api/v1/billing/payments/{world.payment.id}"
    assert client.post(f"{path}/cancellation/", json={}).status_code == 401
    bad = {"Authorization": "Bearer bp_nonsense"}
    assert client.post(f"{path}/cancellation/", json={}, headers=bad).status_code == 401
    assert client.post(f"/payments/{world.payment.id}/cancellation").status_code == 302
    assert client.post("/nowhere").status_code == 404
    pages = Pages(app).sign_in(world.viewer)
    assert pages.get("/admin/audit/").status == 403
    assert pages.get(f"/payments/{new_id()}/").status == 404
    assert pages.get("/payments/", status="nonsense").status == 400
    assert refusals(app) == []


@pytest.mark.corrupts
def test_the_answer_stands_where_the_log_cannot_be_written(
    app: Flask, world: World, make: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    caller = Caller(app, make.token(world.viewer))
    with past_the_rules(app) as connection:
        for table in ("audit_chains", "audit_entries"):
            connection.execute(text(f"DROP TABLE {table}"))
    assert caller.post(f"/payments/{world.payment.id}/cancellation/", {}).status_code == 403
    assert "could not be recorded" in caplog.text
