"""COMMITs whose answer is lost, and connections that break before it: nobody is told what is not so."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, make_url, select
from sqlalchemy.exc import TimeoutError
from werkzeug.test import TestResponse

from portal.billing.invoices.models import Invoice
from portal.billing.payments.models import Payment
from portal.foundation import retries
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from tests import postgres
from tests.api.conftest import Caller, problem
from tests.api.test_idempotency import REPORT, body_for, send
from tests.engines import disconnect, listening
from tests.faults import AtCommit, Proxy
from tests.reliability.conftest import World

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
FAULTS = [AtCommit.LOSE, AtCommit.CUT]


def payments_in(app: Flask) -> int:
    with app.app_context(), across_accounts():
        return session.scalar(select(func.count()).select_from(Payment)) or 0


def fail(network: Proxy, *fates: AtCommit) -> None:
    """The next COMMITs end like this, the others well."""
    following = iter(fates)
    network.at_commit = lambda: next(following, AtCommit.PASS)


@pytest.mark.parametrize("fates", [[fate] for fate in FAULTS] + [[AtCommit.LOSE, AtCommit.LOSE, AtCommit.CUT]])
def test_with_a_key_the_api_finds_out_by_itself(
    fates: list[AtCommit], world: World, behind: Flask, network: Proxy
) -> None:
    body = body_for(world.make.invoice(world.account))
    fail(network, *fates)
    answer = send(world.caller(behind), REPORT, body, "k")
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (201, False)
    assert payments_in(world.app) == 1
    again = send(world.caller(behind), REPORT, body, "k")
    assert (again.get_json()["data"], again.headers["Idempotent-Replayed"]) == (answer.get_json()["data"], "true")


@pytest.mark.parametrize("fate", FAULTS)
def test_a_secret_that_was_not_shown_yet_is_shown(fate: AtCommit, world: World, behind: Flask, network: Proxy) -> None:
    """No table holds it, so that the answer found in one lacks it; but the portal has not told anybody so far."""
    fail(network, fate)
    answer = send(world.caller(behind), "/tokens/", {"name": "ledger"}, "k")
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (201, False)
    made = answer.get_json()["data"]
    assert Caller(world.app, made["secret"]).get("/account/").status_code == 200
    again = send(world.caller(behind), "/tokens/", {"name": "ledger"}, "k")
    assert (again.get_json()["data"], again.headers["Idempotent-Replayed"]) == (made | {"secret": None}, "true")


@pytest.mark.parametrize("fate", FAULTS)
def test_without_a_key_the_api_says_that_it_cannot_tell(
    fate: AtCommit, world: World, behind: Flask, network: Proxy
) -> None:
    body = body_for(world.make.invoice(world.account))
    fail(network, fate)
    answer = world.caller(behind).post(REPORT, body)
    assert problem(answer) == (503, "outcome_unknown", [])
    assert answer.headers["Retry-After"] == "5"
    assert payments_in(world.app) == (1 if fate is AtCommit.LOSE else 0)


def test_what_fails_after_its_commit_is_not_said_to_be_undone(world: World) -> None:
    """The payment is there, and the database goes away before the answer is put together."""
    body, written = body_for(world.make.invoice(world.account)), threading.Event()

    def note(on: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if written.is_set():
            raise TimeoutError("no connection came free")
        on.info["reported"] = on.info.get("reported") or statement.startswith("INSERT INTO payments ")

    def commit(on: Any) -> None:
        if on.info.pop("reported", False):
            written.set()

    with listening(world.app, "before_cursor_execute", note), listening(world.app, "commit", commit):
        answer = world.caller().post(REPORT, body)
    assert problem(answer) == (503, "outcome_unknown", [])
    assert payments_in(world.app) == 1


def test_with_the_retries_off_even_a_key_leaves_it_to_the_caller(
    world: World, behind: Flask, network: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the retries that answer above. The caller's own retry then meets what was done."""
    monkeypatch.setattr(retries, "ATTEMPTS", 1)
    body = body_for(world.make.invoice(world.account))
    fail(network, AtCommit.LOSE)
    assert problem(send(world.caller(behind), REPORT, body, "k"))[:2] == (503, "outcome_unknown")
    again = send(world.caller(behind), REPORT, body, "k")
    assert (again.status_code, again.headers["Idempotent-Replayed"], payments_in(world.app)) == (201, "true", 1)


