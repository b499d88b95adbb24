"""Endpoints, the outbox of events, and deliveries: one event to one endpoint.

A row without an account is staff's: their endpoints hear of all accounts, and customers see none of it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
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

from portal.foundation import clock
from portal.foundation.db import Model, UtcDateTime
from portal.foundation.ids import new_id
from portal.foundation.tenancy import AccountScoped
from portal.webhooks.event_types import TEST, EventType

_TYPES = ", ".join(f"'{word}'" for word in (*EventType, TEST))


class DeliveryStatus(StrEnum):
    """``pending`` until the endpoint took it, or was given up."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DisabledReason(StrEnum):
    """Why an endpoint hears of nothing."""

    ASKED = "asked"
    """Somebody switched it off."""
    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """It took a delivery at none of its tries."""


def _pending(name: str, *columns: str) -> Index:
    only = text("status = 'pending'")
    return Index(name, *columns, sqlite_where=only, postgresql_where=only)


class WebhookEndpoint(AccountScoped, Model):
    """An address that is told what happens, and the secret that its messages are signed with."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        CheckConstraint("(sealed_previous IS NULL) = (previous_until IS NULL)", name="previous_ends"),
        CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", name="disabled_has_reason"),
        UniqueConstraint("id", "account_id"),
        Index(None, "account_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))  # type: ignore[assignment]
    url: Mapped[str] = mapped_column(String(2000))
    event_types: Mapped[list[str]] = mapped_column(JSON)
    sealed_secret: Mapped[str] = mapped_column(String(300))
    sealed_previous: Mapped[str | None] = mapped_column(String(300))
    previous_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until then messages carry a signature by the secret of before as well."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_reason: Mapped[str | None] = mapped_column(String(10))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def previous_secret_until(self) -> datetime | None:
        """Until when the secret of before counts; None where it does not any more."""
        return self.previous_until if self.previous_until and clock.now() < self.previous_until else None

    @property
    def status(self) -> str:
        """``enabled``, ``disabled``, or ``ended`` for good."""
        return "ended" if self.ended_at else "disabled" if self.disabled_at else "enabled"


class WebhookEvent(AccountScoped, Model):
    """What happened, as it is told: a row of the outbox, written in the unit of the change. Its body never changes."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        CheckConstraint(f"type IN ({_TYPES})", name="type"),
        CheckConstraint("seq > 0", name="seq"),
        UniqueConstraint("subject_id", "seq"),
        UniqueConstraint("id", "account_id"),
        Index(
            "ix_webhook_events_waiting", "id",
            sqlite_where=text("handed_out_at IS NULL"), postgresql_where=text("handed_out_at IS NULL"),
        ),
        Index(None, "at"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))  # type: ignore[assignment]
    type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[UUID] = mapped_column(Uuid)
    """Whose story it is a part of: the payment, the invoice, or for credits the account."""
    seq: Mapped[int] = mapped_column(Integer)
    """The order of a subject's events. Whoever writes one holds the subject's lock; clocks may differ."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    body: Mapped[str] = mapped_column(Text)
    handed_out_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the worker made its deliveries."""


class WebhookDelivery(AccountScoped, Model):
    """One event on its way to one endpoint, whose account it has, and what came of each attempt."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
        CheckConstraint("(lease IS NULL) = (leased_until IS NULL)", name="lease"),
        CheckConstraint("status = 'pending' OR lease IS NULL", name="only_pending_is_leased"),
        ForeignKeyConstraint(["endpoint_id", "account_id"], ["webhook_endpoints.id", "webhook_endpoints.account_id"]),
        ForeignKeyConstraint(["event_id", "account_id"], ["webhook_events.id", "webhook_events.account_id"]),
        UniqueConstraint("event_id", "endpoint_id"),
        Index(None, "endpoint_id", "id"),
        _pending("ix_webhook_deliveries_due", "due_at", "id"),
        _pending("ix_webhook_deliveries_before", "endpoint_id", "subject_id", "seq"),
        Index(
            "ix_webhook_deliveries_leased",
            "endpoint_id",
            sqlite_where=text("lease IS NOT NULL"),
            postgresql_where=text("lease IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    account_id: Mapped[UUID | None] = mapped_column(Uuid)  # type: ignore[assignment]
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_events.id"))
    subject_id: Mapped[UUID] = mapped_column(Uuid)
    seq: Mapped[int] = mapped_column(Integer)
    """Subject and place of the event: an endpoint is told of one subject in order."""
    status: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    """Failed ones since it was last begun."""
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease: Mapped[UUID | None] = mapped_column(Uuid)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """A worker is sending it until then. If none says how it went, it is due again: that worker died."""
    attempts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """What came of each: ``at``, ``status`` (HTTP), ``error``, ``ms``; the newest last."""
    answer: Mapped[str] = mapped_column(Text, default="")
    """The beginning of what the endpoint answered last."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    endpoint: Mapped[WebhookEndpoint] = relationship(foreign_keys=[endpoint_id])
    event: Mapped[WebhookEvent] = relationship(foreign_keys=[event_id])

    @property
    def event_type(self) -> str:
        return self.event.type

    @property
    def body(self) -> str:
        """What is sent, byte by byte."""
        return self.event.body
