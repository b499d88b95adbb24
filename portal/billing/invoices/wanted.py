"""Invoices as programs ask for them, read as their accounts have it: what the domain can take of them, or why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.accounts.external_ids import read_external_id
from portal.accounts.models import Account
from portal.billing.invoices.drafts import check_asks_something, check_dates, default_due_date, read_invoice
from portal.billing.invoices.lines import NewLine, read_lines
from portal.foundation import clock
from portal.foundation.db import session
from portal.foundation.refusals import Invalid, Refusal


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
class NewInvoice:
    """An invoice that was read: what it holds, its lines, and whether it is to be issued."""

    account_id: UUID
    values: dict[str, Any]
    lines: Sequence[NewLine]
    issue: bool

    @property
    def name(self) -> tuple[UUID, str | None]:
        return self.account_id, self.values["external_id"]


def read_all(wanted: Sequence[WantedInvoice | Refusal]) -> list[NewInvoice | Refusal]:
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


def _read_one(item: WantedInvoice | Refusal, accounts: Mapping[object, Account]) -> NewInvoice | Refusal:
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
    return NewInvoice(account_id=account.id, values=values, lines=lines, issue=item.issue)


def _account_of(item: WantedInvoice, accounts: Mapping[object, Account]) -> Account:
    if item.account_id is not None:
        field, account = "account_id", accounts.get(item.account_id)
    else:
        field = "account_external_id"
        account = accounts.get(read_external_id(item.account_external_id or "", field=field))
    if account is None:
        raise Invalid("unknown_account", "There is no such account.", field=field)
    return account
