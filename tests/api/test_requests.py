"""Requests as such: who may, in what shape, and that nothing answers 500."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from portal.accounts import service, tokens
from portal.foundation import clock
from tests.api.conftest import BASE, Caller, World, problem
from tests.factories import PASSWORD, Factory, acting

ID = "018f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f"
CUSTOMERS, PAYERS = {"owner", "member", "viewer", "stranger"}, {"owner", "member", "stranger"}
STAFF = {"reviewer", "admin"}
MANAGERS = {"owner", "stranger", "admin"}
# Who gets past the gate. Behind it an absent id is 404 and an empty body 400.
ROUTES: list[tuple[str, str, set[str], int]] = [
    ("GET", "/payments/", CUSTOMERS | STAFF, 200),
    ("GET", f"/payments/{ID}/", CUSTOMERS | STAFF, 404),
    ("POST", "/payments/manual/", PAYERS, 400),
    ("POST", f"/payments/{ID}/cancellation/", PAYERS | STAFF, 404),
    ("POST", f"/payments/{ID}/approval/", STAFF, 400),
    ("POST", f"/payments/{ID}/rejection/", STAFF, 400),
    ("POST", f"/payments/{ID}/refund/", {"admin"}, 400),
    ("GET", "/payment-methods/available/", CUSTOMERS, 200),
    ("GET", "/invoices/", CUSTOMERS | STAFF, 200),
    ("GET", f"/invoices/{ID}/", CUSTOMERS | STAFF, 404),
    ("GET", "/account/", CUSTOMERS, 200),
    ("GET", "/credit-transactions/", CUSTOMERS, 200),
    ("GET", "/webhook-endpoints/", MANAGERS, 200),
    ("POST", "/webhook-endpoints/", MANAGERS, 400),
    ("GET", f"/webhook-endpoints/{ID}/", MANAGERS, 404),
    ("PATCH", f"/webhook-endpoints/{ID}/", MANAGERS, 404),
    ("DELETE", f"/webhook-endpoints/{ID}/", MANAGERS, 404),
    ("GET", f"/webhook-endpoints/{ID}/secret/", MANAGERS, 404),
    ("POST", f"/webhook-endpoints/{ID}/rotation/", MANAGERS, 404),
    ("POST", f"/webhook-endpoints/{ID}/test/", MANAGERS, 404),
    ("GET", f"/webhook-endpoints/{ID}/deliveries/", MANAGERS, 404),
    ("POST", f"/webhook-deliveries/{ID}/retry/", MANAGERS, 404),
]


def test_every_route_is_in_the_matrix(app: Flask) -> None:
    rules = {
        (method, re.sub("<id:[a-z_]+>", ID, rule.rule.removeprefix(BASE)))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(BASE)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert rules == {(method, path) for method, path, _, _ in ROUTES}


@pytest.mark.parametrize(("method", "path", "allowed", "status"), ROUTES)
def test_who_may_use_which_route(method: str, path: str, allowed: set[str], status: int, world: World) -> None:
    answers = {who: caller.raw(method, BASE + path).status_code for who, caller in world.callers.items()}
    assert answers == {who: 401 if who == "nobody" else status if who in allowed else 403 for who in answers}


def test_without_a_token(world: World) -> None:
    response = world["nobody"].get("/payments/")
    assert problem(response) == (401, "not_signed_in", [])
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="billing"'


@pytest.mark.parametrize(
    "header",
    ["Bearer x", "Bearer ", "Bearer", "Basic eDp5", "bp_x", "", "Bearer " + "x" * 5000, "Bearer bp_\u00e9", "Token x"],
)
def test_a_bad_token_is_refused_even_beside_a_session(header: str, world: World) -> None:
    caller = signed_in(world, "owner")
    response = caller.raw("GET", f"{BASE}/payments/", headers={"Authorization": header})
    assert problem(response) == (401, "invalid_token", [])
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="billing", error="invalid_token"'


def test_tokens_that_ended(app: Flask, world: World, make: Factory) -> None:
    user = world.users["member"]
    with app.app_context():
        token, secret = tokens.issue_token(user.id, by=acting(user), name="x")
        tokens.revoke_token(token.id, by=acting(user))
    assert problem(Caller(app, secret).get("/account/")) == (401, "invalid_token", [])
    short = make.token(user, days=1)
    assert Caller(app, short).get("/account/").status_code == 200
    with clock.set_to(clock.now() + timedelta(days=2)):
        assert problem(Caller(app, short).get("/account/")) == (401, "invalid_token", [])
    with app.app_context():
        service.set_enabled(user.id, by=acting(world.users["admin"]), enabled=False)
    assert problem(Caller(app, short).get("/account/")) == (401, "invalid_token", [])


def signed_in(world: World, who: str) -> Caller:
    """A browser's session, without a token."""
    caller = Caller(world.app)
    page = caller.raw("GET", "/login").text
    form = {"email": world.users[who].email, "password": PASSWORD, "csrf_token": csrf_token(page)}
    assert caller.raw("POST", "/login", data=form).status_code == 303
    return caller


