"""The second factor on pages: signing in takes both steps, setting up shows secrets once, a weighty step asks again."""

from datetime import timedelta
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from portal.accounts.models import User
from portal.accounts.passwords import mark_as_demo
from portal.foundation import clock
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.html.qr import as_image
from tests import authenticators
from tests.factories import PASSWORD, Factory
from tests.pages import Page, Pages
from tests.web.conftest import World

SIX_MINUTES = timedelta(minutes=6)


def after_password(world: World, user: User, onward: str = "") -> tuple[Pages, Page]:
    """A visitor who has shown the password, and where that led."""
    pages = world.visit()
    pages.get("/login")
    sent = pages.post(f"/login?next={onward}" if onward else "/login", {"email": user.email, "password": PASSWORD})
    assert sent.status == 303
    return pages, sent


def shown_secret(page: Page) -> str:
    """The secret that a set-up page shows as text; its QR code is an image in the page."""
    image = page.root.one("img", class_="qr").attributes["src"]
    assert image.startswith("data:image/svg+xml")
    assert "<script" not in unquote(image)
    secret = page.root.one("bdi", class_="value").text
    assert len(secret) == 32
    return secret


def codes_on(page: Page) -> list[str]:
    return page.root.one("pre").text.split()


def test_signing_in_takes_the_code_too_and_leads_on(world: World) -> None:
    user = world.users["admin"]
    pages, sent = after_password(world, user, "/admin/audit/")
    assert sent.response.headers["Location"] == "/login/code?next=/admin/audit/"
    page = pages.follow(sent)
    assert (page.status, page.h1) == (200, "Type your code")
    wrong = pages.post("/login/code?next=/admin/audit/", {"code": "000000"})
    assert (wrong.status, list(wrong.field_errors)) == (400, ["code"])
    empty = pages.post("/login/code?next=/admin/audit/", {"code": ""})
    assert empty.field_errors == {"code": "Type the code that your app shows now."}
    done = pages.post("/login/code?next=/admin/audit/", {"code": authenticators.code(user)})
    assert (done.status, done.location) == (303, "/admin/audit/")
    assert pages.follow(done).h1 == "Audit log"


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https:evil.example", "javascript:alert(1)", "/\t/evil.example"]
)
def test_next_leads_nowhere_else_after_the_second_step_either(target: str, world: World) -> None:
    user = world.users["reviewer"]
    pages, sent = after_password(world, user)
    pages.follow(sent)
    answer = pages._client.post(
        "/login/code",
        query_string={"next": target},
        data={"code": authenticators.code(user), "csrf_token": pages._csrf_token},
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/approvals/")


def test_the_password_alone_opens_nothing(world: World, make: Factory) -> None:
    """Every page and every route of the API, straight after the password: sent to the second step, or 401."""
    for second_factor in (True, False):
        user = make.user("admin", second_factor=second_factor)
        step = "/login/code" if second_factor else "/login/set-up"
        pages, _ = after_password(world, user)
        for path in ("/", "/profile/", "/profile/second-factor", "/admin/approvals/", "/admin/users/", "/confirmation"):
            page = pages.get(path)
            assert (page.status, page.location) == (302, "/login"), path
            again = pages.follow(page)
            assert (again.status, again.location) == (302, step), path
        for path in ("/profile/second-factor", "/profile/tokens/", "/profile/sessions/end", "/admin/users/new"):
            page = pages.post(path, {"name": "x", "password": PASSWORD})
            assert (page.status, page.location) == (302, "/login"), path
        assert pages._client.get("/api/v1/billing/payments/").status_code == 401
        other = "/login/set-up" if second_factor else "/login/code"
        assert pages.post(other, {"code": "123456"}).status in (302, 400)
        assert pages.get("/admin/approvals/").status == 302


def test_the_second_step_without_the_first_leads_to_it(world: World) -> None:
    pages = world.visit()
    for path in ("/login/code", "/login/set-up"):
        assert (pages.get(path).location, pages.post(path, {"code": "1"}).location) == ("/login", "/login")
    whole = world.visit("owner")
    assert (whole.get("/login/code").location, whole.get("/").status) == ("/login", 200)


def test_staff_without_one_set_it_up_and_get_no_further_without(world: World, make: Factory) -> None:
    user = make.user("reviewer", second_factor=False)
    pages, sent = after_password(world, user, "/admin/payments/")
    page = pages.follow(sent)
    assert (page.location, page.h1) == ("", "Set up your second factor")
    secret = shown_secret(page)
    assert shown_secret(pages.get("/login/set-up")) == secret  # a reload shows the same
    wrong = pages.post("/login/set-up?next=/admin/payments/", {"code": "000000"})
    assert (wrong.status, list(wrong.field_errors), shown_secret(wrong)) == (400, ["code"], secret)
    authenticators.hold(user, secret)
    done = pages.post("/login/set-up?next=/admin/payments/", {"code": authenticators.code(user)})
    assert (done.status, len(codes_on(done))) == (201, 10)
    assert done.response.headers["Cache-Control"] == "no-store"
    assert done.links["I have saved them"] == "/admin/payments/"
    assert pages.get("/admin/payments/").h1 == "Payments"
    profile = pages.get("/profile/second-factor").response.text
    assert [kept for kept in (secret, *codes_on(done)) if kept in profile] == []
    pages.post("/logout")
    again, sent = after_password(world, user)
    code = {"code": codes_on(done)[0]}
    entered = again.post("/login/code", code)
    assert (sent.location, again.follow(entered).notices[:1]) == (
        "/login/code", ["You used a recovery code; 9 are left. Is the phone lost? Set up another on your profile."],
    )  # fmt: skip
    third, _ = after_password(world, user)
    assert third.post("/login/code", code).status == 400


@pytest.mark.parametrize("who", ["owner", "reviewer"])
def test_the_page_of_the_codes_belongs_to_the_session_that_goes_on(who: str, world: World, make: Factory) -> None:
    """Whoever sets a factor up has another session from then on; the form on that very answer is of it."""
    if who == "owner":
        user, pages, address = world.users["owner"], world.visit("owner"), "/profile/second-factor/activation"
        pages.post("/profile/second-factor", {"password": PASSWORD})
        page = pages.get("/profile/second-factor")
    else:
        user, address = make.user("reviewer", second_factor=False), "/login/set-up"
        pages, sent = after_password(world, user)
        page = pages.follow(sent)
    authenticators.hold(user, shown_secret(page))
    done = pages.post(address, {"code": authenticators.code(user)})
    assert done.status == 201
    assert pages.post("/logout", token=done.values["csrf_token"]).location == "/login"


def test_in_the_demo_staff_sign_in_without(world: World, make: Factory) -> None:
    user = make.user("admin", second_factor=False)
    with world.app.app_context():
        mark_as_demo()
    pages, sent = after_password(world, user)
    assert sent.location == "/admin/approvals/"
    assert pages.post("/profile/tokens/", {"access": "everything", "name": "x"}).status == 201


def test_a_code_seen_by_somebody_is_worth_nothing(world: World) -> None:
    user = world.users["admin"]
    first, _ = after_password(world, user)
    code = authenticators.code(user)
    assert first.post("/login/code", {"code": code}).status == 303
    second, _ = after_password(world, user)
    assert second.post("/login/code", {"code": code}).status == 400


def test_each_step_has_another_cookie_and_the_old_one_is_dead(world: World) -> None:
    user = world.users["admin"]
    pages = world.visit()
    secrets = []

    def keep() -> None:
        with pages._client.session_transaction() as cookie:
            secrets.append(cookie.get("_user_id"))

    pages.get("/login")
    keep()
    pages.post("/login", {"email": user.email, "password": PASSWORD})
    keep()
    pages.post("/login/code", {"code": authenticators.code(user)})
    keep()
    assert secrets[0] is None
    assert secrets[1] != secrets[2]
    stolen = world.visit()
    with stolen._client.session_transaction() as cookie:
        cookie["_user_id"] = secrets[1]
    assert stolen.get("/login/code").location == "/login"
    assert pages.get("/admin/approvals/").status == 200


def test_a_customer_sets_one_up_replaces_and_removes_it(world: World) -> None:
    user = world.users["owner"]
    here, there = world.visit("owner"), world.visit("owner")
    page = here.get("/profile/second-factor")
    assert (page.h1, page.buttons, page.root.all("img", class_="qr")) == ("Second factor", ["Set up"], [])
    refused = here.post("/profile/second-factor", {"password": "a wrong password"})
    assert (refused.status, refused.field_errors) == (400, {"password": "This is not your current password."})
    authenticators.hold(user, shown_secret(here.follow(here.post("/profile/second-factor", {"password": PASSWORD}))))
    wrong = here.post("/profile/second-factor/activation", {"code": "000000"})
    assert (wrong.status, list(wrong.field_errors)) == (400, ["code"])
    done = here.post("/profile/second-factor/activation", {"code": authenticators.code(user)})
    assert (done.status, len(codes_on(done))) == (201, 10)
    assert (here.get("/profile/").status, there.get("/profile/").status) == (200, 302)
    assert "10 of 10 are left" in here.get("/profile/second-factor").text
    renewed = here.post("/profile/second-factor/recovery-codes", {"password": PASSWORD})
    assert (renewed.status, set(codes_on(renewed)) & set(codes_on(done))) == (201, set())
    assert here.post("/profile/second-factor/removal", {"password": "no"}).status == 400
    removed = here.post("/profile/second-factor/removal", {"password": PASSWORD})
    assert here.follow(removed).notices == ["Your second factor is removed. Everywhere else you are signed out."]
    assert after_password(world, user)[1].location == "/"


def test_staff_cannot_switch_it_off(world: World) -> None:
    pages = world.visit("admin")
    assert "Switch it off" not in pages.get("/profile/second-factor").buttons
    page = pages.post("/profile/second-factor/removal", {"password": PASSWORD})
    assert (page.status, page.notices) == (
        409, ["This was not done yet. Staff need a second factor. You can replace it by another."],
    )  # fmt: skip


def test_a_stale_session_shows_its_factor_before_it_changes_it(world: World) -> None:
    pages = world.visit("admin")
    with clock.set_to(clock.now() + SIX_MINUTES):
        page = pages.get("/profile/second-factor")
        assert page.response.headers["Location"] == "/confirmation?next=/profile/second-factor"
        asked = pages.follow(page)
        assert (asked.status, asked.h1) == (403, "Confirm that it is you")
        code = authenticators.code(world.users["admin"])
        sent = pages.post("/confirmation?next=/profile/second-factor", {"confirmation_code": code})
        assert (sent.status, sent.location) == (303, "/profile/second-factor")
        assert pages.follow(sent).h1 == "Second factor"
        assert pages.get("/confirmation?next=//evil.example").response.headers["Location"] == "/admin/approvals/"


def carried(page: Page) -> dict[str, str]:
    """The form of the page that asks again: where it goes, and what it carries."""
    (form,) = [form for form in page.root.all("form") if form.all("input", name="confirmation_code")]
    held = {box.attributes["name"]: box.attributes["value"] for box in form.all("input", type="hidden")}
    return {"to": form.attributes["action"]} | {name: value for name, value in held.items() if name != "csrf_token"}


REASON = 'Sent twice,\nsays the "bank" <b>today</b> & tomorrow.'


def test_a_refund_asks_again_and_keeps_what_was_typed(world: World, make: Factory) -> None:
    admin = world.users["admin"]
    payment = make.approved(make.payment(make.invoice(world.account), world.users["owner"]), world.users["reviewer"])
    pages, address = world.visit("admin"), f"/admin/payments/{payment.id}/refund"
    with clock.set_to(clock.now() + SIX_MINUTES):
        asked = pages.post(address, {"version": "2", "reason": REASON})
        assert (asked.status, asked.h1) == (403, "Confirm that it is you")
        held = carried(asked)
        assert held == {"to": address, "version": "2", "reason": REASON}
        wrong = pages.post(held.pop("to"), held | {"confirmation_code": "000000"})
        assert (wrong.status, list(wrong.field_errors)) == (403, ["confirmation_code"])
        assert make.payment_now(payment).status == "succeeded"
        held = carried(wrong)
        done = pages.post(held.pop("to"), held | {"confirmation_code": authenticators.code(admin)})
        assert (done.status, done.location) == (303, f"/admin/payments/{payment.id}/")
    refunded = make.payment_now(payment)
    assert (refunded.status, refunded.events[-1].reason) == ("refunded", REASON)


def test_what_is_wrong_anyway_is_said_before_a_code_is_asked_for(world: World, make: Factory) -> None:
    payment = make.approved(make.payment(make.invoice(world.account), world.users["owner"]), world.users["reviewer"])
    pages, address = world.visit("admin"), f"/admin/payments/{payment.id}/refund"
    with clock.set_to(clock.now() + SIX_MINUTES):
        page = pages.post(address, {"version": "2", "reason": "4111 1111 1111 1111"})
        assert (page.status, list(page.field_errors), "4111" in page.response.text) == (400, ["reason"], False)
        assert world.visit("reviewer").post(address, {"version": "2", "reason": "x"}).h1 == "You have no access to this"


def test_roles_factors_and_staffs_tokens_ask_again(world: World, make: Factory) -> None:
    admin, member, reviewer = (world.users[who] for who in ("admin", "member", "reviewer"))
    new = {"name": "N", "email": "n@portal.example", "role": "admin", "account": "", "password": "a password of mine"}
    weighty = {
        f"/admin/users/{member.id}/role": {"role": "viewer"},
        f"/admin/users/{reviewer.id}/second-factor/reset": {},
        "/profile/tokens/": {"access": "everything", "name": "ledger"},
        "/admin/users/new": new,
        f"/admin/users/{member.id}/password": {"password": new["password"]},
    }
    pages = world.visit("admin")
    with clock.set_to(clock.now() + SIX_MINUTES):
        for address, form in weighty.items():
            asked = pages.post(address, form)
            assert (asked.status, asked.h1) == (403, "Confirm that it is you"), address
            assert new["password"] not in asked.response.text
            kept = {name: value for name, value in form.items() if name != "password"}
            assert carried(asked) == {"to": address, **kept}
        code = authenticators.code(admin)
        issued = pages.post("/profile/tokens/", {"access": "everything", "name": "ledger", "confirmation_code": code})
        assert issued.status == 201
        assert pages.post(f"/admin/users/{member.id}/role", {"role": "viewer"}).status == 303
        page = pages.post("/admin/users/new", new | {"password": ""})
        assert (page.status, page.values["email"]) == (400, "n@portal.example")


def test_a_confirmation_gives_the_session_another_cookie_and_leaves_other_tabs_forms_valid(world: World) -> None:
    pages = world.visit("admin")
    with clock.set_to(clock.now() + SIX_MINUTES):
        pages.get("/profile/")
        thief, other_tab = Pages(world.app), pages.csrf_token
        thief.set_cookies(pages.cookies())
        assert thief.get("/profile/").status == 200
        code = authenticators.code(world.users["admin"])
        assert pages.post("/confirmation", {"confirmation_code": code}).status == 303
        assert (pages.get("/profile/").status, thief.get("/profile/").status) == (200, 302)
        assert pages.post("/profile/tokens/", {"access": "everything", "name": "x"}, token=other_tab).status == 201


def test_a_confirmation_is_throttled_and_belongs_to_its_session(world: World) -> None:
    here, there = world.visit("admin"), world.visit("admin")
    with clock.set_to(clock.now() + SIX_MINUTES):
        form = {"confirmation_code": "000000", "reason": "typed"}
        wrong = [here.post("/confirmation", form) for _ in range(6)]
        assert [page.status for page in wrong] == [403] * 5 + [429]
        assert int(wrong[-1].response.headers["Retry-After"]) > 200
        assert "Try again in 5 minutes." in wrong[-1].notices[0]
        assert carried(wrong[-1]) == {"to": "/confirmation", "reason": "typed"}
        code = authenticators.code(world.users["admin"])
        assert there.post("/confirmation", {"confirmation_code": code}).status == 303
        assert here.get("/confirmation").status == 403


def test_the_api_by_a_browsers_session_says_that_a_code_is_needed(world: World, make: Factory) -> None:
    payment = make.approved(make.payment(make.invoice(world.account), world.users["owner"]), world.users["reviewer"])
    address, body = f"/api/v1/billing/payments/{payment.id}/refund/", {"version": 2, "reason": "twice"}
    pages = world.visit("admin")
    token = make.token(world.users["admin"])
    pages.get("/profile/")
    with clock.set_to(clock.now() + SIX_MINUTES):
        answer = pages._client.post(address, json=body, headers={"X-CSRFToken": pages._csrf_token})
        assert (answer.status_code, answer.get_json(force=True)["code"]) == (403, "confirmation_required")
        smuggled = body | {"confirmation_code": authenticators.code(world.users["admin"])}
        answer = pages._client.post(address, json=smuggled, headers={"X-CSRFToken": pages._csrf_token})
        assert answer.status_code == 400
        assert make.payment_now(payment).status == "succeeded"
        headers = {"Authorization": f"Bearer {token}"}
        assert world.app.test_client().post(address, json=body, headers=headers).status_code == 200


def test_an_admin_resets_anothers_factor_and_ends_their_sessions(world: World) -> None:
    reviewer, admin = world.users["reviewer"], world.visit("admin")
    theirs, address = world.visit("reviewer"), f"/admin/users/{reviewer.id}/"
    assert {"End all sessions", "Reset second factor"} <= set(admin.get(address).buttons)
    ended = admin.follow(admin.post(f"{address}sessions/end"))
    assert ended.notices == [f"{reviewer.name} is signed out everywhere."]
    assert theirs.get("/profile/").status == 302
    reset = admin.follow(admin.post(f"{address}second-factor/reset"))
    assert "no longer has a second factor" in reset.notices[0]
    assert not {"End all sessions", "Reset second factor"} & set(reset.buttons)
    assert after_password(world, reviewer)[1].location == "/login/set-up"
    twice = admin.post(f"{address}second-factor/reset")
    assert (twice.status, twice.notices) == (409, ["This was not done yet. There is no second factor."])
    with world.app.app_context():
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_id == reviewer.id)).all()
    assert {"session.started", "session.ended", "second_factor.reset"} <= set(actions)


