"""Users by staff's API: added, looked at, given roles and passwords, let in and locked out."""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from portal.accounts.service import authenticate
from portal.foundation import clock
from portal.foundation.ids import new_id
from tests.api.conftest import BASE, World, problem
from tests.contents import contents
from tests.factories import PASSWORD, Factory
from tests.pages import Pages

SECRET = "plain herons wade"
NEW = {"email": "New@Portal.Example", "name": "Nora New", "password": SECRET}


def shown(user: dict[str, Any]) -> dict[str, Any]:
    """What is known of a user beforehand."""
    return {name: value for name, value in user.items() if name not in ("id", "created_at")}


def test_somebody_joins_staff(world: World) -> None:
    made = world["admin"].post("/users/", NEW | {"role": "reviewer"})
    data = made.get_json()["data"]
    assert (made.status_code, shown(data)) == (201, {
        "account_id": None, "email": "new@portal.example", "name": "Nora New", "role": "reviewer", "is_enabled": True,
        "has_second_factor": False, "must_choose_password": True,
    })  # fmt: skip
    assert made.headers["Location"] == f"{BASE}/users/{data['id']}/"
    assert world["admin"].raw("GET", made.headers["Location"]).get_json()["data"] == data
    with world.app.app_context():
        assert authenticate("new@portal.example", SECRET) is not None


def test_somebody_joins_an_account(world: World) -> None:
    path = f"/accounts/{world.account.id}/users/"
    made = world["admin"].post(path, NEW | {"role": "member"})
    data = made.get_json()["data"]
    assert (made.status_code, data["account_id"], data["role"]) == (201, str(world.account.id), "member")
    row = {name: value for name, value in data.items() if name not in ("has_second_factor", "must_choose_password")}
    assert world["admin"].get("/users/", q="nora").get_json()["data"] == [row]
    nowhere = path.replace(str(world.account.id), str(new_id()))
    assert problem(world["admin"].post(nowhere, NEW | {"role": "member"})) == (404, "not_found", [])


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"role": "owner"}, (400, "role_does_not_fit", [("role", "role_does_not_fit")])),
        ({"role": "system"}, (400, "invalid_input", [("role", "invalid")])),
        ({"role": ["admin"]}, (400, "invalid_input", [("role", "invalid")])),
        ({"email": "nobody"}, (400, "invalid_email", [("email", "invalid_email")])),
        ({"name": ""}, (400, "required", [("name", "required")])),
        ({"password": "short"}, (400, "password_length", [("password", "password_length")])),
        (
            {"email": "nobody", "name": "", "password": "short"},
            (400, "invalid_input", [("email", "invalid_email"), ("name", "required"), ("password", "password_length")]),
        ),
        ({"password": "password1234"}, (400, "breached_password", [("password", "breached_password")])),
        ({"account_id": str(new_id())}, (400, "invalid_input", [("account_id", "unknown_field")])),
    ],
)
def test_who_cannot_join_is_refused(world: World, change: dict[str, Any], refusal: tuple[Any, ...]) -> None:
    assert problem(world["admin"].post("/users/", NEW | {"role": "admin"} | change)) == refusal
    assert world["admin"].get("/users/", q="nora").get_json()["data"] == []


def test_users_are_listed_and_filtered(world: World) -> None:
    staff = world["admin"].get("/users/", staff="true").get_json()["data"]
    assert [row["role"] for row in staff] == ["admin", "reviewer"]
    of_globex = world["admin"].get("/users/", account_id=str(world.globex.id)).get_json()["data"]
    assert [(row["name"], row["account_id"]) for row in of_globex] == [("Gina Globex", str(world.globex.id))]
    first = world["admin"].get("/users/", page_size=4, staff="false").get_json()
    rest = world["admin"].raw("GET", first["pagination"]["next"]).get_json()
    assert [row["name"][0] for row in first["data"] + rest["data"]] == list("ARGVMO")
    assert problem(world["admin"].get("/users/", staff="yes")) == (400, "invalid_input", [("staff", "invalid_type")])


def test_a_role_is_put_as_often_as_one_likes(world: World) -> None:
    path = f"/users/{world.users['viewer'].id}/role/"
    for _ in range(2):
        changed = world["admin"].send("PUT", path, {"role": "member"})
        assert (changed.status_code, changed.get_json()["data"]["role"]) == (200, "member")
    staff = world["admin"].send("PUT", path, {"role": "admin"})
    assert problem(staff) == (400, "role_does_not_fit", [("role", "role_does_not_fit")])
    own = world["admin"].send("PUT", f"/users/{world.users['admin'].id}/role/", {"role": "reviewer"})
    assert problem(own) == (409, "own_user", [("role", "own_user")])


