"""Paying: from the invoice to the payment's page."""

from datetime import UTC, datetime

import pytest

from portal.billing.methods.service import set_account_method
from portal.billing.payments import service
from portal.foundation import clock
from portal.foundation.tenancy import across_accounts
from tests.factories import SYSTEM, Factory, acting
from tests.pages import copied
from tests.web.conftest import World

GOOD = {"payment_method": "bank_transfer", "transaction_reference": "TRF 77", "notes": "from our DE account"}


def test_a_customer_reports_a_payment_and_withdraws_it(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, "1234.50", number="INV-7")
    pages = world.visit("member")
    page = pages.get(f"/invoices/{invoice.id}/payment")
    assert page.h1 == "Pay invoice INV-7"
    assert "1,234.50 EUR" in page.text
    assert [copied(node) for node in page.root.all(class_="copy")] == [
        "1234.50", invoice.payment_reference, "DE02120300000000202051", "BYLADEM1001",
    ]  # fmt: skip
    sent = pages.post(f"/invoices/{invoice.id}/payment", GOOD)
    shown = pages.follow(sent)
    assert (sent.status, shown.h1) == (303, "Payment of 1,234.50 EUR")
    assert shown.notices[0] == "Thank you. Your payment is reported."
    assert "Waiting for approval" in shown.text
    assert "Reported by you" in shown.text
    assert pages.get("/payments/").rows[0][:4] == ["TRF 77", "INV-7", "Bank transfer", "Waiting for approval"]
    withdrawn = pages.post(sent.location + "cancellation", {"version": "1"})
    page = pages.follow(withdrawn)
    assert (withdrawn.status, page.buttons) == (303, [])
    assert "Withdrawn by you" in page.text
    assert page.notices[1] == (
        "This payment was withdrawn. You can pay the invoice again. "
        "If you sent the money all the same, report it: do not send it twice. Pay again"
    )
    assert page.links["Pay again"] == f"/invoices/{invoice.id}/payment"
    assert pages.get("/payments/").rows[0][3] == "Withdrawn"


def test_a_double_click_makes_one_payment(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    pages = world.visit("owner")
    first = pages.post(f"/invoices/{invoice.id}/payment", GOOD)
    again = pages.post(f"/invoices/{invoice.id}/payment", GOOD)
    assert (first.status, again.status) == (303, 409)
    assert again.links["See that payment"] == first.location
    assert len(pages.get("/payments/").rows) == 1


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"transaction_reference": ""}, "transaction_reference", "Type the reference that your bank or wallet gave"),
        ({"transaction_reference": "   "}, "transaction_reference", "The transaction reference is missing."),
        ({"transaction_reference": "x" * 10_000}, "transaction_reference", "must not be longer than 140 characters"),
        ({"transaction_reference": "a\x00b"}, "transaction_reference", "contains characters that cannot be shown"),
        ({"transaction_reference": "a\u202eb"}, "transaction_reference", "contains characters that cannot be shown"),
        ({"transaction_reference": "---"}, "transaction_reference", "needs letters or digits"),
        ({"transaction_reference": "4111111111111111"}, "transaction_reference", "looks like a card number"),
        ({"payment_method": ""}, "payment_method", "Choose how you paid."),
        ({"payment_method": "card"}, "payment_method", "is not available to your account"),
        ({"notes": "4111 1111 1111 1111"}, "notes", "looks like a card number"),
        ({"notes": "x" * 2001}, "notes", "must not be longer than 2000 characters"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
    change: dict[str, str], field: str, message: str, world: World, make: Factory
) -> None:
    invoice = make.invoice(world.account)
    pages = world.visit("owner")
    page = pages.post(f"/invoices/{invoice.id}/payment", GOOD | change)
    assert (page.status, list(page.field_errors)) == (400, [field])
    assert message in page.field_errors[field]
    kept = {name: text.replace("4111", "••••").replace("1111", "••••") for name, text in (GOOD | change).items()}
    assert page.values["notes"] == kept["notes"]
    assert page.values["transaction_reference"].strip() == kept["transaction_reference"].strip()
    assert "4111" not in page.response.text
    assert pages.get("/payments/").rows == []


