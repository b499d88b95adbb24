"""Payment, and PaymentEvent: its append-only history."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Account, User
from portal.billing.invoices.models import Invoice
from portal.billing.payments.figures import PaymentFigures
from portal.billing.payments.references import MAX_LENGTH, MAX_NORMALIZED
from portal.billing.payments.states import DECISIONS, LIVE_STATUSES, OPEN_STATUSES, Status
from portal.foundation import clock
from portal.foundation.db import Model, UtcDateTime
from portal.foundation.ids import new_id
from portal.foundation.tenancy import AccountScoped

UQ_BOOKED_REFERENCE = "uq_payments_booked_reference"
UQ_GATEWAY_REFERENCE = "uq_payments_gateway_reference"


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _unique_where(name: str, columns: tuple[str, ...], condition: str) -> Index:
    return Index(name, *columns, unique=True, sqlite_where=text(condition), postgresql_where=text(condition))


def _posting(name: str) -> ForeignKeyConstraint:
    """The payment's row of the ledger of money: of this payment, account, invoice, currency and amount."""
    shared = ("account_id", "invoice_id", "currency", "amount_minor")
    return ForeignKeyConstraint(
        [f"{name}_id", "id", *shared],
        ["postings.id", "postings.payment_id", *(f"postings.{column}" for column in shared)],
        name=f"fk_payments_{name}",
        deferrable=True,
        initially="DEFERRED",
        use_alter=True,
    )


class Payment(PaymentFigures, AccountScoped, Model):
    """Money towards one invoice. Only ``steps.py`` writes its status, with an event in the same unit.

    The database ties them: ``last_event_id``, ``version`` and ``status`` reference the event that led here,
    ``booking_id`` and ``refund_id`` the rows of the ledger of money. An update names the version that it starts from.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint(_one_of("status", tuple(Status)), name="status"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("decided_by IS NULL OR decided_by <> submitted_by", name="four_eyes"),
        CheckConstraint("status <> 'failed' OR failure_reason IS NOT NULL", name="failure_has_reason"),
        CheckConstraint("(status IN ('succeeded', 'refunded')) = (booking_id IS NOT NULL)", name="booked_has_posting"),
        CheckConstraint("(status = 'refunded') = (refund_id IS NOT NULL)", name="refunded_has_posting"),
        UniqueConstraint("account_id", "id"),
        UniqueConstraint("account_id", "id", "invoice_id"),
        ForeignKeyConstraint(
            ["account_id", "invoice_id", "currency"], ["invoices.account_id", "invoices.id", "invoices.currency"]
        ),
        ForeignKeyConstraint(
            ["last_event_id", "id", "status", "version"],
            ["payment_events.id", "payment_events.payment_id", "payment_events.to_status", "payment_events.version"],
            name="fk_payments_last_event",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        _posting("booking"),
        _posting("refund"),
        _unique_where("uq_payments_open_invoice", ("invoice_id",), _one_of("status", OPEN_STATUSES)),
        _unique_where(
            "uq_payments_live_reference",
            ("account_id", "payment_method", "normalized_reference"),
            _one_of("status", LIVE_STATUSES),
        ),
        _unique_where(
            UQ_BOOKED_REFERENCE,
            ("payment_method", "normalized_reference"),
            "status = 'succeeded' AND same_text_reason IS NULL",
        ),
        _unique_where(
            UQ_GATEWAY_REFERENCE, ("payment_method", "transaction_reference"), "normalized_reference IS NULL"
        ),
        Index(
            "ix_payments_reference",
            "normalized_reference",
            postgresql_ops={"normalized_reference": "text_pattern_ops"},
        ),
        Index("ix_payments_amount", "amount_minor", "id"),
        Index(None, "account_id", "status", "id"),
        Index(None, "invoice_id", "id"),
        Index(None, "status", "id"),
        Index(None, "decided_at", "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    invoice_id: Mapped[UUID] = mapped_column(Uuid)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    payment_method: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(20))
    transaction_reference: Mapped[str] = mapped_column(String(MAX_LENGTH))
    normalized_reference: Mapped[str | None] = mapped_column(String(MAX_NORMALIZED))
    """The reference as it is compared; None for gateway payments, which carry none that a person typed."""
    paid_on: Mapped[date | None] = mapped_column(Date)
    """The day on which the customer says to have sent the money."""
    notes: Mapped[str] = mapped_column(Text, default="")
    failure_reason: Mapped[str | None] = mapped_column(Text)
    same_text_reason: Mapped[str | None] = mapped_column(Text)
    """Why this is another transfer with the same text as one that was booked before."""
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    version: Mapped[int] = mapped_column(Integer)
    last_event_id: Mapped[UUID] = mapped_column(Uuid)
    booking_id: Mapped[UUID | None] = mapped_column(Uuid)
    refund_id: Mapped[UUID | None] = mapped_column(Uuid)
    """The rows of the ledger of money by which it was booked and given back. Each has the id of its event."""

    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012

    account: Mapped[Account] = relationship()
    invoice: Mapped[Invoice] = relationship(overlaps="account")
    submitter: Mapped[User | None] = relationship(foreign_keys=[submitted_by])
    events: Mapped[list["PaymentEvent"]] = relationship(
        order_by="PaymentEvent.version",
        primaryjoin="Payment.id == foreign(PaymentEvent.payment_id)",
        viewonly=True,
    )

    @property
    def was_rejected(self) -> bool:
        """Whether staff refused what a customer reported, who can put it right; not what a gateway declined."""
        return self.status == Status.FAILED and self.normalized_reference is not None

    @property
    def invoice_number(self) -> str:
        return self.invoice.number


class PaymentEvent(AccountScoped, Model):
    """One step of a payment's history. ``version`` is the payment's after it."""

    __tablename__ = "payment_events"
    __table_args__ = (
        CheckConstraint(_one_of("to_status", tuple(Status)), name="to_status"),
        CheckConstraint("(version = 1) = (from_status IS NULL)", name="first_comes_from_nothing"),
        CheckConstraint("actor_id IS NOT NULL OR actor_role = 'system'", name="actor"),
        UniqueConstraint("payment_id", "version"),
        UniqueConstraint("id", "payment_id", "to_status", "version"),
        ForeignKeyConstraint(["account_id", "payment_id"], ["payments.account_id", "payments.id"]),
        _unique_where("uq_payment_events_decision", ("payment_id",), _one_of("action", DECISIONS)),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    payment_id: Mapped[UUID] = mapped_column(Uuid)
    version: Mapped[int] = mapped_column(Integer)
    from_status: Mapped[str | None] = mapped_column(String(20))
    to_status: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    actor_label: Mapped[str] = mapped_column(String(200))
    actor_role: Mapped[str] = mapped_column(String(20))
    face: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
