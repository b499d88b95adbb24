"""The approval queue as a workplace: lanes, the decision beside the list, several at once."""

from typing import Any

import pytest
from flask import Flask

from portal.billing.payments import batch
from portal.billing.payments.models import Payment
from portal.http.availability import SECONDS
from tests.admin.conftest import World
from tests.engines import listening
from tests.factories import Factory
from tests.pages import Page, Pages

QUEUE = "/admin/approvals/"


@pytest.fixture
def clear(world: World, make: Factory) -> list[Payment]:
    """Three clear cases, and one that differs between the first and the second."""
    make.approved(make.payment(make.invoice(world.acme), world.owner), world.reviewer)
    found = [own(world, make)]
    make.payment(make.invoice(world.acme), world.owner, "DIFFERS-1")
    return [*found, own(world, make), own(world, make)]


def own(world: World, make: Factory) -> Payment:
    """A payment with its invoice's own reference."""
    invoice = make.invoice(world.acme)
    return make.payment(invoice, world.owner, str(invoice.payment_reference))


def shown(page: Page) -> str:
    return page.root.one("section", id="pane").attributes["data-payment"]


def lanes(page: Page) -> list[str]:
    return [link.text for link in page.root.one("nav", aria_label="Lanes").all("a")]


def decision(page: Page, action: str) -> str:
    return page.root.one("form", data_decision=action).attributes["action"]


def test_the_oldest_is_beside_the_list_and_lanes_are_in_the_address(reviewer: Pages, clear: list[Payment]) -> None:
    page = reviewer.get(QUEUE)
    assert lanes(page) == ["All 4", "Clear 3", "Differs 1", "Conflict 0"]
    assert shown(page) == str(clear[0].id)
    page = reviewer.get(page.links["Differs 1"])
    assert [line.one("bdi", class_="mono").text for line in page.root.one("ol", class_="queue").all("li")] == [
        "DIFFERS-1"
    ]
    page = reviewer.get(QUEUE, lane="clear", selected=str(clear[1].id))
    assert (shown(page), page.title.startswith(clear[1].transaction_reference)) == (str(clear[1].id), True)
    (current,) = page.root.all("a", aria_current="true")
    assert f"selected={clear[1].id}" in current.attributes["href"]


def test_a_decision_leads_on_in_its_lane_and_says_what_was_done(
    reviewer: Pages, make: Factory, clear: list[Payment]
) -> None:
    page = reviewer.get(QUEUE, lane="clear")
    answer = reviewer.post(decision(page, "approve"), {"version": 1})
    page = reviewer.follow(answer)
    assert answer.response.headers["Location"] == f"{QUEUE}?lane=clear&selected={clear[1].id}"
    assert page.notices[0].startswith("Approved:")
    assert (shown(page), lanes(page)[1]) == (str(clear[1].id), "Clear 2")
    reviewer.follow(reviewer.post(decision(page, "reject"), {"version": 1, "reason": "No money."}))
    answer = reviewer.post(f"/admin/payments/{clear[2].id}/approval?queue=1&lane=clear", {"version": 1})
    assert answer.response.headers["Location"] == f"{QUEUE}?lane=clear"
    assert "Nothing that waits for a decision matches this filter." in reviewer.follow(answer).text
    assert [make.payment_now(one).status for one in clear] == ["succeeded", "failed", "succeeded"]


def test_a_refused_decision_is_said_in_the_queue(
    reviewer: Pages, world: World, make: Factory, clear: list[Payment]
) -> None:
    page = reviewer.get(QUEUE, lane="clear")
    make.approved(clear[0], world.admin)
    page = reviewer.post(decision(page, "reject"), {"version": 1, "reason": "I saw no money."})
    assert (page.status, shown(page), lanes(page)[1]) == (409, str(clear[0].id), "Clear 2")
    assert "This payment was approved by Ada Admin on " in page.notices[0]
    assert "I saw no money." in page.notices[0]


def test_a_ready_reason_is_enough_and_ones_own_words_follow_it(
    reviewer: Pages, make: Factory, clear: list[Payment]
) -> None:
    page = reviewer.get(QUEUE)
    (choice,) = page.root.one("form", data_decision="reject").all("select")
    ready = choice.all("option")[2].attributes["value"]
    reviewer.post(f"/admin/payments/{clear[0].id}/rejection", {"version": 1, "preset": ready})
    more = {"version": 1, "preset": ready, "reason": "We got 12.00 EUR."}
    reviewer.post(f"/admin/payments/{clear[1].id}/rejection", more)
    assert [make.payment_now(one).failure_reason for one in clear[:2]] == [ready, f"{ready} We got 12.00 EUR."]
    page = reviewer.post(f"/admin/payments/{clear[2].id}/rejection", {"version": 1, "preset": "Because."})
    assert (page.status, [*page.field_errors]) == (400, ["preset"])


