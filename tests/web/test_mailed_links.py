"""Invitations, forgotten passwords and new addresses, from the form to the link in the mail and back."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.accounts.models import MailedLink, User
from portal.accounts.second_factor import is_obligatory
from portal.accounts.service import set_enabled
from portal.foundation import clock
from portal.foundation.audit import NOBODY, AuditEntry
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from portal.mail.composing import compose
from portal.mail.models import Mail
from tests.factories import PASSWORD, SYSTEM, Factory
from tests.pages import Page, Pages
from tests.web.conftest import World

NEW = "another correct battery"


def mails(app: Flask) -> list[Mail]:
    with app.app_context(), across_accounts():
        return list(session.scalars(select(Mail).order_by(Mail.id)))


def link_of(app: Flask, kind: str) -> str:
    """Where the newest mail of this kind leads."""
    return link_in([mail for mail in mails(app) if mail.kind == kind][-1])


def link_in(mail: Mail) -> str:
    body = compose(mail).get_body(("plain",))
    assert body is not None
    found = re.search(r"http://localhost:8000(/\S+token=\S+)", str(body.get_content()))
    assert found is not None
    return found.group(1)


def open_and_send(pages: Pages, link: str, **values: str) -> Page:
    """Open the link's page, and send its form."""
    page = pages.get(link)
    if page.status != 200:
        return page
    return pages.post(link.partition("?")[0], page.values | values, token=page.values["csrf_token"])


def actions(app: Flask, user: User) -> list[str]:
    with app.app_context(), across_accounts():
        found = select(AuditEntry.action).where(AuditEntry.subject_id == user.id).order_by(AuditEntry.id)
        return list(session.scalars(found))


def ask(world: World, email: str) -> Page:
    return Pages(world.app).post("/password-reset", {"email": email})


def test_a_forgotten_password(world: World) -> None:
    """The sessions end, the second factor is asked for as ever, and the mail's link works once."""
    for who, onward in (("owner", "/"), ("reviewer", "/login/code")):
        user, elsewhere = world.users[who], world.visit(who)
        assert "Check your mail" in ask(world, f" {user.email.upper()} ").text
        link = link_of(world.app, "password_reset")
        stranger = Pages(world.app)
        assert user.email in stranger.get(link).text
        assert elsewhere.get("/profile/").status == 200
        assert open_and_send(stranger, link, password=NEW).location == "/login"
        assert elsewhere.get("/profile/").location == "/login"
        assert Pages(world.app).post("/login", {"email": user.email, "password": PASSWORD}).status == 400
        assert Pages(world.app).post("/login", {"email": user.email, "password": NEW}).location == onward
        assert open_and_send(Pages(world.app), link, password=PASSWORD).status == 410
        assert mails(world.app)[-1].kind == "password_changed"
        wanted = ["password_reset.asked", "user.password_changed", "session.ended"]
        assert [action for action in actions(world.app, user) if action in wanted] == wanted


def test_a_forgotten_password_that_somebody_else_chose(world: World) -> None:
    """The one that its user chose by the link is their own: signing in asks for no other."""
    user = world.users["owner"]
    world.visit("admin").post(f"/admin/users/{user.id}/password", {"password": "handed over in person"})
    ask(world, user.email)
    open_and_send(Pages(world.app), link_of(world.app, "password_reset"), password=NEW)
    assert Pages(world.app).post("/login", {"email": user.email, "password": NEW}).location == "/"


def test_a_forgotten_password_ends_the_tokens(world: World, make: Factory) -> None:
    """Whoever had the old password may have made them. Others' go on."""

    def answers() -> list[int]:
        get = world.app.test_client().get
        headers = [{"Authorization": f"Bearer {secret}"} for secret in secrets.values()]
        return [get("/api/v1/billing/tokens/", headers=one).status_code for one in headers]

    secrets = {who: make.token(world.users[who]) for who in ("owner", "reviewer", "member")}
    assert answers() == [200, 200, 200]
    for who in ("owner", "reviewer"):
        ask(world, world.users[who].email)
        link, stranger = link_of(world.app, "password_reset"), Pages(world.app)
        assert "your API tokens will end" in stranger.get(link).text
        page = stranger.follow(open_and_send(stranger, link, password=NEW))
        said = "Your password is changed, you are signed out everywhere, and your API tokens have ended."
        assert page.notices == [f"{said} Sign in with the new one."]
    assert answers() == [401, 401, 200]