def csrf_token(page: str) -> str:
    return page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


def test_a_browsers_session_works_with_its_csrf_token(world: World, make: Factory) -> None:
    caller = signed_in(world, "owner")
    assert caller.get("/account/").get_json()["data"]["name"] == "Acme GmbH"
    body = {"invoice_id": str(make.invoice(world.account).id), "payment_method": "bank_transfer", "reference": "TRF"}
    assert problem(caller.post("/payments/manual/", body)) == (400, "csrf_failed", [])
    token = csrf_token(caller.raw("GET", "/profile/").text)
    response = caller.raw("POST", f"{BASE}/payments/manual/", json=body, headers={"X-CSRFToken": token})
    assert response.status_code == 201


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "malformed_json"),
        (b"[]", "malformed_json"),
        (b'"x"', "malformed_json"),
        (b"null", "malformed_json"),
        (b"\xff\xfe", "malformed_json"),
        (b'{"notes": "\xff"}', "malformed_json"),
        (b'{"notes": NaN}', "malformed_json"),
        (b'{"notes": -Infinity}', "malformed_json"),
        (b'{"notes": "a", "notes": "b"}', "malformed_json"),
        (b'{"notes": "\\ud800"}', "malformed_json"),
        (b'{"\\ud800": 1}', "malformed_json"),
        (b'{"notes": ' + b"[" * 30 + b"]" * 30 + b"}", "malformed_json"),
        (b"[" * 200_000, "malformed_json"),
        (b'{"notes": ' + b"1" * 5000 + b"}", "malformed_json"),
        (b'{"notes": 1e999}', "invalid_input"),
        (b"\xef\xbb\xbf{}", "malformed_json"),
        (b" ", "malformed_json"),
    ],
)
def test_bodies_that_cannot_be_read(raw: bytes, code: str, world: World) -> None:
    response = world["owner"].raw(
        "POST", f"{BASE}/payments/manual/", data=raw, content_type="application/json; charset=utf-8"
    )
    assert problem(response)[:2] == (400, code)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", ""])
def test_other_content_types_are_refused(content_type: str, world: World) -> None:
    response = world["owner"].raw("POST", f"{BASE}/payments/manual/", data=b"{}", content_type=content_type)
    assert problem(response) == (415, "unsupported_media_type", [])


def test_a_huge_body_is_refused(world: World) -> None:
    raw = json.dumps({"notes": "x" * 1_100_000})
    response = world["owner"].raw("POST", f"{BASE}/payments/manual/", data=raw, content_type="application/json")
    assert problem(response) == (413, "body_too_large", [])


def test_unknown_addresses_and_methods(world: World) -> None:
    for path in ("/nothing/", "", "/", "/payments/manual/x/"):
        assert problem(world["owner"].raw("GET", BASE + path)) == (404, "not_found", [])
    response = world["owner"].raw("DELETE", f"{BASE}/payments/")
    assert problem(response) == (405, "method_not_allowed", [])
    assert sorted(response.headers["Allow"].split(", ")) == ["GET", "HEAD", "OPTIONS"]


def test_the_last_slash_may_be_missing(world: World) -> None:
    assert world["owner"].raw("GET", f"{BASE}/payments").status_code == 200
    assert problem(world["owner"].raw("POST", f"{BASE}/payments/manual", json={}))[:2] == (400, "invalid_input")


def test_a_failure_of_ours_is_a_problem_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("portal.api.payments.payment_page", fail)
    response = world["owner"].get("/payments/")
    assert problem(response) == (500, "internal_error", [])
    assert "secret" not in response.text


def test_head_answers_without_a_body(world: World) -> None:
    response = world["owner"].raw("HEAD", f"{BASE}/payments/")
    assert (response.status_code, response.data) == (200, b"")


def test_private_answers_are_not_kept(world: World) -> None:
    headers = world["owner"].get("/account/").headers
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
