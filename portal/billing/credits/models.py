"""The ledger of credits: rows are added and never touched again."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.foundation import clock
from portal.foundation.db import Model, UtcDateTime
from portal.foundation.ids import new_id
from portal.foundation.tenancy import AccountScoped


class Cause(StrEnum):
    """Why credits moved."""

    GRANT = "grant"
    """An invoice that buys credits was paid in full."""
    REVERSAL = "reversal"
    """A refund left that invoice uncovered."""


class CreditTransaction(AccountScoped, Model):
    """One row of an account's ledger. ``seq`` counts from 1, gapless; the last ``balance_after`` is the balance."""

    __tablename__ = "credit_transactions"
    __table_args__ = (
        UniqueConstraint("account_id", "seq"),
        UniqueConstraint("payment_id", "cause"),
        CheckConstraint("cause IN ('grant', 'reversal')", name="cause"),
        CheckConstraint("(cause = 'grant') = (amount > 0) AND amount <> 0", name="sign"),
        CheckConstraint("seq > 1 OR balance_after = amount", name="first_balance"),
        CheckConstraint("seq > 0", name="seq"),
        UniqueConstraint("id", "invoice_id", "account_id", "amount"),
        ForeignKeyConstraint(
            ["account_id", "payment_id", "invoice_id"], ["payments.account_id", "payments.id", "payments.invoice_id"]
        ),
        Index(None, "account_id", "id"),
        Index(None, "account_id", "created_at", "seq"),
        Index(None, "invoice_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    seq: Mapped[int] = mapped_column(Integer)
    amount: Mapped[int] = mapped_column(BigInteger)
    balance_after: Mapped[int] = mapped_column(BigInteger)
    cause: Mapped[str] = mapped_column(String(20))
    payment_id: Mapped[UUID] = mapped_column(Uuid)
    invoice_id: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
