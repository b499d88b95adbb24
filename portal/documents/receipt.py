"""A receipt for money that was booked."""

from portal.billing.invoices.payment_reference import in_groups
from portal.billing.methods.models import METHOD_NAMES
from portal.billing.payments.models import Payment, PaymentEvent
from portal.billing.payments.states import Status
from portal.documents.formats import Formats
from portal.documents.parties import customer, seller
from portal.documents.stationery import Stationery
from portal.documents.typesetting import Pdf, file_name, typeset
from portal.foundation.refusals import Conflict


def receipt_pdf(payment: Payment, *, stationery: Stationery) -> Pdf:
    """The receipt; of money that went back, saying so. Reads in the scope of the payment's account.

    Raises Conflict where nothing was booked.
    """
    booked, refunded = _event(payment, Status.SUCCEEDED), _event(payment, Status.REFUNDED)
    if booked is None:
        raise Conflict("no_receipt", "There is no receipt: this payment has not been booked.")
    formats = Formats(payment.account)
    data = {
        "title": f"Receipt for invoice {payment.invoice.number}",
        "stamp": {"word": "Refunded", "tone": "quiet"} if refunded else {"word": "Paid", "tone": "good"},
        "seller": seller(stationery),
        "customer": customer(payment.account),
        "amount": formats.money(payment.amount),
        "facts": _facts(payment, booked, refunded, formats),
        "currency": payment.currency,
        "line": _line(payment, formats),
        "id": str(payment.id),
    }
    content = typeset("receipt", data, made_at=(refunded or booked).at)
    return Pdf(file_name("receipt", payment.invoice.number), content)


def _facts(
    payment: Payment, booked: PaymentEvent, refunded: PaymentEvent | None, formats: Formats
) -> list[tuple[str, str]]:
    method = payment.payment_method
    facts = [
        ("Received", formats.moment(booked.at)),
        ("Paid by", METHOD_NAMES.get(method, method)),
        ("Transaction reference", payment.transaction_reference),
    ]
    if payment.paid_on:
        facts.insert(0, ("Sent", formats.day(payment.paid_on)))
    if payment.invoice.payment_reference:
        facts.append(("Payment reference", in_groups(payment.invoice.payment_reference)))
    if refunded:
        facts.append(("Refunded", formats.moment(refunded.at)))
    return facts


def _line(payment: Payment, formats: Formats) -> tuple[str, ...]:
    """The invoice that was paid, its dates and total, and what was received of it."""
    invoice = payment.invoice
    return (
        invoice.number,
        formats.day(invoice.issue_date),
        formats.number(invoice.total),
        formats.number(payment.amount),
    )


def _event(payment: Payment, status: Status) -> PaymentEvent | None:
    return next((event for event in payment.events if event.to_status == status), None)
