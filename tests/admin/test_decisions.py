"""Deciding on payments in the browser."""

import pytest
from flask import Flask

from portal.billing.payments.models import Payment
from tests.admin.conftest import World
from tests.factories import Factory
from tests.pages import Page, Pages

BAD_TEXTS = ["a\x00b", "x" * 10_000, "\u202eevil", "4111 1111 1111 1111"]


@pytest.fixture
def payment(world: World, make: Factory) -> Payment:
    return make.payment(make.invoice(world.acme, "49.00", number="INV-1"), world.owner, "TRF-1", notes="from our bank")


def url(payment: Payment, action: str = "") -> str:
    return f"/admin/payments/{payment.id}/{action}"


def test_the_page_shows_what_a_decision_rests_on(
    reviewer: Pages, world: World, make: Factory, payment: Payment
) -> None:
    earlier = make.payment(make.invoice(world.acme, "10.00"), world.owner, "TRF-0")
    later = make.payment(make.invoice(world.acme, "12.50", number="INV-3"), world.owner, "TRF-9")
    page = reviewer.get(url(later))
    for fact in ("TRF-9", "12.50 EUR", "Bank transfer", "Olga Owner", "INV-3", "Acme GmbH", "C-1", "1 × Support"):
        assert fact in page.text.replace("\u00a0", " ").replace("12.50 EUR", "12.50 EUR"), fact
    assert [row[0] for row in page.rows] == [earlier.transaction_reference, payment.transaction_reference]
    assert "Reported by Olga Owner" in page.text
    assert "Refund payment" not in page.buttons
    assert "This would be the account’s first booked payment in EUR." in " ".join(reviewer.get(url(payment)).notices)


def test_a_decision_stays_with_its_payment_and_says_what_was_done(
    reviewer: Pages, world: World, make: Factory, payment: Payment
) -> None:
    second = make.payment(make.invoice(world.globex, "500"), world.globex_owner)
    answer = reviewer.post(url(payment, "approval"), {"version": payment.version})
    assert (answer.status, answer.location) == (303, url(payment))
    page = reviewer.follow(answer)
    assert page.notices[0].startswith("Approved:")
    assert page.buttons == []  # a second press decides nothing
    assert make.payment_now(payment).status == "succeeded"
    last = reviewer.post(url(second, "rejection"), {"version": 1, "reason": "No money came."})
    assert last.location == url(second)
    assert reviewer.follow(last).notices[0].startswith("Rejected:")
    assert make.payment_now(second).failure_reason == "No money came."


def test_a_stale_tab_learns_who_decided_and_keeps_what_was_typed(
    app: Flask, reviewer: Pages, world: World, make: Factory, payment: Payment
) -> None:
    make.approved(payment, world.admin)
    page = reviewer.post(url(payment, "rejection"), {"version": payment.version, "reason": "I saw no money."})
    assert page.status == 409
    assert "This payment was approved by Ada Admin on " in page.notices[0]
    assert "I saw no money." in page.notices[0]
    assert page.buttons == []
    assert make.payment_now(payment).status == "succeeded"


def test_an_admin_who_could_still_refund_keeps_it_too(
    admin: Pages, world: World, make: Factory, payment: Payment
) -> None:
    make.approved(payment, world.reviewer)
    page = admin.post(url(payment, "rejection"), {"version": payment.version, "reason": "I saw no money."})
    assert (page.status, "I saw no money." in page.notices[0]) == (409, True)


def test_approving_twice_books_once(reviewer: Pages, make: Factory, payment: Payment) -> None:
    reviewer.follow(reviewer.post(url(payment, "approval"), {"version": 1}))
    again = reviewer.post(url(payment, "approval"), {"version": 1})
    assert again.status == 409
    assert "was approved by you on" in again.notices[0]
    assert len(make.payment_now(payment).events) == 2


def test_a_rejection_needs_a_reason(reviewer: Pages, make: Factory, payment: Payment) -> None:
    page = reviewer.post(url(payment, "rejection"), {"version": 1, "reason": ""})
    assert page.status == 400
    assert page.field_errors == {"reason": "Say why: the customer reads it and has to know what to do."}
    assert make.payment_now(payment).status == "pending_approval"


@pytest.mark.parametrize("text", BAD_TEXTS)
@pytest.mark.parametrize(("action", "field"), [("rejection", "reason"), ("approval", "same_text_reason")])
def test_bad_reasons_are_refused_at_their_field(
    reviewer: Pages, make: Factory, payment: Payment, action: str, field: str, text: str
) -> None:
    page = reviewer.post(url(payment, action), {"version": 1, field: text})
    assert (page.status, list(page.field_errors)) == (400, [field])
    assert make.payment_now(payment).status == "pending_approval"


@pytest.mark.parametrize("version", ["", "x", "0", "-1", "2", "9" * 5000, "1\x00", "²", "1.0"])
def test_a_version_that_no_page_wrote_decides_nothing(
    reviewer: Pages, make: Factory, payment: Payment, version: str
) -> None:
    for action in ("approval", "rejection", "cancellation"):
        page = reviewer.post(url(payment, action), {"version": version, "reason": "no money"})
        assert page.status in (400, 409), action
        assert page.values["version"] == "1"
    assert make.payment_now(payment).status == "pending_approval"


def test_withdrawing_stays_with_the_payment(reviewer: Pages, make: Factory, payment: Payment) -> None:
    answer = reviewer.post(url(payment, "cancellation"), {"version": 1})
    assert answer.location == url(payment)
    assert reviewer.follow(answer).notices[0].startswith("Withdrawn:")
    assert make.payment_now(payment).status == "cancelled"


