"""Forms act once: a double click, a resubmitted page or another try after a time-out lead to the same place."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.billing.payments.models import PaymentEvent
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from tests.factories import Factory
from tests.pages import Page
from tests.web.conftest import World

TYPED = {"payment_method": "bank_transfer", "transaction_reference": "TRF 77", "notes": ""}
THANKS = "Thank you. Your payment is reported."


def hidden(page: Page, action: str) -> dict[str, str]:
    """What the form that goes there carries unseen."""
    (form,) = [form for form in page.root.all("form") if form.attributes.get("action", "").endswith(action)]
    return {field.attributes["name"]: field.attributes["value"] for field in form.all("input", type="hidden")}


def events(app: Flask) -> int:
    with app.app_context(), across_accounts():
        return session.scalar(select(func.count()).select_from(PaymentEvent)) or 0


def test_a_double_click_leads_to_the_one_payment(world: World, make: Factory) -> None:
    pages = world.visit("owner")
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    form = pages.get(path).values | TYPED
    first, again = pages.post(path, form), pages.post(path, form)
    assert (first.status, again.status, first.location) == (303, 303, again.location)
    assert pages.follow(again).notices.count(THANKS) == 1
    later = pages.follow(pages.post(path, form))
    assert (later.h1, later.notices.count(THANKS)) == ("Payment of 49.00 EUR", 1)
    assert events(world.app) == 1


def test_each_form_has_a_key_of_its_own(world: World, make: Factory) -> None:
    pages = world.visit("owner")
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    assert pages.get(path).values["idempotency_key"] != pages.get(path).values["idempotency_key"]


def test_a_form_that_was_refused_can_be_corrected_and_sent(world: World, make: Factory) -> None:
    pages = world.visit("owner")
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    form = pages.get(path).values | TYPED
    refused = pages.post(path, form | {"transaction_reference": ""})
    assert (refused.status, refused.values["idempotency_key"]) == (400, form["idempotency_key"])
    assert pages.post(path, refused.values | TYPED).status == 303
    assert events(world.app) == 1


def test_a_form_that_was_sent_and_then_changed_says_what_counts(world: World, make: Factory) -> None:
    pages = world.visit("owner")
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    form = pages.get(path).values | TYPED
    assert pages.post(path, form).status == 303
    page = pages.post(path, form | {"notes": "one thing more"})
    assert (page.status, page.h1) == (422, "This form was sent before")
    assert page.links["See the payments"] == "/payments/"
    assert events(world.app) == 1


def test_another_account_with_the_same_key_acts_on_its_own(world: World, make: Factory) -> None:
    ours, theirs = make.invoice(world.account), make.invoice(world.globex, "500")
    pages, others = world.visit("owner"), world.visit("stranger")
    form = pages.get(f"/invoices/{ours.id}/payment").values | TYPED
    assert pages.post(f"/invoices/{ours.id}/payment", form).status == 303
    key = {"idempotency_key": form["idempotency_key"]}
    assert others.post(f"/invoices/{ours.id}/payment", TYPED | key).status == 404
    assert others.post(f"/invoices/{theirs.id}/payment", TYPED | key).location.startswith("/payments/")
    assert events(world.app) == 2


@pytest.mark.parametrize("key", ["x" * 256, "a b", "\u00e9", "a\x00b"])
def test_a_key_that_no_form_wrote_is_refused(key: str, world: World, make: Factory) -> None:
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    assert world.visit("owner").post(path, TYPED | {"idempotency_key": key}).status == 400
    assert events(world.app) == 0


def test_withdrawing_twice_is_withdrawing_once(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    pages = world.visit("owner")
    form = hidden(pages.get(f"/payments/{payment.id}/"), "/cancellation")
    answers = [pages.post(f"/payments/{payment.id}/cancellation", form) for _ in range(2)]
    assert [(answer.status, answer.location) for answer in answers] == [(303, f"/payments/{payment.id}/")] * 2
    assert events(world.app) == 2


@pytest.mark.parametrize("action", ["approval", "rejection", "cancellation", "refund"])
def test_deciding_twice_is_deciding_once(action: str, world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    if action == "refund":
        make.approved(payment, world.users["reviewer"])
    before = events(world.app)
    pages = world.visit("admin")
    path = f"/admin/payments/{payment.id}/{action}"
    form = hidden(pages.get(f"/admin/payments/{payment.id}/"), action) | {"reason": "As agreed by telephone."}
    first, again = pages.post(path, form), pages.post(path, form)
    assert (first.status, first.location) == (again.status, again.location)
    assert first.status == 303
    assert events(world.app) == before + 1


def test_the_stale_page_of_a_colleague_still_learns_what_happened(world: World, make: Factory) -> None:
    """A key of one's own does not hide that somebody else decided first."""
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    one, other = world.visit("reviewer"), world.visit("admin")
    forms = [hidden(pages.get(f"/admin/payments/{payment.id}/"), "approval") for pages in (one, other)]
    assert one.post(f"/admin/payments/{payment.id}/approval", forms[0]).status == 303
    page = other.post(f"/admin/payments/{payment.id}/approval", forms[1])
    assert page.status == 409
    assert "was approved by Rita Reviewer" in page.text
