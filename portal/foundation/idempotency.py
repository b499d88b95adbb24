"""Idempotency keys: what was asked with a key is done once, and a repeat gets the first answer.

The key's row is written in the transaction of the effect, so that there is both or neither. A twin that comes while
the first still runs waits at the row's key (PostgreSQL) or for its turn to write (SQLite), and then finds the answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, LargeBinary, String, Text, Uuid, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from portal.foundation import clock
from portal.foundation.actor import Actor
from portal.foundation.db import Model, UtcDateTime, session, transaction
from portal.foundation.outages import LOCK_TIMEOUT, sqlstate
from portal.foundation.refusals import Conflict, Refusal
from portal.foundation.sealing import sealer

KEPT_FOR = timedelta(hours=24)
MAX_LENGTH = 255
_PURGED_AT_ONCE = 1000
_PURPOSE = "idempotency"
"""Of fingerprints. Some of what they stand for holds a password: a copy of the database must not let anybody guess."""


class IdempotencyKey(Model):
    """A key that was used, and the first answer. ``scope_id`` is the account, for staff the user."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint("account_id IS NULL OR account_id = scope_id", name="scope"),
        Index(None, "created_at"),
    )

    scope_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    route: Mapped[str] = mapped_column(String(100), primary_key=True)
    key: Mapped[str] = mapped_column(String(MAX_LENGTH), primary_key=True)
    # No foreign key: its lock on the account's row, taken first, would clash with that of the payment (FOR UPDATE).
    account_id: Mapped[UUID | None] = mapped_column(Uuid)
    fingerprint: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    status: Mapped[int | None] = mapped_column(Integer)
    content_type: Mapped[str | None] = mapped_column(String(100))
    location: Mapped[str | None] = mapped_column(Text)
    flashes: Mapped[str | None] = mapped_column(Text)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    replays: Mapped[int] = mapped_column(Integer, default=0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, and with which key. ``digest`` is of all that was sent."""

    by: Actor
    route: str
    key: str
    digest: str

    @property
    def identity(self) -> tuple[UUID | None, str, str]:
        """The key's primary key."""
        return _scope(self.by), self.route, self.key


class KeyReused(Refusal):
    """The key was used for something else."""

    status = 422


class KeyInUse(Conflict):
    """The first request with the key has not been answered yet."""

    retry_after = 1


def claim(asked: Asked) -> tuple[IdempotencyKey, bool]:
    """The key's row, and whether it is the first use. Belongs into the unit of the effect.

    Raises KeyReused where the key stands for something else, and KeyInUse where the first use goes on for too long.
    """
    try:
        row, first_use = _claim(asked)
    except DBAPIError as error:
        if sqlstate(error) == LOCK_TIMEOUT:
            message = "A request with this key is still running. Ask again with the same key in a moment."
            raise KeyInUse("idempotency_key_in_use", message) from error
        raise
    if not sealer.recognises(row.fingerprint, _PURPOSE, asked.digest):
        message = "This key was used before, for something else. What was sent first counts; take a new key for this."
        raise KeyReused("idempotency_key_reused", message)
    if not first_use:
        row.replays += 1  # a write, so that the answer waits until the first one has reached the standby too
    return row, first_use


def is_used(by: Actor, route: str, key: str) -> bool:
    """Whether something was done with the key."""
    return session.get(IdempotencyKey, (_scope(by), route, key)) is not None


def purge() -> int:
    """Delete some of the keys that have had their time, and that nobody has in hand; how many."""
    identity = (IdempotencyKey.scope_id, IdempotencyKey.route, IdempotencyKey.key)
    old = select(*identity).where(IdempotencyKey.created_at <= clock.now() - KEPT_FOR)
    some = old.order_by(IdempotencyKey.created_at).limit(_PURGED_AT_ONCE).with_for_update(skip_locked=True)
    with transaction() as unit:
        found = [tuple(row) for row in unit.execute(some)]
        unit.execute(delete(IdempotencyKey).where(tuple_(*identity).in_(found)))
    return len(found)


def _scope(by: Actor) -> UUID | None:
    """A key counts within the account, for staff within the user."""
    return by.account_id or by.user_id


def _claim(asked: Asked) -> tuple[IdempotencyKey, bool]:
    while True:
        first_use = _insert(asked)
        row = session.get(IdempotencyKey, asked.identity, with_for_update=True, populate_existing=True)
        if row is not None and row.created_at > clock.now() - KEPT_FOR:
            return row, first_use
        if row is not None:  # it has had its time
            session.delete(row)
            session.flush()


def _insert(asked: Asked) -> bool:
    """Whether the row was new. Waits for a twin that has not committed."""
    scope_id, route, key = asked.identity
    values = {
        "scope_id": scope_id, "route": route, "key": key, "account_id": asked.by.account_id, "replays": 0,
        "fingerprint": sealer.fingerprint(_PURPOSE, asked.digest), "request_id": asked.by.request_id,
        "created_at": clock.now(),
    }  # fmt: skip
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(IdempotencyKey) if is_sqlite else postgresql.insert(IdempotencyKey)
    statement = insert.values(values).on_conflict_do_nothing().returning(IdempotencyKey.key)
    return session.execute(statement).first() is not None