def test_a_password_ends_the_users_tokens(world: World) -> None:
    user = world.users["viewer"]
    changed = world["admin"].send("PUT", f"/users/{user.id}/password/", {"password": SECRET})
    assert (changed.status_code, "password" in changed.get_json()["data"]) == (200, False)
    assert problem(world["viewer"].get("/account/")) == (401, "invalid_token", [])
    with world.app.app_context():
        assert (authenticate(user.email, SECRET) is None, authenticate(user.email, PASSWORD) is None) == (False, True)


def test_a_user_is_locked_out_and_let_in(world: World) -> None:
    path = f"/users/{world.users['viewer'].id}/"
    user = world["admin"].get(path).get_json()["data"]
    for _ in range(2):
        assert world["admin"].post(f"{path}deactivation/").get_json()["data"] == user | {"is_enabled": False}
    assert problem(world["viewer"].get("/account/")) == (401, "invalid_token", [])
    for _ in range(2):
        assert world["admin"].post(f"{path}activation/").get_json()["data"] == user
    own = world["admin"].post(f"/users/{world.users['admin'].id}/deactivation/")
    assert problem(own) == (409, "own_user", [])


def test_sessions_end_and_a_lost_factor_goes(world: World, make: Factory) -> None:
    user = make.user("owner", world.account, second_factor=True)
    path = f"/users/{user.id}/"
    known = world["admin"].get(path).get_json()["data"]
    assert (known["has_second_factor"], world["admin"].post(f"{path}sessions/end/").get_json()["data"]) == (True, known)
    reset = world["admin"].post(f"{path}second-factor/reset/")
    assert (reset.status_code, reset.get_json()["data"]) == (200, known | {"has_second_factor": False})
    own = world["admin"].post(f"/users/{world.users['admin'].id}/second-factor/reset/")
    assert problem(own) == (409, "own_user", [])


def test_a_password_stands_nowhere_not_even_to_be_guessed_at(world: World) -> None:
    """Of what came with a key a fingerprint is kept; it takes the portal's own key to tell which text it is of."""
    headers = {"Idempotency-Key": "k"}
    answers = [world["admin"].send("POST", "/users/", NEW | {"role": "reviewer"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert SECRET not in repr(contents(world.app))
    (row,) = contents(world.app)["idempotency_keys"]
    asked = json.dumps(NEW | {"role": "reviewer"}).encode()
    assert [len(str(part)) for part in row].count(64) == 1
    assert sha256(b"[]" + asked).hexdigest() not in row


def test_customers_and_reviewers_are_refused(world: World) -> None:
    user = world.users["viewer"].id
    for who in ("owner", "reviewer"):
        answers = [
            world[who].get("/users/"), world[who].get(f"/users/{user}/"), world[who].post("/users/", NEW),
            world[who].post(f"/accounts/{world.account.id}/users/", NEW),
            world[who].send("PUT", f"/users/{user}/role/", {"role": "owner"}),
            world[who].send("PUT", f"/users/{user}/password/", {"password": SECRET}),
            world[who].post(f"/users/{user}/deactivation/"), world[who].get(f"/users/{new_id()}/"),
        ]  # fmt: skip
        assert {problem(answer)[:2] for answer in answers} == {(403, "forbidden")}


def test_a_browsers_session_needs_the_token_and_the_factor(world: World) -> None:
    """PUT and PATCH are guarded as POST is: by the session's token, by where they come from, by the second factor."""
    pages = Pages(world.app).sign_in(world.users["admin"])
    pages.get("/profile/")
    path, body = f"{BASE}/users/{world.users['viewer'].id}/role/", {"role": "owner"}
    account = f"{BASE}/accounts/{world.account.id}/"
    own, other = {"X-CSRFToken": pages.csrf_token}, {"Sec-Fetch-Site": "cross-site"}
    assert problem(pages.send("PUT", path, json=body))[1] == "csrf_failed"
    assert problem(pages.send("PATCH", account, json={"name": "Other"}))[1] == "csrf_failed"
    assert problem(pages.send("PUT", path, json=body, headers=own | other))[1] == "cross_site"
    assert pages.send("PATCH", account, json={"name": "Other"}, headers=own).get_json()["data"]["name"] == "Other"
    assert pages.send("PUT", path, json=body, headers=own).get_json()["data"]["role"] == "owner"
    with clock.set_to(clock.now() + timedelta(minutes=6)):
        late = pages.send("PUT", path, json={"role": "viewer"}, headers=own)
        assert problem(late) == (403, "confirmation_required", [])
    assert world["admin"].raw("GET", path.replace("role/", "")).get_json()["data"]["role"] == "owner"
