"""Invoices: one, and as lists."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from portal.accounts.external_ids import read_external_id
from portal.accounts.models import Account
from portal.accounts.queries import is_called
from portal.billing.invoices.figures import InvoiceRow, InvoiceStatus
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.payment_reference import compact
from portal.foundation import clock
from portal.foundation.db import contains, session
from portal.foundation.keyset import PAGE_SIZE, Page, paginate
from portal.foundation.money import Money
from portal.foundation.refusals import NotFound
from portal.foundation.typed_amounts import is_one_of

_WAS_ISSUED = (Invoice.status != InvoiceStatus.DRAFT) & Invoice.never_issued.is_(False)


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices to list. ``statuses`` may hold ``overdue``; what was never issued is staff's own."""

    statuses: tuple[str, ...] = ()
    q: str = ""
    account_id: UUID | None = None
    currency: str = ""
    account: str = ""
    """The number of an account, or a part of its name."""
    with_drafts: bool = field(default=False, kw_only=True)
    amounts: tuple[Money, ...] = field(default=(), kw_only=True)
    """Totals, one of these; none: any."""


def get_invoice(invoice_id: UUID, *, with_drafts: bool = False) -> Invoice:
    """The invoice in scope. Raises NotFound; for what was never issued too, unless asked for."""
    statement = select(Invoice).where(Invoice.id == invoice_id)
    invoice = session.scalar(statement if with_drafts else statement.where(_WAS_ISSUED))
    if invoice is None:
        raise NotFound()
    return invoice


def get_invoice_by_external_id(account_id: UUID, external_id: str) -> Invoice:
    """The account's invoice that the back office calls so, draft or not. Raises Invalid and NotFound."""
    named = (Invoice.account_id == account_id, Invoice.external_id == read_external_id(external_id))
    invoice = session.scalar(select(Invoice).where(*named))
    if invoice is None:
        raise NotFound()
    return invoice


def find_by_payment_reference(reference: str, *, account_id: UUID) -> Invoice | None:
    """The account's invoice that transfers with this reference are for, however it is spaced; none that is a draft."""
    named = (Invoice.account_id == account_id, Invoice.payment_reference == compact(reference))
    return session.scalar(select(Invoice).where(*named, _WAS_ISSUED))


def invoice_page(
    wanted: InvoiceFilter | None = None, *, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Page[InvoiceRow]:
    """Invoices in scope, newest first."""
    page = paginate(_filtered(wanted or InvoiceFilter()), Invoice.id, cursor=cursor, page_size=page_size)
    return Page([InvoiceRow(*row) for row in page.rows], page.next, page.previous, page.page_size)


def invoices_by_id(ids: Collection[UUID]) -> dict[UUID, InvoiceRow]:
    """Those of the invoices in scope, by id."""
    rows = [InvoiceRow(*row) for row in session.execute(_columns().where(Invoice.id.in_(ids)))]
    return {row.id: row for row in rows}


def open_invoices(*order: ColumnElement[Any] | InstrumentedAttribute[Any], limit: int) -> list[InvoiceRow]:
    """Open invoices in scope, in this order."""
    statement = _columns().where(Invoice.status == InvoiceStatus.OPEN).order_by(*order)
    return [InvoiceRow(*row) for row in session.execute(statement.limit(limit))]


def _columns() -> Select[*tuple[Any, ...]]:
    return select(
        Invoice.id, Invoice.number, Invoice.account_id, Account.name.label("account_name"), Invoice.status,
        Invoice.currency, Invoice.total_minor, Invoice.amount_paid_minor, Invoice.credits, Invoice.issue_date,
        Invoice.due_date, Invoice.external_id, Invoice.payment_reference,
    ).outerjoin(Account, Invoice.account_id == Account.id)  # fmt: skip


def _filtered(wanted: InvoiceFilter) -> Select[*tuple[Any, ...]]:
    statement = _columns()
    plain = [status for status in wanted.statuses if status != "overdue"]
    overdue = (Invoice.status == InvoiceStatus.OPEN) & (Invoice.due_date < clock.today())
    if wanted.statuses:
        chosen = Invoice.status.in_(plain)
        statement = statement.where(chosen | overdue if "overdue" in wanted.statuses else chosen)
    if not wanted.with_drafts:
        statement = statement.where(_WAS_ISSUED)
    if wanted.q:
        statement = statement.where(contains(Invoice.number, wanted.q))
    if wanted.account_id:
        statement = statement.where(Invoice.account_id == wanted.account_id)
    if wanted.currency:
        statement = statement.where(Invoice.currency == wanted.currency)
    if wanted.account:
        statement = statement.where(is_called(wanted.account))
    if wanted.amounts:
        statement = statement.where(is_one_of(Invoice.total_minor, Invoice.currency, wanted.amounts))
    return statement
