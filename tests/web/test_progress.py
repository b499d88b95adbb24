"""Where a payment stands: its way in plain words, and a page that asks by itself."""

from datetime import timedelta

import pytest

from portal.accounts.models import PortalFact
from portal.foundation import clock
from portal.foundation.db import transaction
from tests.factories import Factory
from tests.pages import Node, Page
from tests.web.conftest import World


def way(page: Page) -> list[tuple[str, str]]:
    """The milestones: their stage, and what they say but for the time."""
    found = []
    for item in page.root.one("ol", class_="progress").all("li"):
        said = [node.text for node in item.all("p") if not node.all("time")]
        stage, _, words = said[0].partition(": ")
        found.append((stage, " ".join([words, *said[1:]])))
    return found


def poll_of(page: Page) -> Node | None:
    """What asks by itself."""
    return next((node for node in page.root.all("div") if "hx-get" in node.attributes), None)


def say_usual(world: World) -> None:
    """Have the worker's figures stand there."""
    value = f'{{"at": "{clock.now().isoformat()}", "quarters": [11, 104]}}'
    with world.app.app_context(), transaction() as unit:
        unit.add(PortalFact(name="decision_times", value=value))


def test_a_payments_way_from_the_report_to_the_refund(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["member"])
    member, owner = world.visit("member"), world.visit("owner")
    path = f"/payments/{payment.id}/"
    reported = ("Done", "Reported by a member of your account")
    assert way(owner.get(path)) == [
        reported,
        ("Now", "Being checked by our staff"),
        ("Next", "Outcome: approved, or not accepted with the reason"),
    ]
    assert way(member.get(path))[0] == ("Done", "Reported by you")
    booked = make.approved(payment, world.users["reviewer"])
    decided = [reported, ("Done", "Checked"), ("Done", "Approved by our staff")]
    assert way(owner.get(path)) == decided
    make.refunded(booked, world.users["admin"])
    page = owner.get(path)
    assert way(page) == [*decided, ("Done", "Refunded by our staff sent twice")]
    assert [name for name in ("Max", "Rita", "Ada") if name in page.text] == []


def test_a_rejection_says_what_was_wrong(world: World, make: Factory) -> None:
    payment = make.rejected(make.payment(make.invoice(world.account), world.users["owner"]), world.users["reviewer"])
    page = world.visit("owner").get(f"/payments/{payment.id}/")
    assert way(page)[1:] == [("Done", "Checked"), ("Done", "Not accepted by our staff")]
    assert page.text.count("not found") == 1
    assert "not found" in page.root.one(role="status").text


@pytest.mark.parametrize(
    ("status", "now"),
    [("pending", "Waiting for the payment provider"), ("processing", "Being processed by the payment provider")],
)
def test_what_a_provider_carries_out(status: str, now: str, world: World, make: Factory) -> None:
    payment = make.gateway_payment(make.invoice(world.account), status)
    page = world.visit("owner").get(f"/payments/{payment.id}/")
    sent = [("Done", "Sent to the payment provider")] if status == "processing" else []
    assert way(page) == [("Done", "Card payment started"), *sent, ("Now", now), ("Next", "Outcome")]
    assert [title.text for title in page.root.all("h2")] == ["Progress", "Details"]
    assert "Half of all" not in page.text