def test_a_bad_new_password_keeps_the_link(world: World) -> None:
    ask(world, world.users["owner"].email)
    link = link_of(world.app, "password_reset")
    page = open_and_send(Pages(world.app), link, password="short")
    assert page.status == 400
    assert list(page.field_errors) == ["password"]
    assert open_and_send(Pages(world.app), link, password=NEW).status == 303


def test_who_asks_for_a_password_learns_nothing(world: World) -> None:
    """The same answer and as many rows, whether somebody signs in with the address, nobody does, or they may not."""
    locked_out = world.users["member"]
    with world.app.app_context(), across_accounts():
        set_enabled(locked_out.id, by=SYSTEM, enabled=False)
    answers = set()
    for email in (world.users["owner"].email, "nobody@portal.example", locked_out.email):
        before = rows(world.app)
        page = ask(world, email)
        answers.add((page.status, page.text.replace(email, "…"), str(sorted(grown(before, rows(world.app)).items()))))
    assert len(answers) == 1
    assert [(mail.kind, mail.state, mail.address) for mail in mails(world.app)] == [
        ("password_reset", "pending", world.users["owner"].email),
        ("password_reset", "dropped", ""),
        ("password_reset", "dropped", ""),
    ]
    with world.app.app_context(), across_accounts():
        unknown = select(func.count()).where(
            AuditEntry.subject_id == NOBODY, AuditEntry.action == "password_reset.asked"
        )
        assert session.scalar(unknown) == 2


def rows(app: Flask) -> dict[str, int]:
    with app.app_context(), across_accounts():
        counted = {
            table.__tablename__: select(func.count()).select_from(table) for table in (Mail, MailedLink, AuditEntry)
        }
        return {name: session.scalar(count) or 0 for name, count in counted.items()}


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in before}


def test_asking_again_and_again_is_slowed_down(world: World) -> None:
    for email in ("nobody@portal.example", world.users["owner"].email):
        assert [ask(world, email).status for _ in range(4)] == [200, 200, 200, 429]
    assert [ask(world, f"{number}@portal.example").status for number in range(5)] == [200, 200, 200, 200, 429]


def test_a_link_is_over(world: World) -> None:
    """When its time is, with another password, for a user who is locked out, and where it is no whole one."""
    owner, visitor = world.users["owner"], world.visit("owner")
    ask(world, owner.email)
    first = link_of(world.app, "password_reset")
    for broken in (
        first[:-1],
        first + "x",
        first.partition("?")[0],
        "/invitation?" + first.partition("?")[2],
        "/email-change?token=x",
    ):
        page = Pages(world.app).get(broken)
        assert (page.status, page.h1) == (410, "This link does not work")
    with clock.set_to(clock.now() + timedelta(hours=1)):
        assert Pages(world.app).get(first).status == 410
    for address in ("/password-reset/password", "/invitation", "/email-change"):
        assert Pages(world.app).post(address, {"password": NEW}).status == 410
    assert Pages(world.app).get(first).status == 200
    form = {"current_password": PASSWORD, "password": NEW}
    assert visitor.post("/profile/password", form).status == 303
    assert open_and_send(Pages(world.app), first, password=PASSWORD).status == 410
    ask(world, owner.email)
    second = link_of(world.app, "password_reset")
    with world.app.app_context(), across_accounts():
        set_enabled(owner.id, by=SYSTEM, enabled=False)
    assert Pages(world.app).get(second).status == 410


@pytest.mark.parametrize(
    ("link", "label", "address"),
    [
        ("/password-reset/password", "Ask for a new link", "/password-reset"),
        ("/invitation", "Sign in", "/login"),
        ("/email-change", "Go to your profile", "/profile/"),
    ],
)
def test_a_link_that_is_over_offers_its_own_way_on(world: World, link: str, label: str, address: str) -> None:
    for pages, is_known in ((Pages(world.app), False), (world.visit("owner"), True)):
        page = pages.get(f"{link}?token=x")
        assert (page.status, page.links[label]) == (410, address)
        assert page.text.count("This link") == 2  # the heading, and why
        assert ("Overview" in page.links) is is_known


