"""The audit log: who changed what, in the same transaction as the change. Rows are added, never touched again.

Each entry carries the digest of the one before it in its chain, so that none can be changed, moved, put in or taken out
unnoticed (``docs/decisions/0009``). The entries of a unit are written at its end, when all its other locks are taken:
whoever waits for a chain holds everybody else up for no longer than a commit, and no two units wait for each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    Uuid,
    bindparam,
    insert,
    select,
    text,
    update,
)
from sqlalchemy import event as listen
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.foundation import clock
from portal.foundation.actor import Actor
from portal.foundation.audit_digest import digest
from portal.foundation.db import Model, UtcDateTime, transaction
from portal.foundation.ids import new_id

NOBODY, THE_DATABASE = UUID(int=0), UUID(int=1)
"""Subjects that have no row: who is not known (what they typed is not kept, as fields get mixed up), and the whole."""
SHARDS = 16
"""Over so many chains the entries without an account are spread, so that staff do not queue up behind each other."""
_PENDING, _OWN_CHAIN = "portal_audit_pending", "portal_audit_chain"


class AuditEntry(Model):
    """One change. ``changes`` holds, by field, what it was before and after; never a secret."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        UniqueConstraint("chain", "seq"),
        UniqueConstraint("chain", "seq", "hash"),
        CheckConstraint("seq > 0", name="seq"),
        CheckConstraint("previous_seq = seq - 1", name="previous_seq"),
        CheckConstraint("(seq = 1) = (previous_hash IS NULL)", name="first_follows_nothing"),
        ForeignKeyConstraint(
            ["chain", "previous_seq", "previous_hash"],
            ["audit_entries.chain", "audit_entries.seq", "audit_entries.hash"],
        ),
        Index("ix_audit_entries_subject", "subject_id", "id"),
        Index(None, "account_id", "id"),
        Index(None, "request_id"),
        Index(None, "at"),
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
    chain: Mapped[UUID] = mapped_column(Uuid)
    """The account's id; without one the number of a shard; or an id of its own for a unit that writes much."""
    seq: Mapped[int] = mapped_column(Integer)
    """Counts from 1 in each chain, without a gap."""
    previous_seq: Mapped[int] = mapped_column(Integer)
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditChain(Model):
    """Where a chain ends. Its row is the lock that writers of the chain queue up for; it names the newest entry."""

    __tablename__ = "audit_chains"
    __table_args__ = (
        CheckConstraint("(seq = 0) = (hash IS NULL)", name="empty_has_no_hash"),
        ForeignKeyConstraint(
            ["chain", "seq", "hash"], ["audit_entries.chain", "audit_entries.seq", "audit_entries.hash"]
        ),
    )

    chain: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    seq: Mapped[int] = mapped_column(Integer)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))


def record(
    actor: Actor,
    action: str,
    subject_type: str,
    subject_id: UUID,
    *,
    account_id: UUID | None = None,
    **changes: object,
) -> None:
    """Add one entry to the running unit, or to one of its own. A change is a value, or a pair before, after."""
    with transaction() as unit:
        _pending(unit).append(values_of(actor, action, subject_type, subject_id, account_id=account_id, **changes))


def values_of(
    actor: Actor,
    action: str,
    subject_type: str,
    subject_id: UUID,
    *,
    account_id: UUID | None = None,
    **changes: object,
) -> dict[str, Any]:
    """An entry's values by column, but for its place in a chain: for those who write many at once."""
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
        "changes": {name: plain(value) for name, value in changes.items()},
    }


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, Any]:
    """By field what it was and what it is, where that differs; of something new, ``before`` is empty."""
    return {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}


@contextmanager
def chain_of_its_own() -> Iterator[None]:
    """Inside a unit that writes much, such as an import: its entries form a chain that nobody else writes to.

    So they can be written as the unit goes on (``record_many``), and for as long as it lasts no other writer waits.
    """
    with transaction() as unit:
        if _OWN_CHAIN in unit.info:
            yield
            return
        unit.info[_OWN_CHAIN] = new_id()
        try:
            yield
            _write(unit)
        finally:
            del unit.info[_OWN_CHAIN]


def record_many(entries: Sequence[dict[str, Any]]) -> None:
    """Add entries made by ``values_of`` to the running unit; at once where it has a chain of its own."""
    with transaction() as unit:
        _pending(unit).extend(entries)
        if _OWN_CHAIN in unit.info:
            _write(unit)


def _pending(unit: Session) -> list[dict[str, Any]]:
    """The entries that wait for the unit's end. Those of a unit that was rolled back went with its transaction."""
    kept: tuple[object, list[dict[str, Any]]] = unit.info.get(_PENDING, (None, []))
    if kept[0] is not unit.get_transaction():
        kept = unit.info[_PENDING] = (unit.get_transaction(), [])
    return kept[1]


@listen.listens_for(Session, "before_commit")
def _write_at_the_end(unit: Session) -> None:
    if _PENDING in unit.info and not unit.in_nested_transaction():
        _write(unit)
        del unit.info[_PENDING]


def _write(unit: Session) -> None:
    """Append what is pending to its chains, in the order of the chains."""
    unit.flush()  # first what other locks the unit still has to take
    entries, own = _pending(unit), unit.info.get(_OWN_CHAIN)
    chained = sorted(((own or chain_of(values), values) for values in entries), key=lambda pair: pair[0])
    for chain, pairs in groupby(chained, key=lambda pair: pair[0]):
        _append(unit, chain, [values for _, values in pairs])
    entries.clear()


def chain_of(values: dict[str, Any]) -> UUID:
    """The chain that an entry belongs to by itself: its account's, else a shard by the last digit of its id."""
    account_id: UUID | None = values["account_id"]
    return account_id or UUID(int=values["id"].int % SHARDS)


def _append(unit: Session, chain: UUID, entries: list[dict[str, Any]]) -> None:
    seq, last = _locked_end(unit, chain)
    for values in entries:
        values |= {"chain": chain, "previous_seq": seq, "seq": seq + 1, "previous_hash": last}
        values["hash"] = last = digest(values)
        seq += 1
    unit.execute(insert(AuditEntry), entries)
    moved = update(AuditChain).where(AuditChain.chain == chain).values(seq=seq, hash=last)
    unit.execute(moved, execution_options={"synchronize_session": False})


def _locked_end(unit: Session, chain: UUID) -> tuple[int, bytes | None]:
    """The newest entry's number and digest, 0 and None for a new chain. Nobody else appends until the unit ends."""
    end = select(AuditChain.seq, AuditChain.hash).where(AuditChain.chain == chain).with_for_update()
    found = unit.execute(end).first()
    if found is None:
        begun = text("INSERT INTO audit_chains (chain, seq) VALUES (:chain, 0) ON CONFLICT DO NOTHING")
        unit.execute(begun.bindparams(bindparam("chain", chain, Uuid)))
        found = unit.execute(end).one()
    return found.seq, found.hash


def plain(value: object) -> object:
    """The value as an entry's ``changes`` hold it, in JSON."""
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
