"""One's own tokens by the API: shown once, never kept, and as carefully given as on the page."""

import io
import json
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts import sessions
from portal.foundation import clock
from tests.api.conftest import BASE, Caller, World, problem
from tests.contents import contents
from tests.factories import Factory
from tests.pages import Pages

SHAPE = re.compile("bp_live_[0-9A-Za-z]{49}")


def issue(caller: Caller, key: str = "", path: str = "/tokens/", **body: Any) -> TestResponse:
    headers = {"Idempotency-Key": key} if key else {}
    return caller.raw("POST", BASE + path, data=json.dumps(body), content_type="application/json", headers=headers)


def data(answer: TestResponse) -> dict[str, Any]:
    found: dict[str, Any] = answer.get_json(force=True)["data"]
    return found


def test_a_token_issues_lists_rotates_and_revokes(app: Flask, world: World) -> None:
    owner = world["owner"]
    answer = issue(owner, name=" ledger ", days=30, scopes=["payments:read", "account:read"])
    made = data(answer)
    secret = made.pop("secret")
    assert (answer.status_code, bool(SHAPE.fullmatch(secret))) == (201, True)
    assert made == {
        "id": made["id"], "name": "ledger", "hint": secret[-4:], "scopes": ["payments:read", "account:read"],
        "is_live": True, "created_at": made["created_at"], "expires_at": made["expires_at"], "last_used_at": None,
        "last_used_address": None, "revoked_at": None, "rotated_from": None,
    }  # fmt: skip
    program = Caller(app, secret)
    assert program.get("/account/").status_code == 200
    missing = program.get("/invoices/")
    assert problem(missing) == (403, "scope_missing", [])
    assert missing.get_json(force=True)["scope"] == "invoices:read"
    assert missing.headers["WWW-Authenticate"] == (
        'Bearer realm="billing", error="insufficient_scope", scope="invoices:read"'
    )
    rotated = data(issue(owner, path=f"/tokens/{made['id']}/rotation/", overlap_hours=1))
    assert (rotated["rotated_from"], rotated["scopes"]) == (made["id"], made["scopes"])
    revoked = data(issue(owner, path=f"/tokens/{rotated['id']}/revocation/"))
    assert (revoked["is_live"], "secret" in revoked) == (False, False)
    assert Caller(app, rotated["secret"]).get("/account/").status_code == 401
    assert program.get("/account/").status_code == 200
    with clock.set_to(clock.now() + timedelta(hours=1, seconds=1)):
        assert program.get("/account/").status_code == 401
        listed = [(row["name"], row["is_live"]) for row in owner.get("/tokens/").get_json()["data"]]
    assert listed == [("ledger", False), ("ledger", False), ("test", True)]


def test_the_list_is_in_pages_and_ones_own(world: World, make: Factory) -> None:
    for number in range(4):
        make.token(world.users["viewer"], f"t{number}")
    first = world["viewer"].get("/tokens/", page_size=3).get_json()
    assert [row["name"] for row in first["data"]] == ["t3", "t2", "t1"]
    rest = world["viewer"].raw("GET", first["pagination"]["next"]).get_json()["data"]
    assert [row["name"] for row in rest] == ["t0", "test"]
    assert issue(world["viewer"], path=f"/tokens/{rest[0]['id']}/revocation/").status_code == 200
    for live, names in (("true", ["t3", "t2", "t1", "test"]), ("false", ["t0"])):
        found = world["viewer"].get("/tokens/", live=live).get_json()["data"]
        assert [row["name"] for row in found] == names
    assert [row["name"] for row in world["owner"].get("/tokens/").get_json()["data"]] == ["test"]


