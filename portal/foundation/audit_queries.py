"""Reading the audit log: newest first, by who, what and on what."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, or_, select

from portal.foundation.audit import AuditEntry
from portal.foundation.db import contains
from portal.foundation.keyset import PAGE_SIZE, Page, paginate


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries to list. ``action`` is a whole action or what stands before its dot, such as ``payment``."""

    actor: str = ""
    action: str = ""
    account_id: UUID | None = None
    subject_id: UUID | None = None


def audit_page(
    wanted: AuditFilter | None = None, *, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Page[Row[*tuple[Any, ...]]]:
    """Entries of the audit log, newest first. ``actor`` is looked for in the names of who acted."""
    wanted = wanted or AuditFilter()
    statement = select(
        AuditEntry.id, AuditEntry.at, AuditEntry.action, AuditEntry.subject_type, AuditEntry.subject_id,
        AuditEntry.account_id, AuditEntry.actor_label, AuditEntry.actor_role, AuditEntry.face, AuditEntry.address,
        AuditEntry.request_id, AuditEntry.changes,
    )  # fmt: skip
    if wanted.actor:
        statement = statement.where(contains(AuditEntry.actor_label, wanted.actor))
    if wanted.action:
        below = AuditEntry.action.startswith(f"{wanted.action}.", autoescape=True)
        statement = statement.where(or_(AuditEntry.action == wanted.action, below))
    if wanted.account_id:
        statement = statement.where(AuditEntry.account_id == wanted.account_id)
    if wanted.subject_id:
        statement = statement.where(AuditEntry.subject_id == wanted.subject_id)
    return paginate(statement, AuditEntry.id, cursor=cursor, page_size=page_size)
