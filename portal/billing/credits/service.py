"""Adding to the ledger: the only two ways in which credits move."""

from uuid import UUID

from sqlalchemy import func, select

from portal.accounts.models import Account
from portal.billing.credits.models import Cause, CreditTransaction
from portal.foundation import audit
from portal.foundation.actor import Actor
from portal.foundation.db import session
from portal.foundation.ids import new_id
from portal.webhooks.event_types import EventType
from portal.webhooks.outbox import announce

_DONE = {Cause.GRANT: "granted", Cause.REVERSAL: "taken_back"}


def grant(grant_id: UUID, *, by: Actor, account_id: UUID, payment_id: UUID, invoice_id: UUID, amount: int) -> None:
    """Credit the account with what the invoice buys, for the payment that covered it, by the row that it names."""
    _append(grant_id, by, account_id, payment_id, invoice_id, amount, Cause.GRANT)


def reverse(*, by: Actor, account_id: UUID, payment_id: UUID, invoice_id: UUID) -> None:
    """Take back the invoice's grant in force, for the refund that uncovered it. The balance may go below zero."""
    in_force = session.scalar(
        select(func.coalesce(func.sum(CreditTransaction.amount), 0)).where(CreditTransaction.invoice_id == invoice_id)
    )
    if in_force:
        _append(new_id(), by, account_id, payment_id, invoice_id, -int(in_force), Cause.REVERSAL)


def _append(
    row_id: UUID, by: Actor, account_id: UUID, payment_id: UUID, invoice_id: UUID, amount: int, cause: Cause
) -> None:
    # Writers of a ledger queue up; whoever only refers to the account (as our own events do by now) is not in the way.
    session.scalar(select(Account.id).where(Account.id == account_id).with_for_update(key_share=True))
    last = session.execute(
        select(CreditTransaction.seq, CreditTransaction.balance_after)
        .where(CreditTransaction.account_id == account_id)
        .order_by(CreditTransaction.seq.desc())
        .limit(1)
    ).first()
    seq, balance = (last.seq, last.balance_after) if last else (0, 0)
    row = CreditTransaction(
        id=row_id,
        account_id=account_id,
        seq=seq + 1,
        amount=amount,
        balance_after=balance + amount,
        cause=cause.value,
        payment_id=payment_id,
        invoice_id=invoice_id,
    )
    session.add(row)
    session.flush()
    changes = {"balance": (balance, row.balance_after), "payment_id": payment_id, "invoice_id": invoice_id}
    audit.record(by, f"credits.{_DONE[cause]}", "account", account_id, account_id=account_id, **changes)
    told = ("id", "account_id", "seq", "amount", "balance_after", "cause", "payment_id", "invoice_id", "created_at")
    data = {name: getattr(row, name) for name in told}
    announce(EventType.CREDITS_CHANGED, account_id=account_id, subject_id=account_id, data=data)
