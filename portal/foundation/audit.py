"""The audit log: who changed what, in the same transaction as the change. Rows are added, never touched again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from portal.foundation import clock
from portal.foundation.actor import Actor
from portal.foundation.db import Model, UtcDateTime, transaction
from portal.foundation.ids import new_id


class AuditEntry(Model):
    """One change. ``changes`` holds, by field, what it was before and after; never a secret."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_subject", "subject_id", "id"),
        Index(None, "account_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(60))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[UUID] = mapped_column(Uuid)
    account_id: Mapped[UUID | None] = mapped_column(Uuid)
    actor_id: Mapped[UUID | None] = mapped_column(Uuid)
    actor_label: Mapped[str] = mapped_column(String(200))
    actor_role: Mapped[str] = mapped_column(String(20))
    face: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(60))
    request_id: Mapped[str] = mapped_column(String(64))
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)


def record(
    actor: Actor,
    action: str,
    subject_type: str,
    subject_id: UUID,
    *,
    account_id: UUID | None = None,
    **changes: object,
) -> None:
    """Write one entry into the running transaction, or one of its own. A change is a value, or a pair before, after."""
    with transaction() as session:
        session.add(AuditEntry(**values_of(actor, action, subject_type, subject_id, account_id=account_id, **changes)))


def values_of(
    actor: Actor,
    action: str,
    subject_type: str,
    subject_id: UUID,
    *,
    account_id: UUID | None = None,
    **changes: object,
) -> dict[str, Any]:
    """An entry's values by column, for those who write many at once."""
    return {
        "id": new_id(),
        "at": clock.now(),
        "action": action,
        "subject_type": subject_type,
        "subject_id": subject_id,
        "account_id": account_id,
        "actor_id": actor.user_id,
        "actor_label": actor.label,
        "actor_role": actor.role.value,
        "face": actor.face,
        "address": actor.address,
        "request_id": actor.request_id,
        "changes": {name: _plain(value) for name, value in changes.items()},
    }


def _plain(value: object) -> object:
    """The value as JSON can hold it."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