def test_a_card_number_is_not_shown_again_whatever_else_is_wrong(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    typed = GOOD | {"transaction_reference": "", "notes": "card 4111 1111 1111 1111"}
    page = world.visit("owner").post(f"/invoices/{invoice.id}/payment", typed)
    assert (list(page.field_errors), page.values["notes"]) == (["transaction_reference"], "card •••• •••• •••• ••••")


def test_fields_that_the_form_does_not_have_change_nothing(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, "49.00")
    pages = world.visit("owner")
    extra = {"status": "succeeded", "amount": "0.01", "account_id": str(world.globex.id), "version": "9"}
    shown = pages.follow(pages.post(f"/invoices/{invoice.id}/payment", GOOD | extra))
    assert (shown.h1, "Waiting for approval" in shown.text) == ("Payment of 49.00 EUR", True)


def test_words_of_all_scripts_are_shown_as_typed(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    pages = world.visit("owner")
    words = {"transaction_reference": "<b>حوالة</b> 🧾 &amp;", "notes": "</textarea><script>alert(1)</script>"}
    shown = pages.follow(pages.post(f"/invoices/{invoice.id}/payment", GOOD | words))
    assert words["notes"] in shown.text
    assert "<b>حوالة</b> 🧾 &amp;" in shown.text
    assert "<script>alert" not in shown.response.text


def test_a_reused_reference_names_the_first(world: World, make: Factory) -> None:
    first = make.payment(make.invoice(world.account, number="INV-1"), world.users["owner"], "TRF-77")
    page = world.visit("owner").post(f"/invoices/{make.invoice(world.account).id}/payment", GOOD)
    assert page.status == 409
    assert "for invoice INV-1" in page.field_errors["transaction_reference"]
    assert page.links["See that payment"] == f"/payments/{first.id}/"


@pytest.mark.parametrize("state", ["paid", "void", "busy"])
def test_an_invoice_that_cannot_be_paid_now_says_why_instead_of_a_form(state: str, world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    if state == "void":
        make.void(invoice)
    else:
        payment = make.payment(invoice, world.users["owner"], "FIRST")
        if state == "paid":
            make.approved(payment, world.users["reviewer"])
    pages = world.visit("owner")
    page = pages.get(f"/invoices/{invoice.id}/payment")
    assert (page.status, page.buttons) == (200, [])
    assert len(page.notices) == 1
    assert pages.post(f"/invoices/{invoice.id}/payment", GOOD).status == (409 if state == "busy" else 400)


def test_the_accounts_default_is_chosen_and_limits_are_kept(world: World, make: Factory) -> None:
    make.method("local_wallet", display_name="Wallet", limit_currency="EUR", maximum="100.00", position=5)
    with world.app.app_context(), across_accounts():
        set_account_method(world.account.id, "local_wallet", by=SYSTEM, is_allowed=True, is_default=True, label="")
    pages = world.visit("owner")
    small = pages.get(f"/invoices/{make.invoice(world.account, '100.00').id}/payment")
    large = pages.get(f"/invoices/{make.invoice(world.account, '100.01').id}/payment")
    assert [radio.attributes["value"] for radio in small.root.all("input", type="radio")] == [
        "local_wallet",
        "bank_transfer",
    ]
    assert small.values["payment_method"] == "local_wallet"
    assert large.root.all("input", type="radio") == []  # nothing to choose
    assert large.values["payment_method"] == "bank_transfer"
    assert [title.text for title in large.root.all("h2")] == [
        "Summary", "1. Send the money", "2. Tell us about your payment",
    ]  # fmt: skip


def test_a_stale_tab_cannot_withdraw_what_was_decided(world: World, make: Factory) -> None:
    with clock.set_to(datetime(2026, 11, 25, 23, 30, tzinfo=UTC)):
        payment = make.payment(make.invoice(world.account), world.users["owner"])
        pages = world.visit("owner")
        assert pages.get(f"/payments/{payment.id}/").buttons == ["Add this file", "Withdraw this payment"]
        make.approved(payment, world.users["reviewer"])
        page = pages.post(f"/payments/{payment.id}/cancellation", {"version": "1"})
    assert page.status == 409
    said = "This payment was approved by our staff on Nov 26, 2026, 12:30 AM. Nothing was changed by you."
    assert page.notices[0] == said  # in the account's time zone
    assert "Rita" not in page.text


@pytest.mark.parametrize("version", ["", "x", "-1", "1.0", "99999999999999999999", "2"])
def test_a_version_that_was_not_seen_changes_nothing(version: str, world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    page = world.visit("owner").post(f"/payments/{payment.id}/cancellation", {"version": version})
    assert page.status == 409
    assert make.payment_now(payment).status == "pending_approval"


def test_a_rejection_says_why_and_offers_another_try(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    payment = make.payment(invoice, world.users["owner"])
    with world.app.app_context(), across_accounts():
        service.reject_payment(
            payment.id, by=acting(world.users["reviewer"]), version=1, reason="Only 40.00 EUR arrived."
        )
    page = world.visit("owner").get(f"/payments/{payment.id}/")
    (notice,) = page.notices
    said = "This payment was not accepted. Only 40.00 EUR arrived. Fix and send again"
    assert notice == said
    assert page.links["Fix and send again"] == f"/payments/{payment.id}/correction"


@pytest.mark.parametrize("outcome", ["open", "succeeded"])
def test_what_was_reported_again_leads_there(outcome: str, world: World, make: Factory) -> None:
    invoice, owner, reviewer = make.invoice(world.account), world.users["owner"], world.users["reviewer"]
    pages = world.visit("owner")
    rejected = make.rejected(make.payment(invoice, owner), reviewer)
    withdrawn = make.payment(invoice, owner)
    pages.post(f"/payments/{withdrawn.id}/cancellation", {"version": "1"})
    again = make.payment(invoice, owner)
    if outcome == "succeeded":
        make.approved(again, reviewer)
    pages.get("/payments/")  # what was just done is said there
    for payment, stands in (
        (rejected, "This payment was not accepted. not found"),
        (withdrawn, "This payment was withdrawn."),
    ):
        page = pages.get(f"/payments/{payment.id}/")
        assert page.notices == [f"{stands} You have reported it again: see that payment ."]
        assert page.links["see that payment"] == f"/payments/{again.id}/"
        assert {"Fix and send again", "Pay again"} & set(page.links) == set()


def test_lists_filter_search_and_page(world: World, make: Factory) -> None:
    payments = [
        make.payment(make.invoice(world.account, number=f"INV-{number:02}"), world.users["owner"], f"TRF-{number:02}")
        for number in range(23)
    ]
    make.approved(payments[3], world.users["reviewer"])
    pages = world.visit("viewer")
    first = pages.get("/payments/", status="pending_approval")
    assert [row[0] for row in first.rows] == [f"TRF-{number:02}" for number in range(22, 1, -1) if number != 3]
    second = pages.get(first.links["Older →"])
    assert [row[0] for row in second.rows] == ["TRF-01", "TRF-00"]
    assert second.values["status"] == "pending_approval"
    back = pages.get(second.links["← Newer"])
    assert back.rows == first.rows
    assert [row[0] for row in pages.get("/payments/", status="completed").rows] == ["TRF-03"]
    assert [row[0] for row in pages.get("/payments/", q="trf 07").rows] == ["TRF-07"]
    assert [row[0] for row in pages.get("/payments/", q="inv-09").rows] == ["TRF-09"]
    nothing = pages.get("/payments/", q="%")
    assert (nothing.rows, nothing.values["q"]) == ([], "%")


@pytest.mark.parametrize("path", ["/payments/", "/invoices/"])
@pytest.mark.parametrize(("query", "field"), [("status=lost", "status"), ("q=" + "x" * 201, "q"), ("q=%00", "q")])
def test_a_bad_filter_is_marked_at_its_field(path: str, query: str, field: str, world: World, make: Factory) -> None:
    make.payment(make.invoice(world.account), world.users["owner"])
    page = world.visit("owner").get(f"{path}?{query}")
    assert (page.status, list(page.field_errors), page.rows) == (400, [field], [])


@pytest.mark.parametrize("path", ["/payments/", "/invoices/"])
@pytest.mark.parametrize("query", ["cursor=x", "cursor=" + "A" * 5000, "cursor=%F0%9F%A7%BE"])
def test_a_made_up_cursor_is_answered(path: str, query: str, world: World) -> None:
    page = world.visit("owner").get(f"{path}?{query}")
    assert (page.status, page.h1) == (400, "This request could not be read")


def test_parameters_that_are_none_of_the_filters_harm_nothing(world: World, make: Factory) -> None:
    for _ in range(21):
        make.payment(make.invoice(world.account), world.users["owner"])
    page = world.visit("owner").get("/payments/?endpoint=x&_scheme=javascript&_external=1&_anchor=y&q=TRF")
    assert page.links["Older →"].startswith("/payments/?cursor=")
    assert page.links["Older →"].endswith("&q=TRF")