def test_the_qr_code_names_the_portal_and_the_person(world: World, make: Factory) -> None:
    """What the image holds is the address that apps read: its secret is the one shown as text."""
    user = make.user("reviewer", second_factor=False)
    pages, sent = after_password(world, user)
    page = pages.follow(sent)
    secret = shown_secret(page)
    address = (
        f"otpauth://totp/Billing%20Portal:{user.email.replace('@', '%40')}?secret={secret}&issuer=Billing%20Portal"
    )
    assert page.root.one("img", class_="qr").attributes["src"] == as_image(address)


@pytest.mark.parametrize(
    "path", ["/login/code", "/login/set-up", "/login?next=/login/code", "/confirmation?next=/login/code"]
)
def test_who_is_signed_in_is_led_on_and_not_around(path: str, world: World) -> None:
    """After pressing Back, or in another tab, the second step is behind one."""
    pages = world.visit("admin")
    page, steps = pages.get(path), 0
    while page.status in (302, 303):
        page, steps = pages.follow(page), steps + 1
        assert steps < 5, path
    assert page.h1 == "Approvals"


WEIGHTY = (
    "methods/new",
    "methods/{method}/",
    "methods/{method}/deactivation",
    "users/new",
    "users/{owner}/deactivation",
)


@pytest.mark.parametrize("path", WEIGHTY)
def test_where_customers_pay_to_and_who_may_act_is_changed_by_a_fresh_code_only(
    path: str, world: World, make: Factory
) -> None:
    method = make.method("local_wallet")
    with clock.set_to(clock.now() - timedelta(minutes=20)):
        pages = world.visit("admin")
    form = {
        "display_name": "Bank", "position": "1", "country": "DE", "method": "bank_transfer", "email": "x@acme.example",
        "name": "Somebody", "role": "owner", "account": str(world.account.number), "password": "a long password",
    }  # fmt: skip
    page = pages.post("/admin/" + path.format(method=method.id, owner=world.users["owner"].id), form)
    assert (page.status, page.h1) == (403, "Confirm that it is you")
