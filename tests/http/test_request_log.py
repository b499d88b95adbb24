"""A request's id and its line in the log."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from portal.accounts.queries import live_tokens
from portal.foundation import logs
from tests.api.conftest import BASE, Caller
from tests.factories import Factory
from tests.pages import Pages

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(app: Flask, capfd: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """What was logged since it was last asked, as in production."""
    logs.set_up(level="info", as_json=True)
    yield lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    logs.set_up(level="info", as_json=False)


def test_a_request_is_one_line_that_names_the_route_and_not_the_address(
    app: Flask, make: Factory, lines: Lines
) -> None:
    account = make.account()
    make.method()
    owner = make.user("owner", account)
    payment = make.payment(make.invoice(account), owner)
    caller = Caller(app, make.token(owner))
    with app.app_context():
        token_id = str(live_tokens(owner.id)[0].id)
    lines()
    answer = caller.raw("POST", f"{BASE}/payments/{payment.id}/approval/?q=typed", json={"version": 1})
    (line,) = lines()
    assert answer.status_code == 403
    assert line.pop("ms") > 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": answer.headers["X-Request-ID"],
        "method": "POST",
        "route": "/api/v1/billing/payments/<id:payment_id>/approval/",
        "status": 403,
        "address": "127.0.0.1",
        "actor_id": str(owner.id),
        "role": "owner",
        "face": "api",
        "account_id": str(account.id),
        "token_id": token_id,
        "refusal": "forbidden",
        "logger": "portal.requests",
    }


def test_staff_have_no_account_and_strangers_no_name(app: Flask, make: Factory, lines: Lines) -> None:
    pages = Pages(app).sign_in(make.user("admin"))
    lines()
    pages.get("/admin/users/")
    Pages(app).get("/login")
    staff, stranger = lines()
    assert (staff["role"], staff["face"], staff["account_id"]) == ("admin", "admin", None)
    assert "actor_id" not in stranger


def test_a_static_file_is_no_line_of_its_own(app: Flask, lines: Lines) -> None:
    app.test_client().get("/static/css/base.css").close()
    assert lines() == []


def test_a_failure_is_told_with_its_request_and_without_values(
    app: Flask, make: Factory, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("portal.api.payments.payment_page", fail)
    caller = Caller(app, make.token(make.user("owner", make.account())))
    lines()
    answer = caller.get("/payments/")
    told, request = lines()
    assert answer.status_code == 500
    assert told["event"] == "request failed"
    assert told["exception"].endswith("ZeroDivisionError: ours")
    assert told["request_id"] == request["request_id"] == answer.headers["X-Request-ID"]
    assert (request["level"], request["status"]) == ("error", 500)


def test_a_library_speaks_with_the_requests_id(app: Flask, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.http.gate.identify", lambda: logging.getLogger("a.library").warning("from within"))
    answer = app.test_client().get("/login", headers={"X-Request-ID": "caller-0001"})
    within, _ = lines()
    assert (within["event"], within["request_id"]) == ("from within", "caller-0001")
    assert answer.headers["X-Request-ID"] == "caller-0001"
    logging.getLogger("a.library").warning("after it")
    assert "request_id" not in lines()[0]


@pytest.mark.parametrize("given", ["abcdefgh", "A-b_c.9" * 3, "x" * 64, "018f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f"])
def test_a_callers_own_id_is_kept(given: str, app: Flask) -> None:
    answer = app.test_client().get(f"{BASE}/account/", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"], answer.get_json()["request_id"]) == (given, given)


@pytest.mark.parametrize(
    "given",
    [
        "", "short77", "x" * 65, "with space", "semi;colon", "ümlaut-ü-ü-ü", "１２３４５６７８",
        "<script>alert(1)</script>",
        "4111111111111111", "4111-1111-1111-1111", "DE02120300000000202051",
        "bp_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6", "abcdefgh\tx",
    ],
)  # fmt: skip
def test_any_other_id_is_replaced(given: str, app: Flask) -> None:
    raw = given.encode().decode("latin-1")  # as servers hand it over
    answer = app.test_client().get(f"{BASE}/account/", environ_overrides={"HTTP_X_REQUEST_ID": raw})
    assert UUID(answer.headers["X-Request-ID"]).version == 7
    assert given == "" or given not in answer.text
