"""A password that somebody else chose: it opens nothing but the choice of one's own."""

import pytest
from sqlalchemy import select

from portal.accounts.models import User
from portal.accounts.service import set_password
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from tests import authenticators
from tests.factories import PASSWORD, SYSTEM, Factory
from tests.pages import Page, Pages
from tests.web.conftest import World

GIVEN, OWN = "handed over in person", "known to nobody else"
HERE = "/login/password"


def given(world: World, user: User, password: str = GIVEN) -> User:
    """The user, to whom an admin gave this password."""
    done = world.visit("admin").post(f"/admin/users/{user.id}/password", {"password": password})
    assert done.status == 303
    return user


def shown(pages: Pages, user: User, password: str = GIVEN, onward: str = "") -> Page:
    """Where the password leads."""
    pages.get("/login")
    return pages.post(f"/login{onward}", {"email": user.email, "password": password})


def cookie(pages: Pages) -> str:
    kept = pages._client.get_cookie("portal_session")
    assert kept is not None
    return kept.value


def entries(world: World, user: User) -> list[str]:
    """What the audit log tells of the user, by name."""
    with world.app.app_context(), across_accounts():
        of_user = select(AuditEntry.action).where(AuditEntry.subject_id == user.id).order_by(AuditEntry.id)
        return list(session.scalars(of_user))


def test_it_leads_to_ones_own_and_opens_nothing_else(world: World) -> None:
    user, pages = given(world, world.users["owner"]), world.visit()
    sent = shown(pages, user, onward="?next=/invoices/")
    assert sent.response.headers["Location"] == f"{HERE}?next=/invoices/"
    page = pages.follow(sent)
    assert (page.status, page.h1) == (200, "Choose your password")
    assert page.response.headers["Cache-Control"] == "no-store"
    for path in ("/", "/profile/", "/profile/tokens/", "/invoices/", "/confirmation"):
        assert (pages.get(path).location, pages.follow(pages.get(path)).location) == ("/login", HERE), path
    assert pages._client.get("/api/v1/billing/payments/").status_code == 401
    assert pages.post("/profile/password", {"current_password": GIVEN, "password": OWN}).location == "/login"
    done = pages.post(f"{HERE}?next=/invoices/", {"password": OWN})
    assert (done.status, done.location) == (303, "/invoices/")
    arrived = pages.follow(done)
    assert (arrived.h1, arrived.notices[0]) == ("Invoices", "Your password is changed. Nobody else knows it.")
    assert shown(world.visit(), user).status == 400
    assert shown(world.visit(), user, OWN).location == "/"


@pytest.mark.parametrize(
    ("password", "said"),
    [
        (GIVEN, "This is the password that you were given. Choose one that nobody else knows."),
        ("short", "A password has 12 to 200 characters; this has 5."),
        ("", "Type a password."),
    ],
)
def test_what_is_no_password_of_ones_own(password: str, said: str, world: World) -> None:
    user, pages = given(world, world.users["owner"]), world.visit()
    pages.follow(shown(pages, user))
    refused = pages.post(HERE, {"password": password})
    assert (refused.status, refused.field_errors) == (400, {"password": said})
    assert pages.get("/").location == "/login"


def test_a_second_click_finds_the_session_whole(world: World) -> None:
    user, pages = given(world, world.users["owner"]), world.visit()
    pages.follow(shown(pages, user))
    pages.post(HERE, {"password": OWN})
    pages.get("/")
    again = pages.post(HERE, {"password": "something else entirely"})
    assert (again.location, pages.follow(again).location) == ("/login", "/")
    assert shown(world.visit(), user, OWN).location == "/"


def test_the_second_factor_comes_before(world: World) -> None:
    """Who knows the password that was handed over, but has no phone, cannot choose another one."""
    user, pages = given(world, world.users["reviewer"]), world.visit()
    page = pages.follow(shown(pages, user))
    assert page.h1 == "Type your code"
    early = pages.post(HERE, {"password": OWN})
    assert (early.location, pages.follow(early).location) == ("/login", "/login/code")
    before = cookie(pages)
    after_code = pages.post("/login/code?next=/admin/payments/", {"code": authenticators.code(user)})
    assert after_code.response.headers["Location"] == f"{HERE}?next=/admin/payments/"
    assert cookie(pages) != before
    assert pages.follow(after_code).h1 == "Choose your password"
    assert pages.get("/admin/payments/").location == "/login"
    for again in (pages.get("/login/code"), pages.post("/login/code", {"code": authenticators.code(user)})):
        assert (again.location, pages.follow(again).location) == ("/login", HERE)  # no code is used up
    done = pages.post(f"{HERE}?next=/admin/payments/", {"password": OWN})
    assert (done.location, pages.follow(done).h1) == ("/admin/payments/", "Payments")


def test_staff_without_a_factor_set_it_up_before(world: World, make: Factory) -> None:
    user, pages = given(world, make.user("reviewer", second_factor=False)), world.visit()
    page = pages.follow(shown(pages, user))
    assert page.h1 == "Set up your second factor"
    assert pages.post(HERE, {"password": OWN}).location == "/login"
    authenticators.hold(user, page.root.one("bdi", class_="value").text)
    codes = pages.post("/login/set-up", {"code": authenticators.code(user)})
    assert (codes.status, codes.links["I have saved them"]) == (201, HERE)
    assert pages.get(HERE).h1 == "Choose your password"
    done = pages.post(HERE, {"password": OWN})
    assert (done.location, pages.follow(done).h1) == ("/admin/approvals/", "Approvals")


def test_a_session_that_was_ended_meanwhile_chooses_nothing(world: World) -> None:
    user, pages = given(world, world.users["owner"]), world.visit()
    pages.follow(shown(pages, user))
    given(world, user, "handed over once more")
    assert pages.post(HERE, {"password": OWN}).location == "/login"
    assert shown(world.visit(), user, "handed over once more").location == HERE


def test_who_adds_a_user_hands_over_a_password_too(world: World) -> None:
    admin = world.visit("admin")
    typed = {"name": "Nora New", "email": "nora@acme.example", "account": world.account.number, "role": "member"}
    page = admin.follow(admin.post("/admin/users/new", typed | {"password": GIVEN}))
    said = "Handed over; signing in asks for one of their own"
    assert said in page.text
    with world.app.app_context(), across_accounts():
        nora = session.scalars(select(User).where(User.email == "nora@acme.example")).one()
    pages = world.visit()
    pages.follow(shown(pages, nora))
    assert pages.post(HERE, {"password": OWN}).location == "/"
    assert said not in admin.get(f"/admin/users/{nora.id}/").text
    assert entries(world, nora) == [
        "user.created",
        "session.password_accepted",
        "user.password_changed",
        "session.started",
    ]


def test_one_that_its_user_chose_is_ones_own(world: World) -> None:
    """By the profile, or at the command line, by which the first user of all is added."""
    owner, member = world.users["owner"], world.users["member"]
    pages = world.visit("owner")
    pages.post("/profile/password", {"current_password": PASSWORD, "password": OWN})
    with world.app.app_context(), across_accounts():
        set_password(member.id, by=SYSTEM, password=OWN)
    for user in (owner, member):
        assert shown(world.visit(), user, OWN).location == "/"
