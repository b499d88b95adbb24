"""An invoice on paper."""

from datetime import UTC, datetime
from typing import Any

from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.models import Invoice, InvoiceLine
from portal.billing.invoices.payment_reference import in_groups
from portal.billing.methods.queries import get_available_payment_methods
from portal.documents.formats import Formats
from portal.documents.parties import customer, seller
from portal.documents.stationery import Stationery
from portal.documents.typesetting import Pdf, file_name, typeset

_STAMPS = {"paid": ("Paid", "good"), "overdue": ("Overdue", "bad"), "void": ("Void", "quiet")}


def invoice_pdf(invoice: Invoice, *, stationery: Stationery) -> Pdf:
    """The issued invoice as it stands now, with how to pay what is left of it. Reads in the scope of its account."""
    formats = Formats(invoice.account)
    issued = invoice.issue_date or invoice.created_at.date()
    word, tone = _STAMPS.get(invoice.shown_status, ("", ""))
    data = {
        "title": f"Invoice {invoice.number}",
        "stamp": {"word": word, "tone": tone},
        "seller": seller(stationery),
        "customer": customer(invoice.account),
        "facts": _facts(invoice, formats),
        "currency": invoice.currency,
        "lines": _lines(invoice.lines, formats),
        "sums": _sums(invoice, formats),
        "payment": _how_to_pay(invoice, formats),
    }
    made_at = datetime(issued.year, issued.month, issued.day, tzinfo=UTC)
    content = typeset("invoice", data, made_at=made_at)
    return Pdf(file_name("invoice", invoice.number), content)


def _facts(invoice: Invoice, formats: Formats) -> list[tuple[str, str]]:
    facts = [("Issued", formats.day(invoice.issue_date)), ("Due", formats.day(invoice.due_date))]
    if invoice.payment_reference:
        facts.append(("Payment reference", in_groups(invoice.payment_reference)))
    if invoice.credits:
        facts.append(("Credits, once paid", formats.count(invoice.credits)))
    return facts


def _lines(lines: list[InvoiceLine], formats: Formats) -> list[tuple[str, ...]]:
    quantities = formats.quantities(line.shown_quantity for line in lines)
    return [
        (line.description, quantity, formats.number(line.unit_price), formats.number(line.amount))
        for line, quantity in zip(lines, quantities, strict=True)
    ]


def _sums(invoice: Invoice, formats: Formats) -> list[tuple[str, str]]:
    """The total; what was paid of it and is left, where anything was."""
    sums = {"Total": invoice.total}
    if invoice.amount_paid:
        sums |= {"Paid": invoice.amount_paid, "Outstanding": invoice.outstanding}
    return [(f"{name}, {amount.currency}", formats.number(amount)) for name, amount in sums.items()]


def _how_to_pay(invoice: Invoice, formats: Formats) -> dict[str, Any] | None:
    """None where nothing is left to pay. The methods are those that the account may use and that take the amount."""
    if invoice.status != InvoiceStatus.OPEN:
        return None
    methods = [
        {"name": method.name, "details": [list(detail) for detail in method.details]}
        for method in get_available_payment_methods(invoice.account)
        if method.is_manual and method.details and method.takes(invoice.outstanding)
    ]
    return {
        "amount": formats.money(invoice.outstanding),
        "late": invoice.is_overdue,
        "due": formats.day(invoice.due_date),
        "reference": in_groups(invoice.payment_reference) if invoice.payment_reference else invoice.number,
        "methods": methods,
    }
