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
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Account
from portal.billing.invoices.figures import InvoiceFigures
from portal.foundation import clock
from portal.foundation.db import Model, UtcDateTime
from portal.foundation.ids import new_id
from portal.foundation.money import Money
from portal.foundation.tenancy import AccountScoped

UQ_INVOICE_NUMBER = "uq_invoices_number"
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
        UniqueConstraint("account_id", "id", "currency"),
        Index(None, "account_id", "id"),
        Index(None, "account_id", "status", "id"),
        Index(None, "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    status: Mapped[str] = mapped_column(String(10))
    currency: Mapped[str] = mapped_column(String(3))
    total_minor: Mapped[int] = mapped_column(BigInteger)
    amount_paid_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    credits: Mapped[int] = mapped_column(BigInteger, default=0)
    """Credits that the account is granted once the total is covered."""
    issue_date: Mapped[date | None] = mapped_column(Date)
    due_date: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    account: Mapped[Account] = relationship()
    lines: Mapped[list["InvoiceLine"]] = relationship(order_by="InvoiceLine.position", cascade="all, delete-orphan")


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
