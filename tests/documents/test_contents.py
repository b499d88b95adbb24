"""What stands on invoices and receipts."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from portal.billing.invoices.models import Invoice
from portal.billing.invoices.payment_reference import in_groups
from portal.billing.payments.models import Payment
from portal.documents.typesetting import Pdf
from portal.foundation import clock
from portal.foundation.refusals import Conflict
from tests.documents.conftest import World
from tests.documents.reading import text_of
from tests.factories import Factory

NOON = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
DAY = datetime(2026, 3, 3, tzinfo=UTC)
SELLER = """Portal Billing GmbH
Musterstraße 12
60311 Frankfurt am Main
Germany
Tax id DE 999 999 999
billing@portal.example
To
Müller & Söhne
Germany
Account {account}"""
FOOTER = """Portal Billing GmbH · DE 999 999 999 · billing@portal.example
Musterbank Frankfurt, IBAN DE32 9994 0000 1234 5678 01, BIC DEMODEFFXXX
Page 1 of 1"""


def test_an_invoice_says_what_is_owed_and_how_to_pay(
    world: World, make: Factory, invoice_of: Callable[[Invoice], Pdf]
) -> None:
    with clock.set_to(NOON):
        invoice = make.invoice(world.account, "1234.50", number="INV-1", credits=1500)
        pdf = invoice_of(invoice)
    reference = in_groups(invoice.payment_reference or "")
    assert pdf.file_name == "invoice-INV-1.pdf"
    assert (
        text_of(pdf.content)
        == f"""Portal Billing GmbH
Invoice INV-1
From
{SELLER.format(account=world.account.number)}
Issued 02.03.2026
Due 16.03.2026
Payment reference {reference}
Credits, once paid 1.500
Description Quantity Unit price, EUR Amount, EUR
Support 1 1.234,50 1.234,50
Total, EUR 1.234,50
How to pay
Please send 1.234,50 EUR by 16.03.2026, with this reference:
{reference}
Bank transfer
IBAN DE02120300000000202051
{FOOTER}"""
    )


def test_a_receipt_says_what_was_paid_when_and_how(
    world: World, make: Factory, receipt_of: Callable[[Payment], Pdf]
) -> None:
    with clock.set_to(NOON):
        invoice = make.invoice(world.account, "49.00", number="INV-1")
        payment = make.payment(invoice, world.owner, "SEPA-1", paid_on=date(2026, 3, 1))
        paid = make.payment_now(make.approved(payment, world.admin))
    pdf = receipt_of(paid)
    reference = in_groups(paid.invoice.payment_reference or "")
    assert pdf.file_name == "receipt-INV-1.pdf"
    assert (
        text_of(pdf.content)
        == f"""Portal Billing GmbH Paid
Receipt for invoice INV-1
From
{SELLER.format(account=world.account.number)}
Amount received
49,00 EUR
Sent 01.03.2026
Received 02.03.2026, 13:30 (Europe/Berlin)
Paid by Bank transfer
Transaction reference SEPA-1
Payment reference {reference}
Invoice Issued Total, EUR Received, EUR
INV-1 02.03.2026 49,00 49,00
Payment {paid.id}. This receipt is valid without a signature.
{FOOTER}"""
    )


def test_a_receipt_of_refunded_money_says_that_it_went_back(
    world: World, make: Factory, receipt_of: Callable[[Payment], Pdf]
) -> None:
    with clock.set_to(NOON):
        paid = make.approved(make.payment(make.invoice(world.account), world.owner), world.admin)
    with clock.set_to(DAY):
        words = text_of(receipt_of(make.refunded(paid, world.admin)).content)
    lines = words.splitlines()
    assert lines[0] == "Portal Billing GmbH Refunded"
    assert "Amount received and refunded" in lines
    assert "Refunded 03.03.2026, 01:00 (Europe/Berlin)" in lines


def test_no_receipt_of_what_was_not_booked(world: World, make: Factory, receipt_of: Callable[[Payment], Pdf]) -> None:
    waiting = make.payment(make.invoice(world.account), world.owner)
    rejected = make.rejected(make.payment(make.invoice(world.account), world.owner), world.admin)
    for payment in (waiting, rejected, make.gateway_payment(make.invoice(world.account))):
        with pytest.raises(Conflict, match="has not been booked"):
            receipt_of(payment)


def test_where_an_invoice_stands(world: World, make: Factory, invoice_of: Callable[[Invoice], Pdf]) -> None:
    """An invoice that is paid or void does not ask for money; a late one says since when."""
    paid, void = make.invoice(world.account), make.void(make.invoice(world.account))
    make.approved(make.payment(paid, world.owner), world.admin)
    late = make.invoice(world.account, due_date=date(2026, 3, 2))
    said = {}
    for name, invoice in {"paid": paid, "void": void, "late": late}.items():
        lines = text_of(invoice_of(invoice).content).splitlines()
        said[name] = [lines[0], *(line for line in lines if line.startswith(("Paid,", "Outstanding,", "This was due")))]
    assert said == {
        "paid": ["Portal Billing GmbH Paid", "Paid, EUR 49,00", "Outstanding, EUR 0,00"],
        "void": ["Portal Billing GmbH Void"],
        "late": [
            "Portal Billing GmbH Overdue",
            "This was due on 02.03.2026. Please send 49,00 EUR now, with this reference:",
        ],
    }


@pytest.mark.parametrize(
    ("currency", "locale", "total", "shown"),
    [
        ("JPY", "ja-JP", "49500", "49,500"),
        ("KWD", "en", "1234.500", "1,234.500"),
        ("EUR", "fr-FR", "10000000000.01", "10 000 000 000,01"),
        ("INR", "en-IN", "1234567.00", "1,234,567.00"),
    ],
)
def test_amounts_have_their_currencys_digits_in_the_accounts_locale(
    currency: str, locale: str, total: str, shown: str, make: Factory, invoice_of: Callable[[Invoice], Pdf]
) -> None:
    account = make.account("Acme", currency=currency, locale=locale)
    words = text_of(invoice_of(make.invoice(account, total)).content).replace("\u202f", " ")
    assert f"Total, {currency} {shown}" in words.splitlines()
