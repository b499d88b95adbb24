"""Payments: one, as lists, and staff's approval queue."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, null, or_, select
from sqlalchemy.orm import selectinload

from portal.accounts.models import Account
from portal.accounts.queries import is_called
from portal.billing.invoices.models import Invoice
from portal.billing.payments.figures import Lane, PaymentRow
from portal.billing.payments.lanes import is_in, lane_column
from portal.billing.payments.models import Payment
from portal.billing.payments.references import normalize_reference
from portal.billing.payments.states import LIVE_STATUSES, OPEN_STATUSES, Status
from portal.foundation.db import contains, session
from portal.foundation.keyset import PAGE_SIZE, Page, paginate
from portal.foundation.money import Money
from portal.foundation.refusals import NotFound
from portal.foundation.typed_amounts import is_one_of

QUEUE_COUNT_CAP = 1000
_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """Which payments to list. ``q`` looks into references and invoice numbers. Times: from inclusive, to exclusive."""

    statuses: tuple[Status, ...] = ()
    invoice_id: UUID | None = None
    payment_method: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None
    q: str = ""
    account_id: UUID | None = None
    account: str = ""
    """The number of an account, or a part of its name."""
    country: str = ""
    currency: str = ""
    lane: Lane | None = None
    """Looked for among the oldest 1,000 that wait under the rest of the filter: a rare one is not sought in all."""
    amounts: tuple[Money, ...] = ()
    """One of these; none: any."""


def get_payment(payment_id: UUID) -> Payment:
    """The payment in scope with its events and invoice. Raises NotFound."""
    statement = select(Payment).where(Payment.id == payment_id)
    payment = session.scalar(statement.options(selectinload(Payment.events), selectinload(Payment.invoice)))
    if payment is None:
        raise NotFound()
    return payment


def version_of(payment_id: UUID) -> int:
    """The version of the payment in scope. Raises NotFound."""
    version = session.scalar(select(Payment.version).where(Payment.id == payment_id))
    if version is None:
        raise NotFound()
    return version


def payment_page(
    wanted: PaymentFilter | None = None, *, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Page[PaymentRow]:
    """Payments in scope, newest first."""
    statement = _filtered(_columns(), wanted or PaymentFilter())
    return _rows(paginate(statement, Payment.id, cursor=cursor, page_size=page_size))


def approval_queue(
    wanted: PaymentFilter | None = None, *, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Page[PaymentRow]:
    """What waits for approval, oldest first, each with its lane."""
    statement = _filtered(_columns(lane_column()), wanted or PaymentFilter())
    statement = statement.where(Payment.status == Status.PENDING_APPROVAL)
    return _rows(paginate(statement, Payment.id, cursor=cursor, page_size=page_size, newest_first=False))


def in_queue(payment_ids: Collection[UUID]) -> list[PaymentRow]:
    """Those of the payments that there are, as the queue shows them, oldest first; also those that wait no more."""
    statement = _columns(lane_column()).where(Payment.id.in_(payment_ids)).order_by(Payment.id)
    return [PaymentRow(*row) for row in session.execute(statement)]


def next_in_queue(after: UUID, wanted: PaymentFilter | None = None) -> UUID | None:
    """The payment that waits next after this one under the filter; behind the last, the first."""
    waiting = _waiting(wanted, Payment.id).where(Payment.id != after).order_by(Payment.id).limit(1)
    following: UUID | None = session.scalar(waiting.where(Payment.id > after)) or session.scalar(waiting)
    return following


def queue_length() -> int:
    """How many payments wait, counted up to 1,000."""
    waiting = _waiting(None, Payment.id).limit(QUEUE_COUNT_CAP)
    return session.scalar(select(func.count()).select_from(waiting.subquery())) or 0


def lane_counts(wanted: PaymentFilter) -> dict[Lane, int]:
    """How many of the oldest 1,000 that wait under the filter, whatever its lane, are in each lane."""
    waiting = (
        _waiting(replace(wanted, lane=None), lane_column().label("lane")).order_by(Payment.id).limit(QUEUE_COUNT_CAP)
    )
    oldest = waiting.subquery()
    found = session.execute(select(oldest.c.lane, func.count()).group_by(oldest.c.lane))
    return dict.fromkeys(Lane, 0) | {Lane(lane): number for lane, number in found}


def count_waiting() -> int:
    """How many payments wait, all of them."""
    return session.scalar(select(func.count()).where(Payment.status == Status.PENDING_APPROVAL)) or 0


def with_same_reference(payment: Payment) -> list[PaymentRow]:
    """Other payments with the same reference and method, all accounts' in staff's scope: the first 20.

    Live ones come first, then other accounts', then the newest: no number of reports that were withdrawn hides one.
    """
    if payment.normalized_reference is None:
        return []
    statement = _columns().where(
        Payment.normalized_reference == payment.normalized_reference,
        Payment.payment_method == payment.payment_method,
        Payment.id != payment.id,
    )
    telling = (Payment.status.in_(LIVE_STATUSES).desc(), (Payment.account_id != payment.account_id).desc())
    ordered = statement.order_by(*telling, Payment.id.desc()).limit(PAGE_SIZE)
    return [PaymentRow(*row) for row in session.execute(ordered)]


def row_of(payment_id: UUID) -> PaymentRow:
    """The payment as lists show it. Raises NotFound."""
    rows = _latest(Payment.id == payment_id, limit=1)
    if not rows:
        raise NotFound()
    return rows[0]


def earlier_payments(payment: Payment) -> list[PaymentRow]:
    """The account's last five payments before this one, newest first."""
    return _latest(Payment.account_id == payment.account_id, Payment.id < payment.id, limit=5)


