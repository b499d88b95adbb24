"""Invoice and its lines."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Account
from portal.billing.invoices.figures import InvoiceFigures, InvoiceStatus
from portal.billing.invoices.payment_reference import payment_reference
from portal.foundation import clock
from portal.foundation.db import Model, UtcDateTime
from portal.foundation.ids import new_id
from portal.foundation.money import Money
from portal.foundation.tenancy import AccountScoped

UQ_INVOICE_NUMBER = "uq_invoices_number"
UQ_INVOICE_EXTERNAL_ID = "uq_invoices_external_id"
QUANTITY_SCALE = 1000
"""Quantities are whole thousandths: 2.5 hours are 2500."""


class Invoice(InvoiceFigures, AccountScoped, Model):
    """What an account owes, and what it paid of it. The status follows the amounts: the database checks both."""

    __tablename__ = "invoices"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'open', 'paid', 'void')", name="status"),
        CheckConstraint("total_minor >= 0 AND amount_paid_minor >= 0 AND credits >= 0", name="amounts"),
        CheckConstraint("status <> 'paid' OR amount_paid_minor >= total_minor", name="paid_is_covered"),
        CheckConstraint("status <> 'open' OR amount_paid_minor < total_minor", name="open_is_not_covered"),
        CheckConstraint("status NOT IN ('draft', 'void') OR amount_paid_minor = 0", name="nothing_paid"),
        CheckConstraint(
            "status = 'draft' OR (issue_date IS NOT NULL AND due_date IS NOT NULL AND due_date >= issue_date)",
            name="issued_has_dates",
        ),
        CheckConstraint("status = 'void' OR NOT never_issued", name="never_issued"),
        CheckConstraint("posting_seq IS NOT NULL OR amount_paid_minor = 0", name="paid_by_postings"),
        CheckConstraint("(status = 'paid' AND credits > 0) = (grant_id IS NOT NULL)", name="paid_has_grant"),
        CheckConstraint("length(external_id) BETWEEN 1 AND 100", name="external_id"),
        CheckConstraint("length(payment_reference) BETWEEN 5 AND 25", name="payment_reference"),
        UniqueConstraint("account_id", "id", "currency"),
        Index(
            UQ_INVOICE_EXTERNAL_ID,
            "account_id",
            "external_id",
            unique=True,
            sqlite_where=text("external_id IS NOT NULL"),
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        ForeignKeyConstraint(
            ["id", "posting_seq", "amount_paid_minor"],
            ["postings.invoice_id", "postings.seq", "postings.paid_after"],
            name="fk_invoices_amount_paid",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        ForeignKeyConstraint(
            ["grant_id", "id", "account_id", "credits"],
            [f"credit_transactions.{column}" for column in ("id", "invoice_id", "account_id", "amount")],
            name="fk_invoices_grant",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        Index("ix_invoices_total", "total_minor", "id"),
        Index("ix_invoices_number", "number", postgresql_ops={"number": "text_pattern_ops"}),
        Index("ix_invoices_external_id", "external_id"),
        Index("uq_invoices_payment_reference", "payment_reference", unique=True),
        Index(None, "account_id", "status", "id"),
        Index(None, "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    status: Mapped[str] = mapped_column(String(10))
    never_issued: Mapped[bool] = mapped_column(default=False)
    """A draft that was made void: it stays staff's own."""
    currency: Mapped[str] = mapped_column(String(3))
    total_minor: Mapped[int] = mapped_column(BigInteger)
    amount_paid_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    credits: Mapped[int] = mapped_column(BigInteger, default=0)
    """Credits that the account is granted once the total is covered."""
    posting_seq: Mapped[int | None] = mapped_column(Integer)
    """The last row of the invoice's ledger of money, whose ``paid_after`` is the amount paid."""
    grant_id: Mapped[UUID | None] = mapped_column(Uuid)
    """The row of the ledger of credits that granted what it buys; none while it is not paid."""
    issue_date: Mapped[date | None] = mapped_column(Date)
    due_date: Mapped[date | None] = mapped_column(Date)
    external_id: Mapped[str | None] = mapped_column(String(100))
    """What the back office's own system calls it. Once given it stays."""
    payment_reference: Mapped[str | None] = mapped_column(
        String(25), default=lambda context: payment_reference(context.get_current_parameters()["id"])
    )
    """What transfers for it carry, without blanks. None only where a server of before release 0012 made it."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    account: Mapped[Account] = relationship()
    lines: Mapped[list["InvoiceLine"]] = relationship(order_by="InvoiceLine.position", cascade="all, delete-orphan")

    @property
    def was_issued(self) -> bool:
        """Whether its account ever saw it, and it is there on paper."""
        return self.status != InvoiceStatus.DRAFT and not self.never_issued


class Posting(AccountScoped, Model):
    """One row of an invoice's ledger of money: a payment was booked, or given back. It has the id of that event.

    ``seq`` counts from 1 without a gap; the last ``paid_after`` is the invoice's amount paid. Never touched again.
    """

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("paid_after >= 0", name="paid_after"),
        CheckConstraint("seq > 0", name="seq"),
        CheckConstraint("status IN ('succeeded', 'refunded')", name="status"),
        ForeignKeyConstraint(
            ["account_id", "invoice_id", "currency"], ["invoices.account_id", "invoices.id", "invoices.currency"]
        ),
        ForeignKeyConstraint(
            ["id", "payment_id", "status", "version"],
            [f"payment_events.{column}" for column in ("id", "payment_id", "to_status", "version")],
        ),
        UniqueConstraint(
            "id", "payment_id", "account_id", "invoice_id", "currency", "amount_minor", name="uq_postings_of_payment"
        ),
        UniqueConstraint("invoice_id", "seq"),
        UniqueConstraint("invoice_id", "seq", "paid_after"),
        UniqueConstraint("payment_id", "status"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(Uuid)
    seq: Mapped[int] = mapped_column(Integer)
    payment_id: Mapped[UUID] = mapped_column(Uuid)
    status: Mapped[str] = mapped_column(String(20))
    """``succeeded`` adds the amount, ``refunded`` takes it back."""
    version: Mapped[int] = mapped_column(Integer)
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    paid_after: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class InvoiceLine(AccountScoped, Model):
    """One position of an invoice. ``amount`` is quantity × unit price, rounded half up once."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        UniqueConstraint("invoice_id", "position"),
        CheckConstraint("quantity > 0", name="quantity"),
        ForeignKeyConstraint(
            ["account_id", "invoice_id", "currency"], ["invoices.account_id", "invoices.id", "invoices.currency"]
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    invoice_id: Mapped[UUID] = mapped_column(Uuid)
    position: Mapped[int] = mapped_column(Integer)
    description: Mapped[str] = mapped_column(String(500))
    quantity: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    unit_price_minor: Mapped[int] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)

    @property
    def shown_quantity(self) -> str:
        """The quantity as people write it: ``2.5``, ``3``."""
        return f"{(Decimal(self.quantity) / QUANTITY_SCALE).normalize():f}"

    @property
    def unit_price(self) -> Money:
        return Money(self.unit_price_minor, self.currency)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
