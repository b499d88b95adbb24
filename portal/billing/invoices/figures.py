"""What can be asked of an invoice, be it the whole object or a row of a list."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from portal.foundation import clock
from portal.foundation.money import Money


class InvoiceStatus(StrEnum):
    """``draft → open → paid``, or ``void``. Overdue is no status: it follows from the date."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"


class _Columns(Protocol):
    @property
    def status(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def total_minor(self) -> int: ...
    @property
    def amount_paid_minor(self) -> int: ...
    @property
    def due_date(self) -> date | None: ...


class InvoiceFigures:
    """Amounts and dates, derived from an invoice's columns."""

    @property
    def total(self: _Columns) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def amount_paid(self: _Columns) -> Money:
        """The sum of the invoice's succeeded payments."""
        return Money(self.amount_paid_minor, self.currency)

    @property
    def outstanding(self: _Columns) -> Money:
        """What is left to pay; zero when more than the total came, and for a void invoice."""
        left = 0 if self.status == InvoiceStatus.VOID else max(self.total_minor - self.amount_paid_minor, 0)
        return Money(left, self.currency)

    @property
    def is_overdue(self: _Columns) -> bool:
        """Open after its due date."""
        return self.status == InvoiceStatus.OPEN and self.due_date is not None and self.due_date < clock.today()

    @property
    def days_left(self: _Columns) -> int | None:
        """Days until the due date; below zero after it."""
        return None if self.due_date is None else (self.due_date - clock.today()).days

    @property
    def shown_status(self: "_Shown") -> str:
        """The status, or ``overdue`` where that says more."""
        return "overdue" if self.is_overdue else self.status


class _Shown(_Columns, Protocol):
    @property
    def is_overdue(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class InvoiceRow(InvoiceFigures):
    """An invoice as a list shows it."""

    id: UUID
    number: str
    account_id: UUID
    account_name: str
    status: str
    currency: str
    total_minor: int
    amount_paid_minor: int
    credits: int
    issue_date: date | None
    due_date: date | None
    external_id: str | None
    payment_reference: str | None
