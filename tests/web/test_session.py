"""Signing in and out."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from portal.accounts import service, sessions
from portal.accounts.models import User
from portal.accounts.passwords import passwords
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session, transaction
from portal.foundation.ids import new_id
from portal.foundation.tenancy import across_accounts
from portal.mail.models import Mail
from tests import audited
from tests.factories import PASSWORD, Factory, acting
from tests.pages import Pages, bare
from tests.web.conftest import World

Value = TypeVar("Value")


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
    said = "The e-mail address or the password is wrong. Check both, and try again."
    assert page.notices == [f"This was not done yet. {said}"]
    assert (page.values["email"], page.values["password"]) == (address, "")


@pytest.mark.parametrize("who", ["owner", "reviewer"])
def test_signing_in_keeps_the_password_by_the_present_parameters(
    who: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of itself: no session ends, nobody is told, and a second time nothing changes."""
    user, before, older = world.users[who], world.visit(who), world.users[who].password_hash
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    seen = read(audited.entries, world)
    world.visit(who)
    (renewed,) = {hash_of(user, world)} - {older}
    assert str(renewed).startswith("$argon2id$v=19$m=16,t=2,p=1$")
    with clock.set_to(clock.now() + timedelta(minutes=1)):
        world.visit(who)
    assert hash_of(user, world) == renewed
    assert before.get("/profile/").status == 200
    steps = ["session.started"] if who == "owner" else ["session.password_accepted", "session.started"]
    assert [action for action, _ in read(lambda: audited.new(seen), world)] == steps * 2
    assert read(lambda: session.scalars(select(Mail.kind)).all(), world) == []


def test_a_password_that_does_not_fit_is_kept_as_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    user, older = world.users["owner"], world.users["owner"].password_hash
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert world.visit().post("/login", {"email": user.email, "password": "wrong password"}).status == 400
    assert hash_of(user, world) == older


def test_a_password_that_was_changed_meanwhile_does_not_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a server of before, which knows nothing of the new parameters."""
    user, changed = world.users["owner"], passwords.hash("another long password", about=())
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    start = sessions.start_session

    def start_and_change(*args: Any, **options: Any) -> Any:
        started = start(*args, **options)
        with across_accounts(), transaction() as unit:
            unit.get_one(User, user.id).password_hash = changed
        return started

    monkeypatch.setattr(sessions, "start_session", start_and_change)
    world.visit().post("/login", {"email": user.email, "password": PASSWORD})
    assert hash_of(user, world) == changed


def hash_of(user: User, world: World) -> str | None:
    return read(lambda: session.get_one(User, user.id).password_hash, world)


def read(reading: Callable[[], Value], world: World) -> Value:
    """What the database says now, of all accounts."""
    with world.app.app_context(), across_accounts():
        return reading()


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


def cookie_of(pages: Pages) -> str:
    cookie = pages._client.get_cookie("portal_session")
    assert cookie is not None
    return cookie.value


def with_cookie(world: World, value: str) -> Pages:
    """Somebody else's browser with a copy of the cookie."""
    pages = world.visit()
    pages._client.set_cookie("portal_session", value)
    return pages


def test_a_copied_cookie_is_dead_after_signing_out(world: World) -> None:
    pages = world.visit("owner")
    thief = with_cookie(world, cookie_of(pages))
    assert thief.get("/profile/").status == 200
    pages.post("/logout")
    assert thief.get("/profile/").status == 302
    assert with_cookie(world, cookie_of(thief)).get("/profile/").status == 302


def test_a_copied_cookie_is_dead_after_another_password(world: World) -> None:
    pages = world.visit("owner")
    thief = with_cookie(world, cookie_of(pages))
    form = {"current_password": PASSWORD, "password": "another good one"}
    assert pages.post("/profile/password", form).status == 303
    assert (pages.get("/profile/").status, thief.get("/profile/").status) == (200, 302)


def test_a_session_ends_with_another_role(world: World) -> None:
    pages = world.visit("member")
    with world.app.app_context():
        service.change_role(world.users["member"].id, by=acting(world.users["admin"]), role=Role.OWNER)
    assert pages.get("/profile/").status == 302


def test_a_cookie_planted_before_signing_in_opens_nothing(world: World) -> None:
    """Session fixation: whoever gave the browser its cookie has nothing of the session that begins in it."""
    attacker, victim = world.visit(), world.visit()
    attacker.get("/login")
    victim._client.set_cookie("portal_session", cookie_of(attacker))
    victim.sign_in(world.users["owner"])
    assert (victim.get("/profile/").status, attacker.get("/profile/").status) == (200, 302)
    mine = world.visit("member")
    fixed = cookie_of(mine)
    victim = with_cookie(world, fixed)  # the attacker's own live session: it ends with the victim's sign-in
    victim.sign_in(world.users["owner"])
    assert world.users["owner"].name in victim.get("/profile/").text
    assert mine.get("/profile/").status == 302


