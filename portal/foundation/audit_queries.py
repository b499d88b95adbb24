"""Reading the audit log: newest first, by who, what, on what, when and in which request."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, or_, select

from portal.foundation.audit import AuditEntry
from portal.foundation.db import contains, session
from portal.foundation.keyset import PAGE_SIZE, Page, paginate

_PIECE = 500
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
    wanted: AuditFilter | None = None, *, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Page[AnyRow]:
    """Entries of the audit log, newest first."""
    statement = select(*_SHOWN).where(*(wanted or AuditFilter()).conditions())
    return paginate(statement, AuditEntry.id, cursor=cursor, page_size=page_size)


def all_entries(wanted: AuditFilter) -> Iterator[AnyRow]:
    """All such entries with their places in their chains, newest first.

    They are read in pieces, each in a transaction of its own: whoever takes them slowly holds nobody up.
    """
    statement = select(*_SHOWN, *_PLACE).where(*wanted.conditions()).order_by(AuditEntry.id.desc()).limit(_PIECE)
    piece = session.execute(statement).all()
    while piece:
        session.rollback()
        yield from piece
        piece = session.execute(statement.where(AuditEntry.id < piece[-1].id)).all()