def test_when_the_result_comes(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    owner, path = world.visit("owner"), f"/payments/{payment.id}/"
    assert "Half of all" not in owner.get(path).text
    say_usual(world)
    usual = "Half of all payments are decided within 3\u00a0h, nine out of ten within 26\u00a0h."
    assert way(owner.get(path))[-1][1].endswith(f"with the reason {usual.replace(chr(160), ' ')}")
    with clock.set_to(clock.now() + timedelta(hours=23)):
        assert "taking longer" not in world.visit("owner").get(path).text
    with clock.set_to(payment.created_at + timedelta(hours=27)):
        assert "decided" not in world.visit("owner").get(path).root.one("ol", class_="progress").text  # stale by now
    make.approved(payment, world.users["reviewer"])
    assert "Half of all" not in owner.get(path).text


def test_the_page_asks_ever_less_often_and_hears_of_a_change(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    owner = world.visit("owner")
    poll = poll_of(owner.get(f"/payments/{payment.id}/"))
    pauses = []
    for _ in range(7):
        assert poll is not None
        pauses.append(poll.attributes["hx-trigger"].split(",")[0])
        answer = owner.send("GET", poll.attributes["hx-get"])
        assert (answer.status_code, len(answer.data) < 400, "HX-Retarget" in answer.headers) == (200, True, False)
        poll = poll_of(Page(answer))
    assert pauses == [f"load delay:{seconds}s" for seconds in (5, 10, 20, 40, 60, 60, 60)]
    make.approved(payment, world.users["reviewer"])
    assert poll is not None
    changed = owner.get(poll.attributes["hx-get"])
    assert changed.response.headers["HX-Retarget"] == changed.response.headers["HX-Reselect"] == "#payment"
    assert changed.root.one(role="status").text.startswith("Your payment succeeded.")
    assert poll_of(changed) is None


@pytest.mark.parametrize("query", ["", "version=", "version=x", "version=2", f"version={'9' * 5000}", "version=-1"])
def test_what_no_page_asks_gets_the_page(query: str, world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    page = world.visit("owner").get(f"/payments/{payment.id}/progress?{query}")
    assert (page.status, page.h1) == (200, "Payment of 49.00 EUR")


@pytest.mark.parametrize(("asked", "pause"), [("-9", 10), ("x", 10), ("9" * 40, 60), ("3", 60)])
def test_a_made_up_number_of_questions(asked: str, pause: int, world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    answer = world.visit("owner").send("GET", f"/payments/{payment.id}/progress?version=1&asked={asked}")
    assert f"delay:{pause}s" in answer.text


def test_whoever_is_signed_out_meanwhile_keeps_the_page(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    owner = world.visit("owner")
    owner.post("/logout")
    answer = owner.send("GET", f"/payments/{payment.id}/progress?version=1", headers={"HX-Request": "true"})
    assert (answer.status_code, "HX-Redirect" in answer.headers) == (200, False)
    page = Page(answer)
    assert (page.links, poll_of(page)) == ({"Sign in again": ""}, None)
    assert page.root.all("form") == []


def test_asking_by_itself_keeps_nobody_signed_in(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    asking, reading, began = world.visit("owner"), world.visit("owner"), clock.now()
    idle = world.app.config["SESSION_CUSTOMER_IDLE"]
    path = f"/payments/{payment.id}/"
    with clock.set_to(began + idle / 2):
        assert asking.send("GET", f"{path}progress?version=1").status_code == 200
        assert reading.get(path).status == 200
    with clock.set_to(began + idle + timedelta(minutes=1)):
        answer = asking.send("GET", f"{path}progress?version=1", headers={"HX-Request": "true"})
        assert "You are signed out" in answer.text
        assert reading.get(path).status == 200


def test_asking_by_itself_takes_nothing_from_what_one_may_ask(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    owner, path = world.visit("owner"), f"/payments/{payment.id}/"
    before = world.app.config["RATE_LIMIT_USER"]
    world.app.config["RATE_LIMIT_USER"] = 5
    try:
        with clock.set_to(clock.now() + timedelta(minutes=2)):
            asked = [owner.send("GET", f"{path}progress?version=1").status_code for _ in range(6)]
            assert asked == [200] * 5 + [429]
            assert [owner.get(path).status for _ in range(6)] == [200] * 5 + [429]
    finally:
        world.app.config["RATE_LIMIT_USER"] = before


def test_an_answer_that_comes_late_brings_back_no_cookie(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    answer = world.visit("owner").send("GET", f"/payments/{payment.id}/progress?version=1")
    assert answer.headers.getlist("Set-Cookie") == []