def test_the_cookie_holds_nothing_of_the_person(world: World) -> None:
    pages = world.visit("owner")
    with pages._client.session_transaction() as cookie:
        kept = {name: str(value) for name, value in cookie.items()}
    assert set(kept) <= {"_user_id", "_fresh", "_id", "_permanent", "csrf_token"}
    assert str(world.users["owner"].id) not in str(kept)
    assert len(kept["_user_id"]) == 43


def test_the_cookie_that_tells_the_browser_goes_to_the_sign_in_only(world: World) -> None:
    pages = world.visit()
    pages.get("/login")
    sent = pages.post("/login", {"email": world.users["owner"].email, "password": PASSWORD})
    (cookie,) = [value for value in sent.response.headers.getlist("Set-Cookie") if value.startswith("portal_device=")]
    assert {"HttpOnly", "SameSite=Strict", "Path=/login"} <= {part.strip() for part in cookie.split(";")}


def test_ones_sessions_are_listed_and_ended(world: World) -> None:
    here, there = world.visit("viewer"), world.visit("viewer")
    page = here.get("/profile/")
    rows = page.rows_of("Sessions")
    assert [row[0] for row in rows] == ["Werkzeug This device", "Werkzeug"]
    assert [row[1] for row in rows] == ["127.0.0.1"] * 2
    own = there.get("/profile/").root.one("button", aria_label="End Werkzeug").parent
    end = page.root.one("button", aria_label="End Werkzeug")
    assert end.parent is not None
    assert own is not None
    ended = here.follow(here.post(end.parent.attributes["action"]))
    assert (ended.notices, len(ended.rows_of("Sessions"))) == (["Werkzeug is signed out."], 1)
    assert there.get("/profile/").status == 302
    assert "End all others" not in ended.buttons
    third = world.visit("viewer")
    assert "End all others" in here.get("/profile/").buttons
    assert here.follow(here.post("/profile/sessions/end")).notices == ["Everywhere else you are signed out."]
    assert (here.get("/profile/").status, third.get("/profile/").status) == (200, 302)
    assert here.post(own.attributes["action"]).location == "/login"
    assert here.get("/profile/").status == 302


def test_anothers_session_is_not_there(world: World) -> None:
    victim, stranger = world.visit("owner"), world.visit("stranger")
    button = world.visit("owner").get("/profile/").root.one("button", aria_label="End Werkzeug")
    assert button.parent is not None
    address = button.parent.attributes["action"]
    absent = f"/profile/sessions/{new_id()}/end"
    assert stranger.post(address).response.status_code == stranger.post(absent).status == 404
    assert world.visit("admin").post(address).status == 404
    assert victim.get("/profile/").status == 200


def test_too_many_guesses_are_answered_alike_whoever_is_guessed(world: World) -> None:
    answers = []
    with clock.set_to(clock.now()):
        for email in (world.users["owner"].email, "x" * len(world.users["owner"].email[:-13]) + "@acme.example"):
            pages = world.visit()
            pages.get("/login")
            sent = [pages.post("/login", {"email": email, "password": "a wrong password"}) for _ in range(6)]
            answers.append(
                [(page.status, page.response.headers.get("Retry-After"), bare(page.response)) for page in sent]
            )
            assert sent[-1].h1 == "Too many requests"
            assert "Try again in 3 minutes." in sent[-1].text
    known, unknown = answers
    assert [answer[:2] for answer in known] == [answer[:2] for answer in unknown] == [(400, None)] * 5 + [(429, "180")]
    assert known[5] == unknown[5]
    strip = re.compile(rb'value="[^"]*@[^"]*"')
    assert [strip.sub(b"", answer[2]) for answer in known] == [strip.sub(b"", answer[2]) for answer in unknown]


def test_a_stranger_who_guesses_does_not_lock_the_user_out_of_their_own_browser(world: World) -> None:
    user, own = world.users["owner"], world.visit("owner")
    own.post("/logout")
    stranger = world.visit()
    stranger.get("/login")
    form = {"email": user.email, "password": "a wrong password"}
    assert [stranger.post("/login", form).status for _ in range(6)][-1] == 429
    assert stranger.post("/login", form | {"password": PASSWORD}).status == 429
    assert own.sign_in(user).get("/profile/").status == 200


def test_sessions_and_refusals_are_in_the_audit_log(world: World) -> None:
    user = world.users["owner"]
    pages = world.visit()
    pages.get("/login")
    pages.post("/login", {"email": user.email, "password": "a wrong password"})
    pages.sign_in(user).post("/logout")
    with world.app.app_context():
        entries = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.action.startswith("session."), AuditEntry.subject_id == user.id)
            .order_by(AuditEntry.id)
        ).all()
        told = [(e.action, e.subject_id, e.actor_id, e.address, bool(e.request_id)) for e in entries]
    assert told == [
        ("session.refused", user.id, None, "127.0.0.1", True),
        ("session.started", user.id, user.id, "127.0.0.1", True),
        ("session.ended", user.id, user.id, "127.0.0.1", True),
    ]