@pytest.mark.parametrize("fate", FAULTS)
def test_a_form_leads_to_its_payment(fate: AtCommit, world: World, behind: Flask, network: Proxy) -> None:
    invoice = world.make.invoice(world.account)
    pages = world.pages(behind)
    form = pages.get(f"/invoices/{invoice.id}/payment").values
    fail(network, fate)
    sent = pages.post(f"/invoices/{invoice.id}/payment", form | {"transaction_reference": "TRF 1"})
    shown = pages.follow(sent)
    assert (sent.status, shown.h1) == (303, "Payment of 49.00 EUR")
    assert shown.notices.count("Thank you. Your payment is reported.") == 1
    assert payments_in(world.app) == 1


def test_a_form_without_a_key_says_where_to_look(world: World, behind: Flask, network: Proxy) -> None:
    invoice = world.make.invoice(world.account)
    pages = world.pages(behind)
    filled = {"payment_method": "bank_transfer", "transaction_reference": "TRF 1"}
    fail(network, AtCommit.LOSE)
    page = pages.post(f"/invoices/{invoice.id}/payment", filled)
    assert (page.status, page.h1) == (503, "This may have been recorded")
    assert "Look whether it is there before you send it again." in page.text
    assert [row[0] for row in pages.get(page.links["See the payments"]).rows] == ["TRF 1"]


@pytest.fixture
def ghost(server: postgres.Server, app: Flask) -> Iterator[postgres.Server]:
    """A server whose COMMITs wait for a standby that is not there."""
    name = make_url(app.config["SQLALCHEMY_DATABASE_URI"]).database
    with server.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = on".encode())
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'ghost'")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    come_back(server)


def come_back(server: postgres.Server) -> None:
    with server.connect() as connection:
        connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
        connection.execute("SELECT pg_reload_conf()")


def cancel_waiting(server: postgres.Server) -> None:
    """Cancel the wait for the standby, as an operator would: PostgreSQL commits here, and warns."""
    with server.connect() as connection:
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            row = connection.execute(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            ).fetchone()
            if row:
                return
            time.sleep(0.02)
    raise AssertionError("no COMMIT waited for the standby")


@pytest.fixture
def restarted(world: World, ghost: postgres.Server) -> Caller:
    """A caller of an app whose connections were opened after the standby went away."""
    disconnect(world.app)
    return world.caller()


def during(
    server: postgres.Server, caller: Caller, body: dict[str, Any], key: str | None, *, back: bool
) -> TestResponse:
    """Report while the wait for the standby is cancelled; then the standby is back, or not."""

    def interfere() -> None:
        cancel_waiting(server)
        if back:
            come_back(server)

    interfering = threading.Thread(target=interfere)
    interfering.start()
    answer = send(caller, REPORT, body, key) if key else caller.post(REPORT, body)
    interfering.join()
    return answer


@pytest.fixture
def invoice(world: World) -> Invoice:
    return world.make.invoice(world.account)


def test_a_commit_that_did_not_reach_the_standby_is_unknown(
    world: World, invoice: Invoice, ghost: postgres.Server, restarted: Caller
) -> None:
    answer = during(ghost, restarted, body_for(invoice), None, back=False)
    assert problem(answer) == (503, "outcome_unknown", [])


def test_with_a_key_it_is_answered_once_the_standby_has_it(
    world: World, invoice: Invoice, ghost: postgres.Server, restarted: Caller
) -> None:
    answer = during(ghost, restarted, body_for(invoice), "k", back=True)
    assert answer.status_code == 201
    assert payments_in(world.app) == 1