def test_secrets_stand_nowhere_in_clear(world: World, caplog: pytest.LogCaptureFixture) -> None:
    ask(world, world.users["owner"].email)
    link = link_of(world.app, "password_reset")
    open_and_send(Pages(world.app), link, password="short")
    secret = link.rpartition("=")[2]
    with world.app.app_context(), across_accounts():
        (row,) = session.scalars(select(MailedLink))
        (mail,) = session.scalars(select(Mail))
        kept = str([vars(row), vars(mail), [vars(entry) for entry in session.scalars(select(AuditEntry))]])
    assert row.token_hash in kept
    assert secret not in kept
    assert caplog.records
    assert secret not in caplog.text


@pytest.fixture
def admin(world: World) -> Pages:
    return world.visit("admin")


def invite(world: World, admin: Pages, email: str, **values: str) -> Page:
    form = {"name": "Nora New", "email": email, "account": world.account.number, "role": "member"} | values
    return admin.post("/admin/invitations/new", form)


def test_an_invitation(world: World, admin: Pages) -> None:
    assert invite(world, admin, "Nora@Acme.example").location == "/admin/invitations/"
    link = link_of(world.app, "invitation")
    page = Pages(world.app).get(link)
    assert "You are invited as member of Acme GmbH" in page.text
    assert open_and_send(Pages(world.app), link, password="short").status == 400
    assert open_and_send(Pages(world.app), link, password=NEW).location == "/login"
    assert open_and_send(Pages(world.app), link, password=NEW).status == 410
    nora = Pages(world.app)
    assert nora.post("/login", {"email": "nora@acme.example", "password": NEW}).location == "/"
    assert "Acme GmbH" in nora.get("/profile/").text
    assert admin.get("/admin/invitations/").rows == []


def test_an_invitation_to_staff_sets_up_a_second_factor(world: World, admin: Pages) -> None:
    invite(world, admin, "nora@portal.example", account="", role="reviewer")
    open_and_send(Pages(world.app), link_of(world.app, "invitation"), password=NEW)
    with world.app.app_context(), across_accounts():
        nora = session.scalar(select(User).where(User.email == "nora@portal.example"))
        assert nora is not None
        assert (nora.role, nora.account_id, is_obligatory(nora)) == ("reviewer", None, True)
    assert Pages(world.app).post("/login", {"email": nora.email, "password": NEW}).location == "/login/set-up"


def test_an_invitation_is_withdrawn_or_replaced(world: World, admin: Pages) -> None:
    invite(world, admin, "nora@acme.example")
    first = link_of(world.app, "invitation")
    invite(world, admin, "nora@acme.example", role="viewer")
    second = link_of(world.app, "invitation")
    assert Pages(world.app).get(first).status == 410
    page = admin.get("/admin/invitations/")
    assert [row[1:4] for row in page.rows] == [["nora@acme.example", "Acme GmbH", "Viewer"]]
    (form,) = [form for form in page.root.all("form") if form.attributes["action"].endswith("withdrawal")]
    assert admin.post(form.attributes["action"]).status == 303
    assert open_and_send(Pages(world.app), second, password=NEW).status == 410


@pytest.mark.parametrize(("end", "values"), [("deactivation", {}), ("role", {"role": "reviewer"})])
def test_an_invitation_ends_with_the_right_of_whoever_made_it(
    end: str, values: dict[str, str], world: World, admin: Pages, make: Factory
) -> None:
    """Or else an admin who is about to be locked out would invite themselves back in."""
    leaving = make.user("admin")
    invite(world, Pages(world.app).sign_in(leaving), "eve@portal.example", account="", role="admin")
    invite(world, admin, "nora@acme.example")
    eve, nora = (link_in(mail) for mail in mails(world.app) if mail.kind == "invitation")
    opened = Pages(world.app)
    page = opened.get(eve)
    assert (page.status, len(admin.get("/admin/invitations/").rows)) == (200, 2)
    assert admin.post(f"/admin/users/{leaving.id}/{end}", values).status == 303
    assert [row[1] for row in admin.get("/admin/invitations/").rows] == ["nora@acme.example"]
    sent = opened.post("/invitation", page.values | {"password": NEW}, token=page.values["csrf_token"])
    assert (sent.status, Pages(world.app).get(eve).status, Pages(world.app).get(nora).status) == (410, 410, 200)


