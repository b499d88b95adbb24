"""A key makes a POST count once: a repeat gets the first answer, and twins of one moment make one payment."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, insert, select
from werkzeug.test import TestResponse

from portal.accounts.service import change_role
from portal.billing.invoices.models import Invoice
from portal.billing.payments import service
from portal.billing.payments.models import Payment, PaymentEvent
from portal.foundation import clock, idempotency
from portal.foundation.access import Role
from portal.foundation.db import session, transaction
from portal.foundation.idempotency import IdempotencyKey
from portal.foundation.sealing import sealer
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import BASE, Caller, World, problem, without_id
from tests.engines import engine_of_the_owner
from tests.factories import Factory, acting

REPORT = "/payments/manual/"
CLIENTS = 32


def body_for(invoice: Invoice, reference: str = "TRF 1") -> dict[str, str]:
    return {"invoice_id": str(invoice.id), "payment_method": "bank_transfer", "reference": reference}


def send(caller: Caller, path: str, body: dict[str, Any], key: str) -> TestResponse:
    return caller.raw(
        "POST",
        BASE + path,
        data=json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": key},
    )


def counted(app: Flask) -> tuple[int, int, int]:
    """How many payments, events and keys there are."""
    with app.app_context(), across_accounts():
        payments, events, keys = (
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Payment, PaymentEvent, IdempotencyKey)
        )
    return payments, events, keys


def test_a_repeat_is_known_after_the_portals_key_has_changed(app: Flask, world: World, make: Factory) -> None:
    body = body_for(make.invoice(world.account))
    first = send(world["owner"], REPORT, body, "key-1")
    try:
        sealer.use("another key", ["tests"])
        again = send(world["owner"], REPORT, body, "key-1")
        other = send(world["owner"], REPORT, body | {"reference": "TRF 2"}, "key-1")
    finally:
        sealer.use("tests")
    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert without_id(again) == without_id(first)
    assert problem(other) == (422, "idempotency_key_reused", [])


def test_a_repeat_gets_the_first_answer(app: Flask, world: World, make: Factory) -> None:
    body = body_for(make.invoice(world.account))
    first = send(world["owner"], REPORT, body, "key-1")
    with app.app_context(), across_accounts():
        service.approve_payment(UUID(first.get_json()["data"]["id"]), by=acting(world.users["reviewer"]), version=1)
    again = send(world["owner"], REPORT, body, "key-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert without_id(first) == without_id(again)
    assert again.get_json()["request_id"] == again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert (first.headers["Location"], first.content_type) == (again.headers["Location"], again.content_type)
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    assert counted(app) == (1, 2, 1)


def test_without_a_key_a_repeat_is_another_request(world: World, make: Factory) -> None:
    body = body_for(make.invoice(world.account))
    assert world["owner"].post(REPORT, body).status_code == 201
    assert problem(world["owner"].post(REPORT, body))[:2] == (409, "open_payment_exists")


def test_every_decision_counts_once(app: Flask, world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    bodies: dict[str, dict[str, Any]] = {"approval": {"version": 1}, "refund": {"version": 2, "reason": "sent twice"}}
    for action, body in bodies.items():
        first = send(world["admin"], f"/payments/{payment.id}/{action}/", body, "one-key")
        again = send(world["admin"], f"/payments/{payment.id}/{action}/", body, "one-key")
        assert (first.status_code, without_id(first)) == (200, without_id(again))
    rejected = make.payment(make.invoice(world.account), world.users["owner"])
    withdrawn = make.payment(make.invoice(world.account), world.users["owner"])
    others: dict[str, dict[str, Any]] = {
        f"/payments/{rejected.id}/rejection/": {"version": 1, "reason": "No money came."},
        f"/payments/{withdrawn.id}/cancellation/": {},
    }
    for path, body in others.items():
        assert [send(world["reviewer"], path, body, "k").status_code for _ in range(2)] == [200, 200]
    assert counted(app) == (3, 7, 4)


def test_the_key_stands_for_one_body(app: Flask, world: World, make: Factory) -> None:
    body = body_for(make.invoice(world.account))
    assert send(world["owner"], REPORT, body, "key-1").status_code == 201
    other = send(world["owner"], REPORT, body | {"notes": "second thoughts"}, "key-1")
    assert problem(other) == (422, "idempotency_key_reused", [])
    assert counted(app) == (1, 1, 1)


def test_the_key_stands_for_one_payment(app: Flask, world: World, make: Factory) -> None:
    """A key that was used to approve one payment does not answer for the approval of another."""
    one, other = (make.payment(make.invoice(world.account), world.users["owner"]) for _ in range(2))
    assert send(world["reviewer"], f"/payments/{one.id}/approval/", {"version": 1}, "k").status_code == 200
    answer = send(world["reviewer"], f"/payments/{other.id}/approval/", {"version": 1}, "k")
    assert problem(answer) == (422, "idempotency_key_reused", [])
    assert make.payment_now(other).status == "pending_approval"


def test_keys_of_other_accounts_and_staff_are_others(app: Flask, world: World, make: Factory) -> None:
    mine, theirs = make.invoice(world.account), make.invoice(world.globex, "500")
    assert send(world["owner"], REPORT, body_for(mine), "1").status_code == 201
    stranger = send(world["stranger"], REPORT, body_for(theirs), "1")
    assert (stranger.status_code, "Idempotent-Replayed" in stranger.headers) == (201, False)
    same_body = send(world["stranger"], REPORT, body_for(mine), "2")
    assert problem(same_body)[:2] == (404, "not_found")
    payment_id = stranger.get_json()["data"]["id"]
    path = f"/payments/{payment_id}/approval/"
    assert send(world["reviewer"], path, {"version": 1}, "1").status_code == 200
    assert problem(send(world["admin"], path, {"version": 1}, "1"))[:2] == (409, "payment_already_decided")


def test_whoever_lost_the_right_gets_no_replay(app: Flask, world: World, make: Factory) -> None:
    body = body_for(make.invoice(world.account))
    assert send(world["member"], REPORT, body, "k").status_code == 201
    assert problem(send(world["viewer"], REPORT, body, "k")) == (403, "forbidden", [])
    assert problem(send(world["nobody"], REPORT, body, "k")) == (401, "not_signed_in", [])
    with app.app_context():
        change_role(world.users["member"].id, by=acting(world.users["admin"]), role=Role.VIEWER)
    assert problem(send(world["member"], REPORT, body, "k")) == (403, "forbidden", [])


def test_a_refusal_leaves_the_key_free(app: Flask, world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    for wrong in ({"invoice_id": "x"}, body_for(invoice, "4111 1111 1111 1111"), body_for(invoice) | {"x": 1}):
        assert send(world["owner"], REPORT, wrong, "k").status_code == 400
    assert counted(app) == (0, 0, 0)
    assert send(world["owner"], REPORT, body_for(invoice), "k").status_code == 201


@pytest.mark.parametrize(
    ("given", "same"), [('"k-1"', "k-1"), ('"a\\"b"', 'a"b'), (" k ", "k"), ('"' + "x" * 255 + '"', "x" * 255)]
)
def test_a_key_may_be_quoted(given: str, same: str, world: World, make: Factory) -> None:
    body = body_for(make.invoice(world.account))
    assert send(world["owner"], REPORT, body, given).status_code == 201
    assert send(world["owner"], REPORT, body, same).headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", " ", '""', '"', '"a', "x" * 256, "a b", "k\u00e9y", '"a"b', '"' + "x" * 256 + '"'])
def test_a_key_that_is_none_is_refused(key: str, world: World, make: Factory) -> None:
    answer = send(world["owner"], REPORT, body_for(make.invoice(world.account)), key)
    assert problem(answer) == (400, "invalid_idempotency_key", [])


def test_keys_are_kept_for_a_day_and_then_purged(app: Flask, world: World, make: Factory) -> None:
    body = body_for(make.invoice(world.account))
    old = send(world["owner"], REPORT, body, "old")
    with clock.set_to(clock.now() + timedelta(hours=23, minutes=59)):
        assert send(world["owner"], REPORT, body, "old").headers["Idempotent-Replayed"] == "true"
        send(world["owner"], f"{REPORT.replace('manual', old.get_json()['data']['id'])}cancellation/", {}, "young")
    with clock.set_to(clock.now() + timedelta(hours=24)):
        anew = send(world["owner"], REPORT, body, "old")
        assert (anew.status_code, "Idempotent-Replayed" in anew.headers) == (201, False)
    with clock.set_to(clock.now() + timedelta(hours=47, minutes=58)), app.app_context():
        assert idempotency.purge() == 0
    with clock.set_to(clock.now() + timedelta(hours=48)):
        done = app.test_cli_runner().invoke(args=["purge"])
    told = [
        "2 idempotency keys",
        "0 unsent forms",
        "0 events of webhooks",
        "0 mails",
        "0 links in mails",
        "0 files of proofs",
    ]
    assert (done.exit_code, done.output.splitlines()) == (0, [f"{what} deleted." for what in told])
    assert counted(app)[2] == 0


def test_purging_takes_many_in_small_units(app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "_PURGED_AT_ONCE", 3)
    old = [
        {"scope_id": world.account.id, "route": "x", "key": str(number), "fingerprint": "", "request_id": "",
         "created_at": clock.now() - timedelta(days=2, seconds=number // 2), "replays": 0}
        for number in range(8)
    ]  # fmt: skip
    with app.app_context():
        with transaction() as unit:
            unit.execute(insert(IdempotencyKey), old)
        assert [idempotency.purge() for _ in range(4)] == [3, 3, 2, 0]
    assert counted(app)[2] == 0


def test_thirty_two_twins_make_one_payment(app: Flask, world: World, make: Factory) -> None:
    body = body_for(make.invoice(world.account))
    callers = [Caller(app, make.token(world.users["owner"])) for _ in range(CLIENTS)]
    start = Barrier(CLIENTS)

    def report(caller: Caller) -> TestResponse:
        start.wait()
        answer = send(caller, REPORT, body, "one-key")
        while answer.status_code in (409, 503):  # still running: as Retry-After says, in a moment
            assert answer.headers["Retry-After"]
            assert answer.get_json(force=True)["code"] in ("idempotency_key_in_use", "database_busy")
            answer = send(caller, REPORT, body, "one-key")
        return answer

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(report, callers))
    assert {answer.status_code for answer in answers} == {201}
    assert len({without_id(answer) for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert counted(app) == (1, 1, 1)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_while_the_first_still_runs(app: Flask, world: World, make: Factory) -> None:
    """Another connection holds the key's row uncommitted, as a slow first request does."""
    body = body_for(make.invoice(world.account))
    with engine_of_the_owner(app).connect() as slow:
        slow.execute(
            insert(IdempotencyKey).values(
                scope_id=world.account.id, route="api.report", key="k", fingerprint="", request_id="",
                created_at=clock.now(), replays=0,
            )
        )  # fmt: skip
        answer = send(world["owner"], REPORT, body, "k")
        slow.rollback()
    assert problem(answer) == (409, "idempotency_key_in_use", [])
    assert answer.headers["Retry-After"] == "1"
    assert send(world["owner"], REPORT, body, "k").status_code == 201


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_first_that_came_to_nothing_leaves_the_key_to_its_twin(app: Flask, world: World, make: Factory) -> None:
    """The twin waits while the first runs; the first is undone; then the twin acts."""
    body = body_for(make.invoice(world.account))
    with engine_of_the_owner(app).connect() as slow, ThreadPoolExecutor(1) as pool:
        slow.execute(
            insert(IdempotencyKey).values(
                scope_id=world.account.id, route="api.report", key="k", fingerprint="", request_id="",
                created_at=clock.now(), replays=0,
            )
        )  # fmt: skip
        twin = pool.submit(send, world["owner"], REPORT, body, "k")
        time.sleep(0.3)
        assert not twin.done()
        slow.rollback()
        assert (twin.result().status_code, "Idempotent-Replayed" in twin.result().headers) == (201, False)


@pytest.mark.parametrize(
    ("first_id", "reference"), [("ORDER-2024-0001", "ORDER-2024-0001"), ("pending_approval", "T-1")]
)
def test_a_request_id_of_the_senders_choice_changes_nothing_but_itself(
    first_id: str, reference: str, world: World, make: Factory
) -> None:
    body = body_for(make.invoice(world.account), reference)
    answers = [
        world["owner"].raw(
            "POST", BASE + REPORT, data=json.dumps(body), content_type="application/json",
            headers={"Idempotency-Key": "k", "X-Request-ID": request_id},
        ).get_json(force=True)
        for request_id in (first_id, "succeeded-0001")
    ]  # fmt: skip
    assert [answer.get("code") for answer in answers] == [None, None]
    assert [answer["request_id"] for answer in answers] == [first_id, "succeeded-0001"]
    assert answers[0]["data"] == answers[1]["data"]
