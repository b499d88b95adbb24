"""The audit log as a page and as a file: the same filters, and nothing in the file that a spreadsheet carries out."""

import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.foundation import audit, clock
from portal.foundation.actor import Actor
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session, transaction
from portal.foundation.ids import new_id
from tests.admin.conftest import World
from tests.audited import names_in_code
from tests.factories import SYSTEM, Factory
from tests.pages import Pages

EXPORT = "/admin/audit/export"


def exported(app: Flask, world: World, **query: Any) -> list[dict[str, str]]:
    """The rows of the file that an admin takes along."""
    response = export(Pages(app).sign_in(world.admin), **query)
    assert response.status_code == 200
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="audit-')
    assert response.headers["Cache-Control"] == "no-store"
    return list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"))))


def export(visitor: Pages, **query: Any) -> Any:
    token = visitor.get("/admin/audit/").root.all("input", name="csrf_token")[0].attributes["value"]
    return visitor._client.post(EXPORT, query_string=query, data={"csrf_token": token}, buffered=False)


@pytest.fixture
def entries(app: Flask, world: World) -> list[str]:
    """Three entries of one request in June, and one of another in July; the subjects' ids."""
    ids = [new_id() for _ in range(4)]
    with app.app_context():
        for number, subject in enumerate(ids):
            with clock.set_to(datetime(2020, 6 + number // 3, 30 if number < 3 else 1, 23, 59, number, tzinfo=UTC)):
                actor = Actor(world.owner.id, world.acme.id, SYSTEM.role, f"Person {number}", "web",
                                    "req-1" if number < 3 else "req-2", "203.0.113.7")  # fmt: skip
                audit.record(actor, "thing.changed", "thing", subject, account_id=world.acme.id, number=(-5, number))
    return [str(subject) for subject in ids]


FILTERS: list[tuple[dict[str, str], list[int]]] = [
    ({"since": "2020-07-01", "until": "2020-07-01"}, [3]),
    ({"since": "2020-06-30", "until": "2020-06-30"}, [2, 1, 0]),
    ({"until": "2020-07-01"}, [3, 2, 1, 0]),
    ({"request_id": "req-1"}, [2, 1, 0]),
    ({"request_id": "req"}, []),
    ({"actor": "person 2"}, [2]),
    ({"account": "C-1", "until": "2020-12-31"}, [3, 2, 1, 0]),
    ({"account": "C-2", "until": "2020-12-31"}, []),
]


@pytest.mark.parametrize(("query", "numbers"), FILTERS)
def test_page_and_file_take_the_same_filters(
    app: Flask, world: World, admin: Pages, entries: list[str], query: dict[str, str], numbers: list[int]
) -> None:
    shown = [row[2].partition(" system")[0] for row in admin.get("/admin/audit/", **query).rows]
    assert shown == [f"Person {number}" for number in numbers]
    assert [row["subject_id"] for row in exported(app, world, **query)] == [entries[number] for number in numbers]


def test_all_that_is_recorded_can_be_chosen(admin: Pages) -> None:
    (what,) = admin.get("/admin/audit/").root.all("select", name="action")
    offered = [option.attributes["value"] for option in what.all("option")]
    recorded = {name.partition(".")[0] for name in names_in_code()}
    assert sorted(value.partition(".")[0] for value in offered) == ["", *sorted(recorded)]


def test_a_subject_and_an_action(app: Flask, world: World, admin: Pages, make: Factory) -> None:
    payment = make.payment(make.invoice(world.acme), world.owner)
    query = {"subject": str(payment.id), "action": "payment"}
    assert [row[0] for row in admin.get("/admin/audit/", **query).rows] == ["payment.submit"]
    (row,) = exported(app, world, **query)
    assert (row["action"], row["actor_label"], row["face"]) == ("payment.submit", "Olga Owner", "test")
    assert json.loads(row["changes"])["amount"] == [None, "49.00 EUR"]
    assert (len(row["hash"]), row["chain"]) == (64, str(world.acme.id))


def test_the_export_is_in_the_log(app: Flask, world: World) -> None:
    exported(app, world, actor="olga", since="2026-01-01")
    with app.app_context():
        told = session.execute(
            select(AuditEntry.actor_id, AuditEntry.changes).where(AuditEntry.action == "export.audit")
        ).one()
    assert tuple(told) == (world.admin.id, {"filter": "actor (typed), since 2026-01-01"})


def test_the_file_holds_no_formula(app: Flask, world: World, make: Factory) -> None:
    make.user("admin", name='=HYPERLINK("//evil.example")', email="evil@portal.example")
    evil = make.user("owner", world.acme, name="@SUM(A1:A9)")
    make.payment(make.invoice(world.acme), evil, "-2+3")
    cells = [cell for row in exported(app, world) for cell in row.values()]
    assert "'@SUM(A1:A9)" in cells
    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r")] == []


def test_a_filter_that_cannot_be_used_is_said_on_the_page(app: Flask, world: World, admin: Pages) -> None:
    response = export(Pages(app).sign_in(world.admin), account="C-404", since="yesterday")
    assert (response.status_code, response.headers["Location"]) == (
        303, "/admin/audit/?account=C-404&since=yesterday",
    )  # fmt: skip
    assert admin.get(response.headers["Location"]).field_errors.keys() == {"since"}


def test_only_admins_take_it_along(app: Flask, world: World, reviewer: Pages) -> None:
    assert reviewer.post(EXPORT).status == 403
    assert Pages(app).sign_in(world.owner).post(EXPORT).status == 403
    assert Pages(app).sign_in(world.admin).post(EXPORT, token="forged").status == 400
    assert Pages(app).sign_in(world.admin).get(EXPORT).status == 405
    with app.app_context():
        codes = [changes["code"] for changes in session.scalars(
            select(AuditEntry.changes).where(AuditEntry.action == "request.refused").order_by(AuditEntry.id)
        )]  # fmt: skip
    assert codes == ["forbidden", "forbidden", "csrf_failed"]


def test_a_refusal_is_shown_with_its_reason(app: Flask, world: World, admin: Pages, make: Factory) -> None:
    payment = make.payment(make.invoice(world.acme), world.owner)
    Pages(app).sign_in(world.reviewer).post(f"/admin/payments/{payment.id}/approval", {"version": "9"})
    (row,) = admin.get("/admin/audit/", action="request.refused").rows
    assert row[0] == "request.refused"
    assert row[3] == "operation: admin.approve_payment code: payment_changed status: 409"


def test_an_export_takes_the_same_memory_whatever_its_length(app: Flask, world: World) -> None:
    visitor = Pages(app).sign_in(world.admin)

    def peak(number: int) -> int:
        with app.app_context(), transaction(), audit.chain_of_its_own():
            for _ in range(number // 600):
                audit.record_many([audit.values_of(SYSTEM, f"n{number}.x", "thing", new_id()) for _ in range(600)])
        tracemalloc.start()
        response = export(visitor, action="")
        lines = sum(part.count(b"\r\n") for part in response.iter_encoded())
        measured = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        response.close()
        assert lines > number
        return measured

    peak(600)  # what is loaded once
    assert peak(6000) < peak(600) + 400_000  # in one piece they would take ten times as much


def test_statuses_amounts_and_days_read_as_elsewhere(world: World, admin: Pages, make: Factory) -> None:
    payment = make.payment(make.invoice(world.acme, "1234.50"), world.owner, "2026-99-99 EUR")
    make.approved(payment, world.reviewer)
    approved, submitted = (row[3] for row in admin.get("/admin/audit/", action="payment").rows)
    assert "status: Waiting for approval → Succeeded" in approved
    assert "amount: 1,234.50 EUR" in submitted.replace("\u00a0", " ")
    assert "transaction reference: 2026-99-99 EUR" in submitted


def test_a_role_and_a_face_of_one_name_stand_once(world: World, admin: Pages) -> None:
    admin.post(f"/admin/users/{world.owner.id}/role", {"role": "viewer"})
    assert admin.get("/admin/audit/", subject=str(world.owner.id)).rows[0][2] == "Ada Admin admin, 127.0.0.1"