def test_an_invitation_tells_nothing_of_who_is_there(world: World, admin: Pages) -> None:
    """Whoever invites gets the same answer; whoever reads the mail learns that they sign in already."""
    stranger = world.users["stranger"]
    answers = [invite(world, admin, email) for email in ("nobody@portal.example", stranger.email)]
    assert [(page.status, page.location) for page in answers] == [(303, "/admin/invitations/")] * 2
    pages, link = Pages(world.app), link_of(world.app, "invitation")
    page = pages.get(link)
    assert f"You sign in with {stranger.email} already, so this invitation changes nothing." in page.text
    assert (page.links["Sign in"], "password" in page.values) == ("/login", False)
    token = link.partition("token=")[2]
    assert pages.post("/invitation", {"token": token, "password": NEW}).status == 409
    assert Pages(world.app).post("/login", {"email": stranger.email, "password": NEW}).status == 400


def test_what_an_invitation_refuses(world: World, admin: Pages) -> None:
    assert list(invite(world, admin, "no address").field_errors) == ["email"]
    assert list(invite(world, admin, "nöra@acme.example").field_errors) == ["email"]
    assert list(invite(world, admin, "nora@acme.example\r\nBcc: eve@else.example").field_errors) == ["email"]
    assert list(invite(world, admin, "nora@acme.example", name="Eve\r\nBcc: eve@else.example").field_errors) == ["name"]
    assert list(invite(world, admin, "nora@acme.example", role="admin").field_errors) == ["role"]
    assert list(invite(world, admin, "nora@acme.example", account="C-0").field_errors) == ["account"]
    assert mails(world.app) == []


def test_another_address(world: World) -> None:
    """Nothing changes before the link is opened; then the old address is told, and older links are over."""
    for who in ("owner", "reviewer"):
        user, visitor, new = world.users[who], world.visit(who), f"{who}@new.example"
        ask(world, user.email)
        reset = link_of(world.app, "password_reset")
        assert visitor.post("/profile/email", {"email": new, "password": "wrong"}).field_errors.keys() == {"password"}
        assert visitor.post("/profile/email", {"email": user.email, "password": PASSWORD}).status == 400
        assert visitor.post("/profile/email", {"email": f" {new.upper()}", "password": PASSWORD}).status == 303
        assert user.email in visitor.get("/profile/").text
        link = link_of(world.app, "email_change")
        assert open_and_send(Pages(world.app), link).location == "/login"
        assert new in visitor.get("/profile/").text
        told = mails(world.app)[-1]
        assert (told.kind, told.address, told.data) == ("email_changed", user.email, {"email": new})
        assert open_and_send(Pages(world.app), link).status == 410
        assert Pages(world.app).get(reset).status == 410
        assert Pages(world.app).post("/login", {"email": new, "password": PASSWORD}).status == 303


def test_who_asks_for_another_address_again_means_the_last_one(world: World) -> None:
    """The first may have been a slip, and a stranger reads its mails."""
    visitor = world.visit("owner")
    for new in ("slip@new.example", "right@new.example"):
        assert visitor.post("/profile/email", {"email": new, "password": PASSWORD}).status == 303
    slip, right = (mail for mail in mails(world.app) if mail.kind == "email_change")
    assert open_and_send(Pages(world.app), link_in(slip)).status == 410
    assert open_and_send(Pages(world.app), link_in(right)).location == "/login"
    assert "right@new.example" in visitor.get("/profile/").text


def test_with_a_second_factor_another_address_asks_for_a_fresh_code(world: World, admin: Pages) -> None:
    """The password alone must not lead to the mails by which a password is chosen anew."""
    with clock.set_to(clock.now() + timedelta(minutes=6)):
        page = admin.post("/profile/email", {"email": "eve@portal.example", "password": PASSWORD})
    assert (page.status, page.h1) == (403, "Confirm that it is you")
    assert mails(world.app) == []


def test_an_address_that_somebody_has(world: World) -> None:
    """Whoever asks is told nothing; whoever reads its mails learns it."""
    owner, stranger = world.users["owner"], world.users["stranger"]
    visitor = world.visit("owner")
    assert visitor.post("/profile/email", {"email": stranger.email, "password": PASSWORD}).status == 303
    page = open_and_send(Pages(world.app), link_of(world.app, "email_change"))
    assert page.status == 409
    assert "Somebody else signs in with this address" in page.text
    assert owner.email in visitor.get("/profile/").text
