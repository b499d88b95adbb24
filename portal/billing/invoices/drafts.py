"""A new invoice: read, put together, and what stands in its way."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.accounts.external_ids import external_id_taken
from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.lines import NewLine, total_of
from portal.billing.invoices.models import UQ_INVOICE_EXTERNAL_ID, UQ_INVOICE_NUMBER, Invoice, InvoiceLine
from portal.foundation import freetext
from portal.foundation.db import flush_or_refuse, session
from portal.foundation.ids import new_id
from portal.foundation.money import MAX_MINOR, Money, check_currency
from portal.foundation.refusals import Conflict, FieldError, Invalid, read_together

DEFAULT_TERM = timedelta(days=14)


def read_invoice(
    *, number: str, currency: str, lines: Sequence[NewLine], credits: int = 0, issue_date: date | None = None,
    due_date: date | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What a new invoice holds, by column, but for whose it is and its status. Raises Invalid."""
    read = read_together(
        number=lambda: freetext.required(number, field="number", most=40, label="The invoice number"),
        total_minor=lambda: total_of(lines, check_currency(currency)).minor,
        credits=lambda: _read_credits(credits),
        due_date=lambda: check_dates(issue_date, due_date),
    )
    return read | {"currency": currency, "amount_paid_minor": 0, "issue_date": issue_date, "due_date": due_date}


def whole_credits(text: str) -> int:
    """The number of credits that somebody wrote. Raises Invalid for anything but digits."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise _no_credits()
    return int(text)


def _read_credits(credits: int) -> int:
    if not 0 <= credits <= MAX_MINOR:
        raise _no_credits()
    return credits


def _no_credits() -> Invalid:
    return Invalid("invalid_credits", "Credits are a whole number from zero.", field="credits")


def audited(values: Mapping[str, Any], lines: int) -> dict[str, object]:
    """What the audit log says of a new invoice with these columns."""
    told = {name: values.get(name) for name in ("number", "external_id", "credits", "issue_date", "due_date")}
    return told | {"total": str(Money(values["total_minor"], values["currency"])), "lines": lines}


def line_values(account_id: UUID, position: int, line: NewLine) -> dict[str, Any]:
    """What a line holds, by column, but for the invoice that it is of."""
    return {
        "account_id": account_id,
        "position": position,
        "description": line.description,
        "quantity": line.quantity,
        "currency": line.unit_price.currency,
        "unit_price_minor": line.unit_price.minor,
        "amount_minor": line.amount.minor,
    }


def new_invoice(account_id: UUID, values: Mapping[str, Any], lines: Sequence[NewLine]) -> Invoice:
    """A draft with these columns and lines. It is added to nothing yet."""
    draft = InvoiceStatus.DRAFT.value
    return Invoice(id=new_id(), account_id=account_id, status=draft, lines=new_lines(account_id, lines), **values)


def new_lines(account_id: UUID, lines: Sequence[NewLine]) -> list[InvoiceLine]:
    return [InvoiceLine(**line_values(account_id, position, line)) for position, line in enumerate(lines, 1)]


def find_by_external_id(account_id: UUID, external_id: str) -> UUID | None:
    """The id of the account's invoice that its sender calls so."""
    return session.scalar(
        select(Invoice.id).where(Invoice.account_id == account_id, Invoice.external_id == external_id)
    )


def number_taken(number: str) -> Conflict:
    return Conflict("invoice_number_taken", f"There is an invoice {number} already.", field="number")


def refuse_taken_number(number: str) -> None:
    """Raise Conflict where an invoice has the number. Another unit may take it until ``flush_invoices``."""
    if session.scalar(select(Invoice.id).where(Invoice.number == number)):
        raise number_taken(number)


def flush_invoices(number: str) -> None:
    """Send what is pending. Raises Conflict where another unit was quicker."""
    taken = {
        UQ_INVOICE_NUMBER: number_taken(number),
        UQ_INVOICE_EXTERNAL_ID: external_id_taken("invoice of this account"),
    }
    flush_or_refuse(taken)


def check_dates(issue_date: date | None, due_date: date | None) -> None:
    """Raise Invalid where the due date lies before the issue date."""
    if issue_date and due_date and due_date < issue_date:
        raise Invalid("due_before_issue", "The due date lies before the issue date.", field="due_date")


def default_due_date(issue_date: date) -> date:
    """14 days later, as far as there are days."""
    return min(issue_date, date.max - DEFAULT_TERM) + DEFAULT_TERM


def check_asks_something(total_minor: int) -> None:
    """Raise Invalid for a total of nothing, which cannot be issued: nobody could pay it."""
    if total_minor <= 0:
        raise Invalid("invoice_asks_nothing", "An invoice that asks for nothing cannot be issued.", field="lines")


def differing(stored: Invoice, values: Mapping[str, Any], lines: Sequence[NewLine]) -> list[str]:
    """By field, in what the stored invoice is another one than these. Dates that are not given do not count."""
    names = ("number", "currency", "credits", "issue_date", "due_date")
    found = [name for name in names if values[name] is not None and values[name] != getattr(stored, name)]
    have = [(line.description, line.quantity, line.unit_price_minor) for line in stored.lines]
    wanted = [(line.description, line.quantity, line.unit_price.minor) for line in lines]
    return found if have == wanted else [*found, "lines"]


def invoice_differs(stored: Invoice, fields: Sequence[str]) -> Conflict:
    """For an external id that stands for another invoice than was sent."""
    refusal = Conflict(
        "invoice_differs",
        f"This external id is that of invoice {stored.number}, which is {stored.status} and has other values.",
        invoice_id=str(stored.id),
    )
    refusal.errors = [FieldError(name, "invoice_differs", "The invoice has something else here.") for name in fields]
    return refusal