def payments_by_id(ids: Collection[UUID]) -> dict[UUID, PaymentRow]:
    """Those of the payments in scope, by id."""
    return {row.id: row for row in _latest(Payment.id.in_(ids), limit=len(ids))} if ids else {}


def payments_of_invoice(invoice_id: UUID) -> list[PaymentRow]:
    """All payments towards an invoice, newest first."""
    return _latest(Payment.invoice_id == invoice_id, limit=100)


def superseding(payment: Payment) -> PaymentRow | None:
    """The payment of the same invoice that was made after this one, and is money or may become it."""
    later = (Payment.invoice_id == payment.invoice_id, Payment.id > payment.id, Payment.status.in_(LIVE_STATUSES))
    return next(iter(_latest(*later, limit=1)), None)


def open_payments(*, limit: int) -> list[PaymentRow]:
    """What is under way in scope, newest first."""
    return _latest(Payment.status.in_(OPEN_STATUSES), limit=limit)


def open_payments_of(invoice_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The open payments of the invoices, by invoice; each has at most one."""
    is_open = Payment.status.in_(OPEN_STATUSES)
    found = session.execute(select(Payment.invoice_id, Payment.id).where(Payment.invoice_id.in_(invoice_ids), is_open))
    return {row.invoice_id: row.id for row in found}


def open_payment_of(invoice_id: UUID) -> Payment | None:
    """The open payment of the invoice, if there is one."""
    return session.scalar(select(Payment).where(Payment.invoice_id == invoice_id, Payment.status.in_(OPEN_STATUSES)))


def _latest(*conditions: ColumnElement[bool], limit: int) -> list[PaymentRow]:
    statement = _columns().where(*conditions).order_by(Payment.id.desc()).limit(limit)
    return [PaymentRow(*row) for row in session.execute(statement)]


def _rows(page: Page[Any]) -> Page[PaymentRow]:
    rows: Sequence[PaymentRow] = [PaymentRow(*row) for row in page.rows]
    return Page(rows, page.next, page.previous, page.page_size)


def _waiting(wanted: PaymentFilter | None, column: Any) -> Select[*tuple[Any, ...]]:
    statement = select(column).select_from(Payment).where(Payment.status == Status.PENDING_APPROVAL)
    if wanted is None:
        return statement
    joined = statement.outerjoin(Invoice, Payment.invoice_id == Invoice.id)
    return _filtered(joined.outerjoin(Account, Payment.account_id == Account.id), wanted)


def _columns(lane: ColumnElement[Any] | None = None) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Payment.id, Payment.account_id, Account.name.label("account_name"), Account.country, Payment.invoice_id,
            Invoice.number.label("invoice_number"), Payment.amount_minor, Payment.currency, Payment.payment_method,
            Payment.status, Payment.transaction_reference, Payment.paid_on, Payment.notes, Payment.failure_reason,
            Payment.version, Payment.submitted_by, Payment.created_at, Payment.updated_at, Payment.decided_at,
            (null() if lane is None else lane).label("lane"),
        )
        # Outer joins, though both are always there: so that no database begins at the other table and sorts at the end.
        .outerjoin(Invoice, Payment.invoice_id == Invoice.id)
        .outerjoin(Account, Payment.account_id == Account.id)
    )  # fmt: skip


def _filtered(statement: Select[*tuple[Any, ...]], wanted: PaymentFilter) -> Select[*tuple[Any, ...]]:
    equal = {
        Payment.invoice_id: wanted.invoice_id,
        Payment.payment_method: wanted.payment_method,
        Payment.account_id: wanted.account_id,
        Payment.currency: wanted.currency,
        Account.country: wanted.country,
    }
    statement = statement.where(*(column == value for column, value in equal.items() if value))
    if wanted.statuses:
        statement = statement.where(Payment.status.in_(wanted.statuses))
    if wanted.created_from:
        statement = statement.where(Payment.created_at >= wanted.created_from)
    if wanted.created_to:
        statement = statement.where(Payment.created_at < wanted.created_to)
    if wanted.account:
        statement = statement.where(is_called(wanted.account))
    if wanted.lane:
        statement = statement.where(is_in(wanted.lane), Payment.id <= _last_looked_at(wanted))
    if wanted.amounts:
        statement = statement.where(is_one_of(Payment.amount_minor, Payment.currency, wanted.amounts))
    if wanted.q:
        statement = statement.where(_found(wanted.q))
    return statement


def _last_looked_at(wanted: PaymentFilter) -> ColumnElement[UUID]:
    """The last of the oldest 1,000 that wait under the filter, whatever its lane."""
    waiting = _waiting(replace(wanted, lane=None), Payment.id).order_by(Payment.id)
    last = waiting.offset(QUEUE_COUNT_CAP - 1).limit(1).correlate(None).scalar_subquery()
    return func.coalesce(last, literal(_LAST_ID, Payment.id.type))


def _found(q: str) -> ColumnElement[bool]:
    found = [contains(Payment.transaction_reference, q), contains(Invoice.number, q)]
    normalized = normalize_reference(q)
    if normalized:
        found.append(Payment.normalized_reference.contains(normalized, autoescape=True))
    return or_(*found)
