"""What is owed, and how much of it is reported already: nobody is asked twice for the same money."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, func, select

from portal.billing.invoices.figures import InvoiceRow, InvoiceStatus
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.queries import open_invoices
from portal.billing.payments.models import Payment
from portal.billing.payments.states import OPEN_STATUSES
from portal.foundation import clock
from portal.foundation.db import session
from portal.foundation.money import Money


@dataclass(frozen=True, slots=True)
class Owed:
    """What is outstanding in one currency: ``to_pay`` with its invoices and the next due date of them, and
    ``being_checked``, the sum of the open payments.
    """

    to_pay: Money
    invoices: int
    overdue: int
    next_due: date | None
    being_checked: Money
    payments: int


def owed() -> list[Owed]:
    """What the accounts in scope owe, by currency."""
    unpaid = Payment.id.is_(None)
    reported = func.coalesce(Payment.amount_minor, 0)
    statement = (
        select(
            Invoice.currency,
            func.sum(Invoice.total_minor - Invoice.amount_paid_minor - reported),
            func.count().filter(unpaid),
            func.count().filter(unpaid, Invoice.due_date < clock.today()),
            func.min(Invoice.due_date).filter(unpaid),
            func.sum(reported),
            func.count(Payment.id),
        )
        .outerjoin(Payment, and_(Payment.invoice_id == Invoice.id, _is_open()))
        .where(Invoice.status == InvoiceStatus.OPEN)
        .group_by(Invoice.currency)
        .order_by(Invoice.currency)
    )
    return [
        Owed(Money(int(left), currency), invoices, overdue, next_due, Money(int(checked), currency), payments)
        for currency, left, invoices, overdue, next_due, checked, payments in session.execute(statement)
    ]


def due_first(*, limit: int) -> list[InvoiceRow]:
    """Open invoices in scope, the longest due first; those that an open payment is for come last."""
    reported = select(Payment.id).where(Payment.invoice_id == Invoice.id, _is_open()).exists()
    return open_invoices(reported, Invoice.due_date, Invoice.id, limit=limit)


def _is_open() -> ColumnElement[bool]:
    return Payment.status.in_(OPEN_STATUSES)