def test_anothers_token_is_like_none(world: World) -> None:
    token_id = data(issue(world["owner"], name="x"))["id"]
    for who in ("member", "stranger", "reviewer"):
        for action in ("rotation", "revocation"):
            answer = issue(world[who], path=f"/tokens/{token_id}/{action}/")
            assert problem(answer) == (404, "not_found", [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"), ({"name": ""}, "name"), ({"name": "x", "days": 0}, "days"), ({"name": "x", "days": 3651}, "days"),
        ({"name": "x", "days": "1"}, "days"), ({"name": "x", "days": True}, "days"),
        ({"name": "x", "days": 1.5}, "days"), ({"name": "x", "days": 2**70}, "days"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["payments"]}, "scopes"), ({"name": "x", "scopes": "payments:read"}, "scopes"),
        ({"name": "x", "scopes": ["payments:decide"]}, "scopes"), ({"name": "x", "secret": "y"}, "secret"),
        ({"name": "x", "user_id": "y"}, "user_id"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_at_its_field(body: dict[str, Any], field: str, world: World) -> None:
    status, _, errors = problem(issue(world["owner"], **body))
    assert (status, [name for name, _ in errors]) == (400, [field])


@pytest.mark.parametrize("hours", [-1, 169, 2**70, "1", None, 1.5])
def test_an_overlap_that_is_none(hours: Any, world: World) -> None:
    token_id = data(issue(world["owner"], name="x"))["id"]
    status, _, errors = problem(issue(world["owner"], path=f"/tokens/{token_id}/rotation/", overlap_hours=hours))
    assert (status, [name for name, _ in errors]) == (400, ["overlap_hours"])


def test_a_repeat_by_the_same_key_says_no_secret(app: Flask, world: World) -> None:
    """It tells that the token was issued, and which. Who lost the answer rotates it."""
    first = data(issue(world["owner"], "k", name="ledger"))
    again = issue(world["owner"], "k", name="ledger")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert data(again) == first | {"secret": None}
    path = f"/tokens/{first['id']}/rotation/"
    rotated = data(issue(world["owner"], "r", path, overlap_hours=0))
    assert data(issue(world["owner"], "r", path, overlap_hours=0)) == rotated | {"secret": None}
    assert Caller(app, rotated["secret"]).get("/account/").status_code == 200
    assert len(world["owner"].get("/tokens/").get_json()["data"]) == 3


def test_no_secret_is_kept_or_logged(app: Flask, world: World) -> None:
    """A canary: whatever the database and the log hold after issuing and rotating with keys, it is not in there."""
    told = io.StringIO()
    watch = logging.StreamHandler(told)
    logging.getLogger().addHandler(watch)
    try:
        made = data(issue(world["owner"], "i", name="ledger"))
        path = f"/tokens/{made['id']}/rotation/"
        rotated = data(issue(world["owner"], "r", path))
        issue(world["owner"], "r", path)
        Caller(app, rotated["secret"]).get("/account/")
    finally:
        logging.getLogger().removeHandler(watch)
    kept = repr(contents(app)) + told.getvalue()
    assert made["id"] in kept
    for secret in (made["secret"], rotated["secret"]):
        assert secret not in kept
        assert secret[8:40] not in kept


def test_a_browsers_session_shows_its_second_factor_first(app: Flask, world: World, make: Factory) -> None:
    """As on the page: five minutes after signing in, another token needs a code. Revoking one does not."""
    user = make.user("owner", world.account, second_factor=True)
    pages = Pages(app).sign_in(user)
    pages.get("/profile/")

    def post(path: str, **body: Any) -> TestResponse:
        headers = {"X-CSRFToken": pages.csrf_token}
        return pages.send("POST", BASE + path, data=json.dumps(body), content_type="application/json", headers=headers)

    token_id = data(post("/tokens/", name="x"))["id"]
    with clock.set_to(clock.now() + sessions.CONFIRMATION_LIFE + timedelta(seconds=1)):
        for path, body in (("/tokens/", {"name": "y"}), (f"/tokens/{token_id}/rotation/", {})):
            assert problem(post(path, **body)) == (403, "confirmation_required", [])
        assert post(f"/tokens/{token_id}/revocation/").status_code == 200
    without = pages.send("POST", f"{BASE}/tokens/", json={"name": "z"})
    assert problem(without) == (400, "csrf_failed", [])


def test_nobody_gets_the_secret_of_another_persons_token(world: World, make: Factory) -> None:
    """An admin neither: with it they could report as a customer what they approve as themselves."""
    make.token(world.users["owner"], "theirs")
    theirs = world["owner"].get("/tokens/").get_json()["data"][0]["id"]
    for who in ("admin", "member", "stranger"):
        assert problem(world[who].post(f"/tokens/{theirs}/rotation/", {})) == (404, "not_found", [])
    assert problem(world["member"].post(f"/tokens/{theirs}/revocation/")) == (404, "not_found", [])
    assert world["admin"].post(f"/tokens/{theirs}/revocation/").get_json()["data"]["is_live"] is False


def test_a_key_stands_for_one_persons_token(world: World) -> None:
    key = {"Idempotency-Key": "k1"}
    first = world["owner"].raw("POST", f"{BASE}/tokens/", json={"name": "x"}, headers=key)
    assert first.status_code == 201
    second = world["viewer"].raw("POST", f"{BASE}/tokens/", json={"name": "x"}, headers=key)
    assert problem(second) == (422, "idempotency_key_reused", [])
