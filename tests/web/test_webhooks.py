"""The pages on webhooks: owners' and admins' alike."""

from datetime import timedelta

import pytest
from flask import Flask

from portal.foundation import clock
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from portal.webhooks import delivering
from tests.factories import Factory
from tests.pages import Page, Pages
from tests.web.conftest import World

FORM = {"url": "http://127.0.0.1:1/in", "event_types": ["payment.approved", "invoice.paid"]}
FACES = [("owner", ""), ("admin", "/admin")]


def deliver(app: Flask) -> None:
    with app.app_context(), across_accounts(), by_login(Login.WORKER):
        while delivering.hand_out() or delivering.deliver_next():
            pass


def facts(page: Page) -> list[str]:
    return [item.text for item in page.root.one(class_="changes").all("li")]


@pytest.mark.parametrize(("who", "base"), FACES)
def test_an_endpoint_from_its_first_day_to_its_last(who: str, base: str, world: World) -> None:
    pages = world.visit(who)
    assert "No endpoints yet" in pages.get(f"{base}/webhooks/").text
    added = pages.post(f"{base}/webhooks/new", FORM)
    page = pages.follow(added)
    assert (added.status, page.h1, facts(page)) == (303, "Endpoint", ["payment.approved", "invoice.paid"])
    assert page.notices[0] == "The endpoint is added. Put its secret into your program, then send a test."
    one = added.location
    assert page.buttons == ["Send a test", "Switch off", "Show it", "Rotate it", "Remove the endpoint"]
    assert pages.get(f"{base}/webhooks/").rows[0][:3] == ["http://127.0.0.1:1/in", "2 of 9", "On"]
    form = pages.get(f"{one}edit")
    assert (form.h1, form.values["url"]) == ("Change an endpoint", "http://127.0.0.1:1/in")
    assert len([box for box in form.root.all("input", name="event_types") if "checked" in box.attributes]) == 2
    changed = pages.follow(pages.post(f"{one}edit", FORM | {"event_types": ["credits.changed"]}))
    assert facts(changed) == ["credits.changed"]
    off = pages.follow(pages.post(f"{one}deactivation"))
    assert "it was switched off." in off.notices[1]
    assert off.buttons == ["Switch on", "Show it", "Rotate it", "Remove the endpoint"]
    assert pages.post(f"{one}test").notices[0] == "This endpoint is off. Switch it on first."
    assert "Send a test" in pages.follow(pages.post(f"{one}activation")).buttons
    gone = pages.follow(pages.post(f"{one}end"))
    assert gone.notices == ["The endpoint is removed. Nothing is sent to it any more."]
    assert gone.rows == []
    assert pages.get(one).buttons == []
    assert pages.post(f"{one}rotation").status == 409


@pytest.mark.parametrize(("who", "base"), FACES)
def test_what_became_of_a_delivery(who: str, base: str, world: World) -> None:
    pages = world.visit(who)
    one = pages.post(f"{base}/webhooks/new", FORM).location
    sent = pages.follow(pages.post(f"{one}test"))
    assert [row[:2] for row in sent.rows] == [["webhook.test", "On its way"]]
    deliver(world.app)
    shown = pages.get(sent.root.one("tbody").one("a").attributes["href"])
    assert shown.h1 == "webhook.test"
    assert "The next try is at" in shown.notices[0]
    assert "No connection: Connection refused." in shown.text
    assert [badge.text for badge in shown.root.all(class_="warn") if badge.tag == "span"] == ["Retrying, 1 failed"]
    (attempt,) = shown.root.one(class_="timeline").all("li")
    assert attempt.text.startswith("Failed No answer")
    with clock.set_to(clock.now() + timedelta(minutes=10)):
        deliver(world.app)
        assert [row[1::2] for row in pages.get(one).rows] == [["Retrying, 2 failed", "None after 2 tries"]]
    assert '"message": "This is a test. Nothing has happened."' in shown.root.one("pre").text
    again = pages.post(f"{shown.response.request.path}retry")
    assert (again.status, again.location) == (303, shown.response.request.path)


@pytest.mark.parametrize(("who", "base"), FACES)
def test_the_secret_stands_on_one_answer(who: str, base: str, world: World) -> None:
    pages = world.visit(who)
    one = pages.post(f"{base}/webhooks/new", FORM).location
    answer = pages.post(f"{one}secret")
    secret = answer.root.one(class_="secret").text
    assert (answer.status, answer.h1, len(secret)) == (200, "Secret", 50)
    assert answer.response.headers["Cache-Control"] == "no-store"
    rotated = pages.follow(pages.post(f"{one}rotation"))
    assert "The previous secret is valid until" in rotated.text
    assert pages.post(f"{one}secret").root.one(class_="secret").text != secret
    for path in (one, f"{one}edit", f"{base}/webhooks/"):
        assert "whsec_" not in pages.get(path).response.text


def test_what_was_typed_is_kept_beside_what_is_wrong(world: World) -> None:
    pages = world.visit("owner")
    page = pages.post("/webhooks/new", {"url": "https://10.0.0.1/", "event_types": ["invoice.paid"]})
    assert (page.status, page.values["url"]) == (400, "https://10.0.0.1/")
    assert page.field_errors == {"url": "This address is not on the public internet."}
    assert len([box for box in page.root.all("input", name="event_types") if "checked" in box.attributes]) == 1
    page = pages.post("/webhooks/new", {"url": "https://hooks.example/"})
    assert (page.status, "Choose one or more of: payment.submitted" in page.text) == (400, True)


def test_who_may_not_has_no_way_there(world: World) -> None:
    for who, base in (("member", ""), ("viewer", ""), ("reviewer", "/admin"), ("admin", ""), ("owner", "/admin")):
        pages = world.visit(who)
        assert pages.get(f"{base}/webhooks/").status == 403, who
        assert ("Manage webhooks" in pages.get("/profile/").links) == (who in ("owner", "admin")), who


def test_weighty_steps_want_the_second_factor_again(world: World, make: Factory) -> None:
    """A stolen session must not send an account's business elsewhere, nor learn to write in our name."""
    owner = make.user("owner", world.account, second_factor=True)
    pages = Pages(world.app).sign_in(owner)
    one = pages.post("/webhooks/new", FORM).location
    with clock.set_to(clock.now() + timedelta(minutes=6)):
        for path, form in (
            ("/webhooks/new", FORM), (f"{one}edit", FORM), (f"{one}secret", {}), (f"{one}rotation", {}),
            (f"{one}activation", {}),
        ):  # fmt: skip
            asked = pages.post(path, form)
            assert (asked.status, asked.h1) == (403, "Confirm that it is you"), path
        for path in ("deactivation", "end"):
            assert pages.post(f"{one}{path}").status == 303
