"""The balance and the ledger behind it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, ScalarSelect, select

from portal.billing.credits.models import CreditTransaction
from portal.billing.invoices.models import Invoice
from portal.foundation import clock
from portal.foundation.db import session
from portal.foundation.keyset import PAGE_SIZE, Page, paginate


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """An account's credits when the month ended; of the present month, as they are now."""

    month: date
    """Its first day."""
    balance: int


def balance(account_id: UUID) -> int:
    """The account's credits: the balance after the last row of its ledger."""
    statement = (
        select(CreditTransaction.balance_after)
        .where(CreditTransaction.account_id == account_id)
        .order_by(CreditTransaction.seq.desc())
        .limit(1)
    )
    return session.scalar(statement) or 0


def ledger_page(
    *, account_id: UUID | None = None, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Page[Row[*tuple[Any, ...]]]:
    """The ledger in scope, or one account's, with the invoices' numbers, newest first."""
    statement = select(
        CreditTransaction.id,
        CreditTransaction.seq,
        CreditTransaction.amount,
        CreditTransaction.balance_after,
        CreditTransaction.cause,
        CreditTransaction.payment_id,
        CreditTransaction.invoice_id,
        CreditTransaction.created_at,
        Invoice.number.label("invoice_number"),
    ).outerjoin(Invoice, CreditTransaction.invoice_id == Invoice.id)
    if account_id:
        statement = statement.where(CreditTransaction.account_id == account_id)
    return paginate(statement, CreditTransaction.id, cursor=cursor, page_size=page_size)


def month_ends(account_id: UUID, timezone: str, months: int = 12) -> list[MonthEnd]:
    """The account's credits at the ends of its last months, the present one last, in its time zone.

    One seek in an index for each month, however long the ledger is.
    """
    here = clock.now().astimezone(ZoneInfo(timezone))
    first_days = [_first_day(here.date(), back) for back in range(months - 1, -2, -1)]
    starts = [datetime(day.year, day.month, 1, tzinfo=here.tzinfo) for day in first_days[1:]]
    balances = session.execute(select(*(_balance_before(account_id, start) for start in starts))).one()
    return [MonthEnd(day, value or 0) for day, value in zip(first_days, balances, strict=False)]


def _first_day(day: date, months_back: int) -> date:
    """Of the month so many months before the day's; with -1, of the month after it."""
    years, month = divmod(day.year * 12 + day.month - 1 - months_back, 12)
    return date(years, month + 1, 1)


def _balance_before(account_id: UUID, moment: datetime) -> ScalarSelect[int]:
    before = select(CreditTransaction.balance_after).where(
        CreditTransaction.account_id == account_id, CreditTransaction.created_at < moment
    )
    latest_first = (CreditTransaction.created_at.desc(), CreditTransaction.seq.desc())
    return before.order_by(*latest_first).limit(1).scalar_subquery()
