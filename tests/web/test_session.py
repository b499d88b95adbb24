"""Signing in and out."""

import pytest

from portal.accounts import service
from tests.factories import PASSWORD, Factory, acting
from tests.web.conftest import World


def test_one_signs_in_and_out(world: World) -> None:
    pages = world.visit()
    page = pages.get("/invoices/")
    assert (page.status, page.response.headers["Location"]) == (302, "/login?next=%2Finvoices%2F")
    pages.get("/login")
    sent = pages.post("/login?next=%2Finvoices%2F", {"email": world.users["owner"].email, "password": PASSWORD})
    assert (sent.status, sent.location) == (303, "/invoices/")
    assert pages.follow(sent).h1 == "Invoices"
    out = pages.post("/logout")
    assert (out.status, pages.follow(out).notices) == (303, ["You are signed out."])
    assert pages.get("/").status == 302


@pytest.mark.parametrize(
    ("email", "password"),
    [("owner", "wrong password"), ("nobody@acme.example", PASSWORD), ("disabled", PASSWORD), ("owner", "x" * 10_000)],
)
def test_whatever_is_wrong_is_said_alike(email: str, password: str, world: World, make: Factory) -> None:
    gone = make.user("member", world.account)
    with world.app.app_context():
        service.set_enabled(gone.id, by=acting(world.users["admin"]), enabled=False)
    address = {"owner": world.users["owner"].email, "disabled": gone.email}.get(email, email)
    pages = world.visit()
    page = pages.post("/login", {"email": address, "password": password})
    assert page.status == 400
    assert page.notices == ["This was not done yet. Address and password do not fit. Check both, and try again."]
    assert (page.values["email"], page.values["password"]) == (address, "")


def test_empty_fields_are_named(world: World) -> None:
    page = world.visit().post("/login", {"email": "", "password": ""})
    assert (page.status, page.field_errors) == (
        400,
        {"email": "Type your e-mail address.", "password": "Type your password."},
    )


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "/%09/evil.example", "\\\\evil.example", "https:evil.example",
        "https://evil.example/", "javascript:alert(1)", "/\t/evil.example", "/a\r\nSet-Cookie: x=1", "evil.example", "",
        "/%5Cevil.example/..",
    ],
)  # fmt: skip
def test_next_leads_nowhere_else(target: str, world: World) -> None:
    pages = world.visit()
    pages.get("/login")
    sent = pages._client.post(
        "/login",
        query_string={"next": target},
        data={"email": world.users["owner"].email, "password": PASSWORD, "csrf_token": pages._csrf_token},
    )
    location = sent.headers["Location"]
    assert sent.status_code == 303
    assert location == "/" or location.startswith(("/%09/", "/%5C"))


def test_forms_without_a_token_are_refused(world: World) -> None:
    pages = world.visit("owner")
    for path in ("/logout", "/login", "/profile/tokens/", "/profile/password"):
        page = pages.post(path, token="forged")
        assert (page.status, page.h1) == (400, "This request could not be read")
    assert pages.get("/").status == 200


def test_a_session_ends_with_its_user(world: World) -> None:
    member, admin = world.users["member"], acting(world.users["admin"])
    pages = world.visit("member")
    assert pages.get("/").status == 200
    with world.app.app_context():
        service.set_enabled(member.id, by=admin, enabled=False)
    assert pages.get("/").status == 302
    with world.app.app_context():
        service.set_enabled(member.id, by=admin, enabled=True)
    assert pages.get("/").status == 302


def test_another_password_ends_all_other_sessions(world: World) -> None:
    here, there = world.visit("owner"), world.visit("owner")
    page = here.post("/profile/password", {"current_password": "wrong", "password": "another good one"})
    assert (page.status, page.field_errors) == (400, {"current_password": "This is not your current password."})
    page = here.post("/profile/password", {"current_password": PASSWORD, "password": "short"})
    assert (page.status, list(page.field_errors)) == (400, ["password"])
    page = here.post("/profile/password", {"current_password": PASSWORD, "password": "another good one"})
    assert page.status == 303
    assert (here.get("/profile/").status, there.get("/profile/").status) == (200, 302)


def test_the_session_cookie_is_for_us_only(world: World) -> None:
    pages = world.visit()
    cookie = pages._client.get("/login").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_pages_carry_a_strict_policy_and_are_not_kept(world: World) -> None:
    headers = world.visit().get("/login").response.headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["Cache-Control"] == "no-store"