def test_only_an_admin_refunds(reviewer: Pages, admin: Pages, world: World, make: Factory, payment: Payment) -> None:
    booked = make.approved(payment, world.reviewer)
    assert "Refund payment" not in reviewer.get(url(payment)).buttons
    assert reviewer.post(url(payment, "refund"), {"version": booked.version, "reason": "twice"}).status == 403
    assert "Refund payment" in admin.get(url(payment)).buttons
    assert admin.post(url(payment, "refund"), {"version": booked.version, "reason": ""}).status == 400
    assert admin.post(url(payment, "refund"), {"version": booked.version, "reason": "twice"}).location == url(payment)
    assert make.payment_now(payment).status == "refunded"


def test_the_same_reference_stands_side_by_side_and_needs_a_reason_once_booked(
    reviewer: Pages, world: World, make: Factory, payment: Payment
) -> None:
    other = make.payment(make.invoice(world.globex, "500", number="INV-2"), world.globex_owner, "trf 1")
    page = reviewer.get(url(other))
    assert page.notices[0].startswith("The same reference is on another payment.")
    assert [row[1] for row in page.rows[:2]] == ["Acme GmbH", "Globex"]
    assert "same_text_reason" not in page.values
    make.approved(payment, world.admin)
    page = reviewer.get(url(other))
    assert page.notices[0].startswith("A transfer with this reference is booked already.")
    refused = reviewer.post(url(other, "approval"), {"version": 1})
    assert (refused.status, list(refused.field_errors)) == (409, ["same_text_reason"])
    assert refused.links["Show the payment that is booked"] == url(payment)
    reason = "A second transfer of 500 JPY came on 3 May."
    assert reviewer.post(url(other, "approval"), {"version": 1, "same_text_reason": reason}).status == 303
    assert make.payment_now(other).same_text_reason == reason
    assert reason in reviewer.get(url(other)).text


def test_reports_that_came_to_nothing_hide_no_other_payment_with_the_reference(
    reviewer: Pages, world: World, make: Factory, payment: Payment
) -> None:
    invoice = make.invoice(world.globex, "500")
    for _ in range(20):
        make.rejected(make.payment(invoice, world.globex_owner, "trf 1"), world.admin)
    last = make.payment(invoice, world.globex_owner, "trf 1")
    page = reviewer.get(url(last))
    assert page.notices[0].startswith("The same reference is on another payment.")
    assert [row[1] for row in page.rows[:2]] == ["Acme GmbH", "Globex"]
    make.approved(payment, world.admin)
    page = reviewer.get(url(last))
    assert page.notices[0].startswith("A transfer with this reference is booked already.")


def test_text_of_customers_is_shown_as_text(reviewer: Pages, world: World, make: Factory) -> None:
    evil = make.payment(
        make.invoice(world.acme), world.owner, "<script>x</script>", notes="</textarea><img src=x onerror=y> 🧾 שלום"
    )
    page = reviewer.get(url(evil))
    assert "<script>x</script>" in page.text
    assert "</textarea><img src=x onerror=y> 🧾 שלום" in page.text
    told = reviewer.follow(reviewer.post(url(evil, "cancellation"), {"version": 1}))
    assert "(<script>x</script>)." in told.notices[0].replace("( ", "(").replace(" )", ")")


def approving(page: Page) -> set[str]:
    """The classes of the button that approves."""
    button = page.root.one("form", data_decision="approve").one("button")
    return set(button.attributes["class"].split())


def test_approving_stands_out_in_a_clear_case_alone(reviewer: Pages, world: World, make: Factory) -> None:
    make.approved(make.payment(make.invoice(world.acme), world.owner), world.admin)
    invoice = make.invoice(world.acme)
    own = make.payment(invoice, world.owner, str(invoice.payment_reference))
    differs = make.payment(make.invoice(world.acme), world.owner, "TRF-2")
    assert approving(reviewer.get(url(own))) == {"button", "primary"}
    page = reviewer.get(url(differs))
    assert approving(page) == {"button"}
    assert "Reported TRF-2 Expected RF" in page.text


def test_what_is_decided_has_no_reference_to_look_for(
    reviewer: Pages, admin: Pages, world: World, make: Factory, payment: Payment
) -> None:
    before = reviewer.get(url(payment)).text
    assert ("Reference to look for" in before, "Expected" in before, "Germany" in before) == (True, True, True)
    make.approved(payment, world.admin)
    page = admin.get(url(payment))
    assert ("Reference to look for" in page.text, "Expected" in page.text, page.notices) == (False, False, [])
    assert [heading.text for heading in page.root.all("h2", id="pane-decision")] == ["Refund"]


def test_a_gateways_payment_shows_what_there_is(reviewer: Pages, world: World, make: Factory) -> None:
    page = reviewer.get(url(make.gateway_payment(make.invoice(world.acme, "49.00"), "processing")))
    facts = page.root.one("section", aria_labelledby="pane-report").text
    assert facts.startswith("Details Amount 49.00 EUR Method Card Started ")
    assert not [word for word in ("Date paid", "Notes", "–") if word in facts]
    assert "no payment reference to compare with" not in page.text
    assert [step.one("strong").text for step in page.root.one("ol", class_="timeline").all("li")] == [
        "Started", "Processing",
    ]  # fmt: skip
    withdrawing = reviewer.get(url(make.gateway_payment(make.invoice(world.acme))))
    assert withdrawing.root.one("h2", id="pane-decision").text == "Withdraw"
