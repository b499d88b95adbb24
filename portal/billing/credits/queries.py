"""The balance and the ledger behind it."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from portal.billing.credits.models import CreditTransaction
from portal.billing.invoices.models import Invoice
from portal.foundation.db import session
from portal.foundation.keyset import PAGE_SIZE, Page, paginate


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
