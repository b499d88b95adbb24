"""Mails: each with whom it goes to, what it tells, and how far it has come."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.foundation import clock
from portal.foundation.db import Model, UtcDateTime
from portal.foundation.ids import new_id
from portal.foundation.tenancy import AccountScoped


class MailState(StrEnum):
    """``pending`` until a server took it, or it was given up; ``dropped`` where there was nobody to write to, or its
    link was over before it was sent.
    """

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


def _only(name: str, state: MailState, *columns: str) -> Index:
    where = text(f"state = '{state}'")
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


class Mail(AccountScoped, Model):
    """One mail to one person, written in the unit of what it tells. Its words are found when it is sent."""

    __tablename__ = "mails"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'sent', 'failed', 'dropped')", name="state"),
        CheckConstraint("(lease IS NULL) = (leased_until IS NULL)", name="lease"),
        CheckConstraint("state = 'pending' OR lease IS NULL", name="only_pending_is_leased"),
        CheckConstraint("state = 'pending' OR sealed IS NULL", name="only_pending_has_a_secret"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_at"),
        _only("ix_mails_due", MailState.PENDING, "due_at", "id"),
        _only("ix_mails_failed", MailState.FAILED, "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))  # type: ignore[assignment]
    kind: Mapped[str] = mapped_column(String(30))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """Who gets it; None for an address that is nobody's yet."""
    address: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    locale: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[UUID] = mapped_column(Uuid)
    """What it is about: the payment, the invoice, the link."""
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What its words are made of; never a secret."""
    sealed: Mapped[str | None] = mapped_column(Text)
    """The secret of the link in it, sealed; wiped when the mail is sent or given up."""
    state: Mapped[str] = mapped_column(String(10), default=MailState.PENDING.value)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease: Mapped[UUID | None] = mapped_column(Uuid)
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """A worker is sending it until then. If none says how it went, it is due again: that worker died."""
    error: Mapped[str] = mapped_column(String(300), default="")
    """Why it did not go at the last try."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
