"""Reading the audit log: newest first, by who, what, on what, when and in which request."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, or_, select

from portal.foundation.audit import AuditEntry
from portal.foundation.db import contains
from portal.foundation.keyset import PAGE_SIZE, Page, paginate

_SHOWN = (
    AuditEntry.id, AuditEntry.at, AuditEntry.action, AuditEntry.subject_type, AuditEntry.subject_id,
    AuditEntry.account_id, AuditEntry.actor_id, AuditEntry.actor_label, AuditEntry.actor_role, AuditEntry.face,
    AuditEntry.address, AuditEntry.request_id, AuditEntry.changes,
)  # fmt: skip
_PLACE = (AuditEntry.chain, AuditEntry.seq, AuditEntry.previous_hash, AuditEntry.hash)
AnyRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries to list. ``action`` is a whole action or what stands before its dot, such as ``payment``."""

    actor: str = ""
    """A part of the name of who acted, in any case."""
    action: str = ""
    account_id: UUID | None = None
    subject_id: UUID | None = None
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is too late."""

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        if self.actor:
            yield contains(AuditEntry.actor_label, self.actor)
        if self.action:
            below = AuditEntry.action.startswith(f"{self.action}.", autoescape=True)
            yield or_(AuditEntry.action == self.action, below)
        if self.account_id:
            yield AuditEntry.account_id == self.account_id
        if self.subject_id:
            yield AuditEntry.subject_id == self.subject_id
        if self.request_id:
            yield AuditEntry.request_id == self.request_id
        if self.since:
            yield AuditEntry.at >= self.since
        if self.until:
            yield AuditEntry.at < self.until


def audit_page(
    wanted: AuditFilter | None = None, *, cursor: str | None = None, page_size: int = PAGE_SIZE,
    with_places: bool = False,
) -> Page[AnyRow]:  # fmt: skip
    """Entries of the audit log, newest first; if asked for, with their places in their chains."""
    statement = select(*_SHOWN, *(_PLACE if with_places else ())).where(*(wanted or AuditFilter()).conditions())
    return paginate(statement, AuditEntry.id, cursor=cursor, page_size=page_size)
