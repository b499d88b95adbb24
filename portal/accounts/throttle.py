"""Throttling: so many attempts at once, then one at a time. Counted in the database, for all processes together.

An attempt is taken *before* it is checked, so that twenty at the same moment cannot all be checked; it is given back
when it was right. Each limit is a leaky bucket in one row (GCRA, as in ITU-T I.371): the moment at which it is empty.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import bindparam, delete, select, text, update

from portal.accounts.models import AttemptLimit
from portal.foundation import clock
from portal.foundation.db import UtcDateTime, session, transaction
from portal.foundation.refusals import TooManyAttempts
from portal.foundation.sealing import sealer

_NOTE_EVERY = timedelta(minutes=10)
_PURGED_AT_ONCE = 20
# What SQLite and PostgreSQL both understand: the row, locked until the unit ends, made where there is none.
_LOCK = (
    text(
        "INSERT INTO attempt_limits (key, free_at) VALUES (:key, :now)"
        " ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING free_at, noted_at"
    )
    .bindparams(bindparam("now", type_=UtcDateTime))
    .columns(free_at=UtcDateTime, noted_at=UtcDateTime)
)


@dataclass(frozen=True, slots=True)
class Limit:
    """``burst`` attempts at once; each is free again ``every`` so long."""

    name: str
    burst: int
    every: timedelta

    def of(self, *whose: object) -> "Bucket":
        """This limit, of somebody or some address."""
        return Bucket(self, sealer.fingerprint(self.name, *whose))


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit of somebody."""

    limit: Limit
    key: str

    def filled(self, free_at: datetime, now: datetime) -> datetime:
        """When it is empty, with one attempt more."""
        return max(free_at, now) + self.limit.every

    def wait(self, free_at: datetime, now: datetime) -> timedelta:
        """How long until one more attempt fits in; zero or less if it does now."""
        return self.filled(free_at, now) - now - self.limit.burst * self.limit.every


def take(
    *buckets: Bucket, note: Callable[[str], None], said: str = "There were too many attempts that did not fit."
) -> None:
    """Take one attempt out of each, or none of any and raise TooManyAttempts. Committed before anything is checked.

    ``note`` writes down which limit refused, once in ten minutes: a flood must not fill the audit log.
    ``said`` tells the person why.
    """
    now = clock.now()
    with transaction() as unit:
        rows = {b: unit.execute(_LOCK, {"key": b.key, "now": now}).one() for b in sorted(buckets, key=lambda b: b.key)}
        waits = {bucket: bucket.wait(row.free_at, now) for bucket, row in rows.items()}
        fullest = max(waits, key=waits.__getitem__)
        if waits[fullest] <= timedelta():
            for bucket, row in rows.items():
                _set(bucket, free_at=bucket.filled(row.free_at, now))
        elif rows[fullest].noted_at is None or now - rows[fullest].noted_at >= _NOTE_EVERY:
            _set(fullest, noted_at=now)
            note(fullest.limit.name)
        _purge(now)
    if waits[fullest] > timedelta():
        raise _too_many(waits[fullest], said)


def give_back(*buckets: Bucket, emptied: Sequence[Bucket] = ()) -> None:
    """The attempt was right: it does not count. Those of ``emptied`` are free altogether."""
    now = clock.now()
    with transaction() as unit:
        for bucket in sorted(buckets, key=lambda b: b.key):
            free_at = unit.execute(_LOCK, {"key": bucket.key, "now": now}).one().free_at
            _set(bucket, free_at=now if bucket in emptied else free_at - bucket.limit.every)


def alone(*doing: object) -> None:
    """Wait until no other unit does the same, and keep others waiting until the running one ends.

    For where there is no row yet that both could lock. What it leaves is a limit of which nothing is used up.
    """
    session.execute(_LOCK, {"key": sealer.fingerprint(*doing), "now": clock.now()})


def _set(bucket: Bucket, **values: object) -> None:
    session.execute(update(AttemptLimit).where(AttemptLimit.key == bucket.key).values(**values))


def _purge(now: datetime) -> None:
    """Drop rows that say nothing any more, more than one attempt adds. Never waits for somebody else's."""
    old = select(AttemptLimit.key).where(AttemptLimit.free_at < now - _NOTE_EVERY).limit(_PURGED_AT_ONCE)
    keys = session.scalars(old.with_for_update(skip_locked=True)).all()
    session.execute(delete(AttemptLimit).where(AttemptLimit.key.in_(keys)))


def _too_many(wait: timedelta, said: str) -> TooManyAttempts:
    seconds = ceil(wait.total_seconds())
    minutes = ceil(seconds / 60)
    when = "in a minute" if minutes == 1 else f"in {minutes} minutes"
    return TooManyAttempts(f"{said} Try again {when}.", retry_after=seconds)