def test_facts_and_warnings_stand_on_the_page(
    reviewer: Pages, world: World, make: Factory, clear: list[Payment]
) -> None:
    text = reviewer.get(QUEUE, selected=str(clear[0].id)).text
    assert "The invoice’s own reference" in text
    assert "exactly what is outstanding" in text
    invoice = make.invoice(world.acme, "200.00")
    reference = str(invoice.payment_reference)
    slip = f"{reference[:9]}X{reference[10:]}"  # in the middle: beside it no digits are left that a card could have
    page = reviewer.get(QUEUE, selected=str(make.payment(invoice, world.owner, slip).id))
    assert f"X instead of {reference[9]}" in page.text
    assert [mark.text for mark in page.root.all("mark")] == ["X", reference[9]]
    assert page.notices == [
        "The amount is unusual for this account: more than three times the largest of its last ten booked payments."
    ]


def test_several_are_shown_with_their_sum_asked_once_and_reported_one_by_one(
    reviewer: Pages, world: World, make: Factory, clear: list[Payment]
) -> None:
    page = reviewer.get(QUEUE, lane="clear")
    values = [box.attributes["value"] for box in page.root.all("input", name="payment")]
    assert values == [f"{payment.id}.1" for payment in clear]
    assert reviewer.get(QUEUE).root.all("input", name="payment") == []
    page = reviewer.post(f"{QUEUE}batch", {"payment": values})
    assert (page.h1, page.root.one("dl", class_="facts").text) == ("Approve 3 payments?", "EUR 147.00 EUR")
    assert [make.payment_now(one).status for one in clear] == ["pending_approval"] * 3
    make.rejected(clear[1], world.admin)
    page = reviewer.post(f"{QUEUE}batch/approval", {"payment": values})
    assert page.h1 == "2 of 3 approved"
    assert [row[-1].split(" by ")[0] for row in page.rows] == ["Approved", "This payment was rejected", "Approved"]
    again = reviewer.post(f"{QUEUE}batch/approval", {"payment": values})
    assert again.rows == page.rows


def test_what_a_batch_did_not_reach_is_sent_again_from_its_page(
    reviewer: Pages, make: Factory, clear: list[Payment], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(batch, "FOR_THE_ANSWER", SECONDS)  # all of a request's time
        page = reviewer.post(f"{QUEUE}batch/approval", {"payment": [f"{payment.id}.1" for payment in clear]})
    assert (page.h1, [row[-1] for row in page.rows]) == ("0 of 3 approved", [batch.NOT_REACHED] * 3)
    form = page.root.one("form", action=f"{QUEUE}batch/approval")
    values = [field.attributes["value"] for field in form.all("input", name="payment")]
    page = reviewer.post(form.attributes["action"], {"payment": values})
    assert (page.h1, "Send" in page.text) == ("3 of 3 approved", False)
    assert [make.payment_now(one).status for one in clear] == ["succeeded"] * 3


@pytest.mark.parametrize("step", ["batch", "batch/approval"])
@pytest.mark.parametrize("values", [[], ["x"], ["01a2.1"], ["²"], [f"{'0' * 8}-0000-0000-0000-{'0' * 12}.1x"]])
def test_a_selection_that_no_page_made_is_refused(reviewer: Pages, step: str, values: list[str]) -> None:
    page = reviewer.post(QUEUE + step, {"payment": values})
    assert (page.status, page.h1) == (400, "Nothing to approve")


@pytest.mark.parametrize("selected", ["x", "\x00", "00000000-0000-0000-0000-000000000000"])
def test_a_selected_payment_that_is_not_there(reviewer: Pages, selected: str) -> None:
    assert reviewer.get(QUEUE, selected=selected).status == 404


def test_a_decision_costs_as_many_statements_whatever_waits(
    app: Flask, reviewer: Pages, world: World, make: Factory, clear: list[Payment]
) -> None:
    few = cost_of_deciding(app, reviewer)
    for _ in range(6):
        own(world, make)
    assert cost_of_deciding(app, reviewer) == few
    assert few["POST"] <= 30
    assert few["GET"] <= 30


def cost_of_deciding(app: Flask, reviewer: Pages) -> dict[str, int]:
    """The statements of an approval, and of the page that it leads to."""
    page = reviewer.get(QUEUE, lane="clear")
    ran: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
        ran.append(statement)

    with listening(app, "before_cursor_execute", note):
        answer = reviewer.post(decision(page, "approve"), {"version": 1, **hidden(page)})
        posted = len(ran)
        reviewer.follow(answer)
    return {"POST": posted, "GET": len(ran) - posted}


def test_an_empty_lane_is_looked_for_once(app: Flask, reviewer: Pages, clear: list[Payment]) -> None:
    """Only a page beyond the first leads back to the first when all that it showed is decided."""
    ran: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
        ran.append(statement)

    with listening(app, "before_cursor_execute", note):
        reviewer.get(QUEUE, lane="conflict")
    assert len([one for one in ran if "account_name" in one]) == 1


def hidden(page: Page) -> dict[str, str]:
    fields = page.root.one("form", data_decision="approve").all("input", name="idempotency_key")
    return {"idempotency_key": fields[0].attributes["value"]}


@pytest.mark.parametrize("lane", ["gold", "\r\n", "CLEAR"])
def test_a_lane_that_there_is_not(reviewer: Pages, clear: list[Payment], lane: str) -> None:
    page = reviewer.get(QUEUE, lane=lane)
    assert (page.status, "This filter cannot be used" in page.text) == (400, True)
