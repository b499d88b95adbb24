"""Many invoices in one call, of whichever accounts: one unit, whose statements do not grow in number with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.accounts.external_ids import read_external_id
from portal.accounts.models import Account
from portal.billing.invoices.drafts import (
    check_asks_something,
    check_dates,
    default_due_date,
    differing,
    flush_invoices,
    invoice_differs,
    new_invoice,
    number_taken,
    read_invoice,
)
from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.lines import NewLine, read_lines
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.service import issue_locked_invoice, record_created
from portal.foundation import audit, clock
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import session, transaction
from portal.foundation.refusals import Invalid, Refusal

MAX_ITEMS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedInvoice:
    """An invoice as a program asks for it: texts that nobody looked at yet. Without a currency it has the account's."""

    number: str
    lines: Sequence[Mapping[str, str]]
    account_id: UUID | None = None
    account_external_id: str | None = None
    currency: str = ""
    credits: int = 0
    issue_date: date | None = None
    due_date: date | None = None
    external_id: str | None = None
    issue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one of them."""

    index: int
    invoice: Invoice | None = None
    refusal: Refusal | None = None
    is_new: bool = False

    @property
    def status(self) -> str:
        return "refused" if self.refusal else "created" if self.is_new else "unchanged"


class ItemsRefused(Invalid):
    """Some of what was to be done whole or not at all is not right; nothing was done."""

    def __init__(self, refused: Sequence[Result]) -> None:
        message = f"{len(refused)} of the items are refused, and with them all. Nothing was changed."
        items = [{"index": result.index, "status": result.status, "error": result.refusal} for result in refused]
        super().__init__("items_refused", message, items=items)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """One of them, read."""

    account_id: UUID
    values: dict[str, Any]
    lines: Sequence[NewLine]
    issue: bool

    @property
    def name(self) -> tuple[UUID, str | None]:
        return self.account_id, self.values["external_id"]


def create_invoices(
    wanted: Sequence[WantedInvoice | Refusal], *, by: Actor, all_or_nothing: bool = False
) -> list[Result]:
    """Add them, each on its own, or all or nothing. What the caller could not even read comes as a refusal.

    One whose external id is known and that is the same is ``unchanged``; nothing that is there is changed. Raises
    ItemsRefused where all or nothing was asked for, and Conflict where another unit took a number meanwhile.
    """
    by.must(Permission.INVOICE_MANAGE)
    if not 1 <= len(wanted) <= MAX_ITEMS:
        raise Invalid("invalid_items", f"A call takes 1 to {MAX_ITEMS} items.", field="items")
    with transaction() as unit, audit.chain_of_its_own():
        known = _Known(_read(wanted))
        results = [known.judge(index, item) for index, item in enumerate(known.items)]
        refused = [result for result in results if result.refusal]
        if all_or_nothing and refused:
            raise ItemsRefused(refused)
        for invoice in known.new:
            record_created(invoice, by=by)
            if invoice in known.to_issue:
                issue_locked_invoice(invoice, by=by, begin=invoice.issue_date, end=invoice.due_date)
        known.new.sort(key=lambda invoice: invoice.number)  # in one order, so that no two calls wait for each other
        unit.add_all(known.new)
        flush_invoices("with one of these numbers")
    return results


def _read(wanted: Sequence[WantedInvoice | Refusal]) -> list[_Draft | Refusal]:
    """All of them, read as their accounts have it, which takes two statements."""
    readable = [item for item in wanted if isinstance(item, WantedInvoice)]
    ids = {item.account_id for item in readable}
    names = {_readable(item.account_external_id) for item in readable}
    found = [*session.scalars(select(Account).where(Account.id.in_(ids - {None}))),
             *session.scalars(select(Account).where(Account.external_id.in_(names - {None})))]  # fmt: skip
    accounts: dict[object, Account] = {account.id: account for account in found}
    accounts |= {account.external_id: account for account in found if account.external_id}
    return [_read_one(item, accounts) for item in wanted]


def _readable(external_id: str | None) -> str | None:
    """The external id to look for; None for what is none, which ``_read_one`` refuses."""
    try:
        return read_external_id(external_id or "")
    except Invalid:
        return None


def _read_one(item: WantedInvoice | Refusal, accounts: Mapping[object, Account]) -> _Draft | Refusal:
    if isinstance(item, Refusal):
        return item
    try:
        account = _account_of(item, accounts)
        currency = item.currency or account.currency
        lines = read_lines(item.lines, currency)
        values = read_invoice(
            number=item.number, currency=currency, lines=lines, credits=item.credits, issue_date=item.issue_date,
            due_date=item.due_date,
        )  # fmt: skip
        values["external_id"] = None if item.external_id is None else read_external_id(item.external_id)
        if item.issue:
            check_asks_something(values["total_minor"])
            begin = item.issue_date or clock.today()
            check_dates(begin, item.due_date or default_due_date(begin))
    except Invalid as refusal:
        return refusal
    return _Draft(account_id=account.id, values=values, lines=lines, issue=item.issue)


def _account_of(item: WantedInvoice, accounts: Mapping[object, Account]) -> Account:
    if item.account_id is not None:
        field, account = "account_id", accounts.get(item.account_id)
    else:
        field = "account_external_id"
        account = accounts.get(read_external_id(item.account_external_id or "", field=field))
    if account is None:
        raise Invalid("unknown_account", "There is no such account.", field=field)
    return account


class _Known:
    """What there is already of what is asked for, read at once; and what is new beside it."""

    def __init__(self, items: Sequence[_Draft | Refusal]) -> None:
        self.items = items
        self.new: list[Invoice] = []
        self.to_issue: set[Invoice] = set()
        drafts = [item for item in items if isinstance(item, _Draft)]
        numbers = select(Invoice.number).where(Invoice.number.in_({draft.values["number"] for draft in drafts}))
        self._numbers = set(session.scalars(numbers))
        named = select(Invoice).where(
            Invoice.account_id.in_({draft.account_id for draft in drafts}),
            Invoice.external_id.in_({draft.values["external_id"] for draft in drafts} - {None}),
        )
        stored = session.scalars(named.options(selectinload(Invoice.lines)))
        self._named: dict[tuple[UUID, str | None], Invoice] = {(one.account_id, one.external_id): one for one in stored}

    def judge(self, index: int, item: _Draft | Refusal) -> Result:
        """What becomes of the item. The next ones meet it as if it were there already."""
        if isinstance(item, Refusal):
            return Result(index=index, refusal=item)
        stored = self._named.get(item.name)
        if stored is not None:
            fields = differing(stored, item.values, item.lines)
            is_draft = stored.status == InvoiceStatus.DRAFT and stored not in self.to_issue
            fields += ["issue"] if item.issue and is_draft else []
            return (
                Result(index=index, refusal=invoice_differs(stored, fields))
                if fields
                else Result(index=index, invoice=stored)
            )
        if item.values["number"] in self._numbers:
            return Result(index=index, refusal=number_taken(item.values["number"]))
        return Result(index=index, invoice=self._add(item), is_new=True)

    def _add(self, item: _Draft) -> Invoice:
        invoice = new_invoice(item.account_id, item.values, item.lines)
        self.new.append(invoice)
        self._numbers.add(invoice.number)
        if invoice.external_id is not None:
            self._named[item.name] = invoice
        if item.issue:
            self.to_issue.add(invoice)
        return invoice
