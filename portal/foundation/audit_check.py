"""Whether the audit log is what was written: every chain is followed from its first entry to its end.

The newest entries of a chain could be deleted together with what the chain's end says, and nothing in the database
would tell. So the ends can be kept elsewhere (``Head``), and later every one must still stand in its chain.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, cast, select

from portal.foundation.audit import AuditChain, AuditEntry
from portal.foundation.audit_digest import digest
from portal.foundation.findings import Finding, compare
from portal.foundation.reading import AnyRow, Reading

RULE = "audit_chain"
_FIELDS = [column.key for column in AuditEntry.__table__.columns if column.key != "changes"]


class Head(NamedTuple):
    """The end of a chain at some moment: its newest entry's number and digest."""

    chain: UUID
    seq: int
    hash: bytes


@dataclass
class _Walk:
    """Where the passage through one chain is."""

    chain: UUID
    seq: int = 0
    hash: bytes | None = None


def check_audit(
    reading: Reading, kept: Iterable[Head] = (), keep: Callable[[Head], None] = lambda _: None
) -> Iterator[Finding]:
    """Follow every chain. ``kept`` are heads of an earlier time, ordered by chain; ``keep`` gets today's."""
    # As text: what somebody wrote past the application need not be JSON.
    columns = [getattr(AuditEntry, name) for name in _FIELDS] + [cast(AuditEntry.changes, Text).label("changes")]
    entries = reading.rows(select(*columns).order_by(AuditEntry.chain, AuditEntry.seq), "audit entries")
    ends = reading.rows(select(AuditChain.chain, AuditChain.seq, AuditChain.hash).order_by(AuditChain.chain), "chains")
    old, now = _Sorted(kept), _Sorted(Head(*end) for end in ends)
    walk: _Walk | None = None
    for entry in entries:
        if walk is None or entry.chain != walk.chain:
            yield from _close(walk, old, now, keep)
            walk = _Walk(entry.chain)
            yield from _absent(old.before(walk.chain), "as kept")
            yield from _absent(now.before(walk.chain), "by its end")
        yield from _step(walk, entry)
        yield from old.meet(walk)
    yield from _close(walk, old, now, keep)
    yield from _absent(old.before(None), "as kept")
    yield from _absent(now.before(None), "by its end")


class _Sorted:
    """Heads in the order of their chains, beside the walk through the entries."""

    def __init__(self, heads: Iterable[Head]) -> None:
        self._heads = iter(heads)
        self._next = next(self._heads, None)

    def before(self, chain: UUID | None) -> Iterator[Head]:
        """The heads of chains that the walk has passed, None being the end of all."""
        while self._next is not None and (chain is None or self._next.chain < chain):
            head, self._next = self._next, next(self._heads, None)
            yield head

    def of(self, walk: _Walk) -> Head | None:
        """The head of this chain, once; None where there is none or it was met before."""
        if self._next is None or self._next.chain != walk.chain:
            return None
        head, self._next = self._next, next(self._heads, None)
        return head

    def meet(self, walk: _Walk) -> Iterator[Finding]:
        """Compare the head with the entry that it names, when the walk is there."""
        if self._next is not None and (self._next.chain, self._next.seq) == (walk.chain, walk.seq):
            head, self._next = self._next, next(self._heads, None)
            yield from compare(RULE, _named(walk.chain, head.seq), "as kept the digest", head.hash, walk.hash)


def _step(walk: _Walk, entry: AnyRow) -> Iterator[Finding]:
    """One entry further. After a fault the walk goes on from what the entry says of itself: one fault, one finding."""
    subject = f"{_named(entry.chain, entry.seq)} ({entry.id})"
    if entry.seq != walk.seq + 1:
        yield Finding(RULE, subject, f"entry {walk.seq + 1} to come first", f"entry {entry.seq}")
    else:
        yield from compare(RULE, subject, "the digest of the entry before", walk.hash, entry.previous_hash)
    fields = {name: getattr(entry, name) for name in _FIELDS} | {"changes": _read_changes(entry.changes)}
    yield from compare(RULE, subject, "its fields to have the digest", entry.hash, digest(fields))
    walk.seq, walk.hash = entry.seq, entry.hash


def _close(walk: _Walk | None, old: _Sorted, now: _Sorted, keep: Callable[[Head], None]) -> Iterator[Finding]:
    """What the chain's end and an earlier head say of entries that are not there."""
    if walk is None or walk.hash is None:
        return
    last = Head(walk.chain, walk.seq, walk.hash)
    keep(last)
    missing = old.of(walk)
    if missing is not None:
        found = f"none: the chain ends at {walk.seq}"
        yield Finding(RULE, _named(walk.chain, missing.seq), "the entry, as kept", found)
    end = now.of(walk)
    if end != last:
        said = "none" if end is None else f"{end.seq} {end.hash.hex() if end.hash else ''}"
        yield Finding(RULE, f"chain {walk.chain}", f"its end to be {walk.seq} {walk.hash.hex()}", said)


def _absent(heads: Iterable[Head], why: str) -> Iterator[Finding]:
    for head in heads:
        yield Finding(RULE, f"chain {head.chain}", f"entries up to {head.seq}, {why}", "none")


def _named(chain: UUID, seq: int) -> str:
    return f"chain {chain} entry {seq}"


def _read_changes(text: str) -> Any:
    """What the text says; the text itself where it is not JSON, or says something twice."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except ValueError:
        return text


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)
