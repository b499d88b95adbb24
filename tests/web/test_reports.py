"""Paying an invoice: what the bank's form takes, the code for banking apps, and a report that is put right."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.billing.invoices.models import Invoice
from portal.billing.invoices.payment_reference import in_groups
from portal.billing.methods.service import set_account_method
from portal.foundation import clock
from portal.foundation.tenancy import across_accounts
from tests import qr
from tests.factories import SYSTEM, Factory
from tests.pages import Page, copied
from tests.web.conftest import World

IBAN, CARD = "DE02 1203 0000 0000 2020 51", "4111 1111 1111 1111"
DETAILS = [["Account holder", "Portal Billing GmbH"], ["IBAN", IBAN], ["BIC", "BYLADEM1001"]]
GOOD = {"payment_method": "bank_transfer", "transaction_reference": "TRF 77", "notes": "from our DE account"}


def form_of(invoice: Invoice) -> str:
    return f"/invoices/{invoice.id}/payment"


def code_on(page: Page) -> list[str] | None:
    """The lines of the code on the page, if there is one."""
    drawings = page.root.all("svg", class_="qr")
    if not drawings:
        return None
    (drawing,) = drawings
    path = drawing.all("path")[-1].attributes["d"]
    return qr.read(path, int(drawing.attributes["viewbox"].split()[-1])).decode().split("\n")


def test_a_banking_app_reads_the_transfer_from_the_code(world: World, make: Factory) -> None:
    """Line by line as EPC069-12 has it: version 002, UTF-8, a structured reference, no text beside it."""
    make.method(country="DE", details=DETAILS)
    invoice = make.invoice(world.account, "1234.50")
    page = world.visit("owner").get(form_of(invoice))
    assert code_on(page) == [
        "BCD", "002", "1", "SCT", "BYLADEM1001", "Portal Billing GmbH", "DE02120300000000202051", "EUR1234.5", "",
        invoice.payment_reference,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("details", "currency"),
    [
        (DETAILS, "USD"),
        (DETAILS[1:], "EUR"),
        ([*DETAILS, ["Account holder", "Somebody"]], "EUR"),
        ([*DETAILS, ["IBAN", "GB33 BUKB 2020 1555 5555 55"]], "EUR"),
        ([DETAILS[0], ["IBAN", "DE02 1203 0000 0000 2020 52"]], "EUR"),
        ([DETAILS[0], ["IBAN", "KW81 CBKU 0000 0000 0000 1234 5601 01"]], "EUR"),
        ([["Account holder", "x" * 71], DETAILS[1]], "EUR"),
    ],
)
def test_a_code_that_might_be_wrong_is_not_there(
    details: list[list[str]], currency: str, world: World, make: Factory
) -> None:
    make.method(country="DE", details=details)
    invoice = make.invoice(world.account, "49.00", currency=currency)
    page = world.visit("owner").get(form_of(invoice))
    assert (code_on(page), "Report this payment" in page.buttons) == (None, True)


@pytest.mark.parametrize(
    ("iban", "bics", "carried"),
    [
        (IBAN, [], [""]), ("GB33 BUKB 2020 1555 5555 55", ["BUKBGB22"], ["BUKBGB22"]),
        ("GB33 BUKB 2020 1555 5555 55", [], []), ("GB33 BUKB 2020 1555 5555 55", ["BUKBGB22", "BARCGB22"], []),
        ("CH93 0076 2011 6238 5295 7", [], []), ("CH93 0076 2011 6238 5295 7", ["BUKBGB2"], []),
        ("MC58 1122 2000 0101 2345 6789 030", [], []), ("GI75 NWBK 0000 0000 7099 453", [], []),
    ],
)  # fmt: skip
def test_a_code_without_a_bic_is_for_the_eea_only(
    iban: str, bics: list[str], carried: list[str], world: World, make: Factory
) -> None:
    make.method(country="DE", details=[DETAILS[0], ["IBAN", iban], *(["BIC", bic] for bic in bics)])
    lines = code_on(world.visit("owner").get(form_of(make.invoice(world.account))))
    assert ([lines[4]] if lines else []) == carried


def test_what_is_copied_is_what_a_banks_form_takes(world: World, make: Factory) -> None:
    account = make.account(locale="de-DE")
    make.method(country="DE", details=DETAILS)
    invoice = make.invoice(account, "1234.50")
    world.users["german"] = make.user("owner", account)
    page = world.visit("german").get(form_of(invoice))
    values = [copied(node) for node in page.root.all(class_="copy")]
    assert values == ["1234,50", invoice.payment_reference, "Portal Billing GmbH", IBAN.replace(" ", ""), "BYLADEM1001"]
    assert in_groups(str(invoice.payment_reference)) in page.text
    assert in_groups(str(invoice.payment_reference)) in world.visit("german").get(f"/invoices/{invoice.id}/").text
    staff = world.visit("reviewer")
    payment = make.payment(invoice, world.users["german"], paid_on=clock.today())
    for path in (f"/admin/invoices/{invoice.id}/", f"/admin/payments/{payment.id}/"):
        assert invoice.payment_reference in [copied(node) for node in staff.get(path).root.all(class_="copy")]


def test_the_default_method_stands_first_and_transfers_start_with_their_reference(world: World, make: Factory) -> None:
    make.method("local_wallet", display_name="Wallet", position=50)
    invoice = make.invoice(world.account)
    pages = world.visit("owner")

    def offered() -> tuple[list[str], str | None, str]:
        page = pages.get(form_of(invoice))
        radios = [radio.attributes["value"] for radio in page.root.all("input", type="radio")]
        return radios, page.values.get("payment_method"), page.values["transaction_reference"]

    assert offered() == (["bank_transfer", "local_wallet"], "bank_transfer", invoice.payment_reference)
    with world.app.app_context(), across_accounts():
        set_account_method(world.account.id, "local_wallet", by=SYSTEM, is_allowed=True, is_default=True, label="")
    assert offered() == (["local_wallet", "bank_transfer"], "local_wallet", "")


def test_wrong_check_digits_are_a_question_that_can_be_answered(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    pages = world.visit("owner")
    typed = GOOD | {"transaction_reference": "rf00 1234 5678"}
    refused = pages.post(form_of(invoice), typed)
    assert (refused.status, list(refused.field_errors)) == (400, ["transaction_reference"])
    assert refused.values | typed == refused.values
    assert "reference_confirmed" in [box.attributes["name"] for box in refused.root.all("input", type="checkbox")]
    typed |= {"reference_confirmed": "y", "doubted_reference": refused.values["doubted_reference"]}
    still = pages.post(form_of(invoice), typed | {"paid_on": "9999-12-31"})
    assert (list(still.field_errors), still.values["reference_confirmed"]) == (["paid_on"], "y")
    assert pages.post(form_of(invoice), typed | {"transaction_reference": "RF00-1234 5678"}).status == 303


def test_an_answer_to_the_question_is_about_the_reference_that_it_stood_beside(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    pages, ticked = world.visit("owner"), {"reference_confirmed": "y"}
    asked = pages.post(form_of(invoice), GOOD | {"transaction_reference": "RF00 1234 5678"})
    other = GOOD | ticked | {"transaction_reference": "RF00 9999"}
    for page in (
        pages.post(form_of(invoice), other | {"doubted_reference": asked.values["doubted_reference"]}),
        pages.post(form_of(invoice), other),
        pages.post(form_of(invoice), other | {"doubted_reference": ""}),
    ):
        assert (page.status, list(page.field_errors)) == (400, ["transaction_reference"])
        assert (page.values["doubted_reference"], "reference_confirmed" in page.values) == ("RF00 9999", False)
    assert pages.post(form_of(invoice), other | {"doubted_reference": page.values["doubted_reference"]}).status == 303


def test_the_reference_of_another_own_invoice_names_and_links_it(world: World, make: Factory) -> None:
    invoice, other = make.invoice(world.account), make.invoice(world.account, number="INV-OTHER")
    typed = GOOD | {"transaction_reference": in_groups(str(other.payment_reference)).lower()}
    page = world.visit("owner").post(form_of(invoice), typed)
    assert (page.status, list(page.field_errors)) == (409, ["transaction_reference"])
    assert page.links["See invoice INV-OTHER"] == f"/invoices/{other.id}/"


@pytest.mark.parametrize("whose", ["another account's", "nobody's", "a draft's", "a withdrawn draft's", "its own"])
def test_nothing_is_said_of_what_the_account_may_not_see(whose: str, world: World, make: Factory) -> None:
    """The answers differ in nothing but what was typed."""
    invoice = make.invoice(world.account)
    foreign, draft = make.invoice(world.globex, "500"), make.invoice(world.account, issued=False)
    withdrawn = make.void(make.invoice(world.account, issued=False))
    references = {
        "another account's": foreign.payment_reference, "nobody's": "RF18539007547034",
        "a draft's": draft.payment_reference, "a withdrawn draft's": withdrawn.payment_reference,
        "its own": invoice.payment_reference,
    }  # fmt: skip
    pages, typed = world.visit("owner"), GOOD | {"transaction_reference": references[whose]}
    checked = pages.post(f"{form_of(invoice)}/reference-check", typed)
    assert (checked.status, checked.notices) == (200, [])
    assert pages.post(form_of(invoice), typed).status == 303


def test_a_reference_is_checked_while_it_is_typed(world: World, make: Factory) -> None:
    invoice, other = make.invoice(world.account), make.invoice(world.account, number="INV-OTHER")
    pages = world.visit("member")

    def said(typed: str, **more: str) -> Page:
        page = pages.post(f"{form_of(invoice)}/reference-check", GOOD | {"transaction_reference": typed} | more)
        assert (page.status, page.values["transaction_reference"], page.field_errors) == (200, typed, {})
        return page

    assert said("FT 4711").root.one(id="reference-doubt").text == ""
    assert said("").root.one(id="reference-doubt").text == ""
    assert "its check digits do not fit" in said("RF00 1234").root.one(id="reference-doubt").text
    page = said(str(other.payment_reference), reference_confirmed="y")
    assert page.links["See invoice INV-OTHER"] == f"/invoices/{other.id}/"
    assert "reference_confirmed" not in page.values  # what was said of another text
    page = said("RF00 1234", reference_confirmed="y", doubted_reference="rf001234")
    assert (page.values["reference_confirmed"], page.values["doubted_reference"]) == ("y", "RF00 1234")
    assert pages.get("/payments/").rows == []


def test_a_check_shows_no_card_number_again(world: World, make: Factory) -> None:
    typed = {"transaction_reference": CARD, "notes": f"card {CARD}", "paid_on": CARD}
    pages, path = world.visit("owner"), form_of(make.invoice(world.account))
    for page in (pages.post(f"{path}/reference-check", typed), pages.post(path, GOOD | {"paid_on": CARD})):
        assert "4111" not in page.response.text


def test_the_day_paid_is_shown_to_both_sides(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    pages = world.visit("owner")
    day = clock.today() - timedelta(days=3)
    shown = pages.follow(pages.post(form_of(invoice), GOOD | {"paid_on": day.isoformat()}))
    seen = world.visit("reviewer").get(f"/admin{shown.response.request.path}")
    for page in (shown, seen):
        assert day.isoformat() in [time.attributes["datetime"] for time in page.root.all("time")]


@pytest.mark.parametrize(("hour", "day", "status"), [(9, "2026-03-02", 400), (11, "2026-03-02", 303)])
def test_today_is_where_the_account_is(hour: int, day: str, status: int, world: World, make: Factory) -> None:
    """In Kiribati it is the next day from 10:00 UTC on."""
    with clock.set_to(datetime(2026, 3, 1, hour, tzinfo=UTC)):
        account = make.account("Kiribati Copra", timezone="Pacific/Kiritimati")
        invoice = make.invoice(account)
        world.users["islander"] = make.user("owner", account)
        page = world.visit("islander").post(form_of(invoice), GOOD | {"paid_on": day})
    assert (page.status, list(page.field_errors)) == (status, ["paid_on"] if status == 400 else [])


@pytest.mark.parametrize(
    ("day", "message"),
    [("2024-01-05", "more than a year ago"), ("9999-12-31", "not come yet"), ("5 May", "Not a valid date value")],
)
def test_a_day_that_cannot_be_stands_at_its_field(day: str, message: str, world: World, make: Factory) -> None:
    page = world.visit("owner").post(form_of(make.invoice(world.account)), GOOD | {"paid_on": day})
    assert (page.status, list(page.field_errors)) == (400, ["paid_on"])
    assert message in page.field_errors["paid_on"]
    kept: dict[str, Any] = GOOD | {"paid_on": day}
    assert page.values | kept == page.values


def test_a_rejected_payment_is_put_right_and_sent_again(world: World, make: Factory) -> None:
    make.method("local_wallet", display_name="Wallet", position=5)
    invoice, day = make.invoice(world.account), clock.today() - timedelta(days=2)
    sent = make.payment(
        invoice, world.users["owner"], "TRF 1", method="bank_transfer", notes="from our DE account", paid_on=day
    )
    make.rejected(sent, world.users["reviewer"])
    pages = world.visit("member")
    page = pages.get(pages.get(f"/payments/{sent.id}/").links["Fix and send again"])
    assert page.notices == ["Why your last report was not accepted not found"]
    send = page.root.one("section", aria_labelledby="send").text
    assert send.startswith("2. Send the money Print Already sent it? Do not send it again: go on to step 3 .")
    assert "Already sent it?" not in pages.get(form_of(invoice)).text
    filled = {name: page.values[name] for name in ("payment_method", "transaction_reference", "paid_on", "notes")}
    assert filled == {
        "payment_method": "bank_transfer", "transaction_reference": "TRF 1", "paid_on": day.isoformat(),
        "notes": "from our DE account",
    }  # fmt: skip
    again = pages.post(page.root.one("form", class_="pay").attributes["action"], filled)
    assert again.status == 303
    assert "Fix and send again" not in pages.get(f"/payments/{sent.id}/").links
    busy = pages.get(f"/payments/{sent.id}/correction")
    assert (busy.buttons, len(busy.notices)) == ([], 1)
    assert "Fix and send again" not in world.visit("viewer").get(f"/payments/{sent.id}/").links


def test_a_correction_does_not_slip_to_another_method(world: World, make: Factory) -> None:
    """The one of the report is not on offer any more: whoever corrects it has to choose."""
    make.method("local_wallet", display_name="Wallet", position=5)
    sent = make.payment(make.invoice(world.account), world.users["owner"], "W 1", method="local_wallet")
    make.rejected(sent, world.users["reviewer"])
    with world.app.app_context(), across_accounts():
        set_account_method(world.account.id, "local_wallet", by=SYSTEM, is_allowed=False, is_default=False, label="")
    page = world.visit("owner").get(f"/payments/{sent.id}/correction")
    (radio,) = page.root.all("input", type="radio")
    assert (radio.attributes["value"], "checked" in radio.attributes) == ("bank_transfer", False)
    assert page.root.all("input", type="hidden", name="payment_method") == []


def test_what_was_typed_is_not_lost_when_the_invoice_cannot_be_paid_any_more(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    make.payment(invoice, world.users["owner"], "FIRST")
    page = world.visit("member").post(form_of(invoice), GOOD | {"paid_on": clock.today().isoformat()})
    assert (page.status, page.buttons) == (409, [])
    typed = page.root.one("section", aria_labelledby="typed").text
    assert typed == (f"What you typed Transaction reference TRF 77 Date paid {clock.today()} Notes from our DE account")
