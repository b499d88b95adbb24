"""The audit log: entries form chains that nobody can change, reorder, lengthen or shorten in the middle unnoticed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from portal.billing.verification.service import Verification
from portal.foundation import audit
from portal.foundation.audit import SHARDS, AuditChain, AuditEntry, chain_of_its_own, record, record_many, values_of
from portal.foundation.audit_check import Head
from portal.foundation.audit_digest import digest
from portal.foundation.db import Base, session, snapshot, transaction
from portal.foundation.ids import new_id
from portal.foundation.tenancy import across_accounts
from tests.corruption import past_the_rules
from tests.engines import superuser_of
from tests.factories import SYSTEM

ACME = UUID("01999999-0000-7000-8000-00000000acce")
ENTRIES, CHAINS = (Base.metadata.tables[model.__tablename__] for model in (AuditEntry, AuditChain))
WRITERS, EACH = 8, 25


def note(action: str = "thing.changed", account_id: UUID | None = ACME, **changes: object) -> None:
    record(SYSTEM, action, "thing", new_id(), account_id=account_id, **changes)


@pytest.fixture
def chained(app: Flask) -> Flask:
    """An app whose log has a chain of six entries, and one of two beside it."""
    with app.app_context():
        for number in range(6):
            note(f"thing.{number + 1}", name=("before", "after ü 株"), number=number, gone=None)
        for _ in range(2):
            note("other.changed", new_id())
    return app


def found(app: Flask, kept: tuple[Head, ...] = ()) -> list[str]:
    """What is found in the chains. SQLite itself counts the links that lead nowhere, and says so beside it."""
    with app.app_context(), across_accounts(), snapshot() as view:
        lines = [str(finding) for finding in Verification(kept=kept).findings(view)]
    return [line for line in lines if not line.startswith("file: table audit_")]


def heads(app: Flask) -> tuple[Head, ...]:
    kept: list[Head] = []
    with app.app_context(), across_accounts(), snapshot() as view:
        assert list(Verification(keep=kept.append).findings(view)) == []
    return tuple(kept)


def chain(app: Flask) -> list[dict[str, Any]]:
    """The entries of Acme's chain, in its order, by column."""
    with app.app_context():
        rows = session.execute(select(ENTRIES).where(ENTRIES.c.chain == ACME).order_by(ENTRIES.c.seq))
        return [dict(row._mapping) for row in rows]


def test_the_digest_is_what_the_docs_say() -> None:
    """A vector, so that a change of the format is noticed: it would make every older entry look forged."""
    entry = {
        "id": UUID(int=7), "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "seq": 1, "previous_seq": 0,
        "previous_hash": None, "account_id": None, "changes": {"b": [1, None], "a": "ü"}, "hash": b"left out",
    }  # fmt: skip
    plain = (
        '{"at":"2026-01-02T03:04:05.000000+00:00","changes":{"a":"\\u00fc","b":[1,null]},'
        '"id":"00000000-0000-0000-0000-000000000007","previous_seq":0,"seq":1}'
    )
    from hashlib import sha256

    assert digest(entry) == sha256(plain.encode()).digest()


def test_each_entry_carries_the_digest_of_the_one_before(chained: Flask) -> None:
    entries = chain(chained)
    assert [entry["action"] for entry in entries] == [f"thing.{number}" for number in range(1, 7)]
    assert [entry["seq"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert [entry["previous_hash"] for entry in entries] == [None, *(entry["hash"] for entry in entries[:-1])]
    assert all(entry["hash"] == digest(entry) for entry in entries)
    with chained.app_context():
        ends = session.execute(select(AuditChain.seq, AuditChain.hash).where(AuditChain.chain == ACME)).one()
    assert tuple(ends) == (6, entries[-1]["hash"])


def test_a_unit_that_is_rolled_back_leaves_no_entry(app: Flask) -> None:
    def fail() -> None:
        with transaction():
            note()
            raise RuntimeError

    with app.app_context():
        with pytest.raises(RuntimeError):
            fail()
        note("thing.after")
        assert session.scalars(select(AuditEntry.action)).all() == ["thing.after"]


@pytest.mark.usefixtures("domain")
def test_entries_without_an_account_are_spread_over_shards() -> None:
    with transaction():
        for _ in range(20 * SHARDS):
            note(account_id=None)
    numbers = session.execute(select(AuditEntry.chain, func.max(AuditEntry.seq)).group_by(AuditEntry.chain)).all()
    assert {chain.int for chain, _ in numbers} == set(range(SHARDS))
    assert sum(seq for _, seq in numbers) == 20 * SHARDS


@pytest.mark.usefixtures("domain")
def test_a_unit_that_writes_much_has_a_chain_of_its_own() -> None:
    with transaction():
        note("thing.before")
        with chain_of_its_own():
            record_many([values_of(SYSTEM, "thing.many", "thing", new_id(), account_id=ACME) for _ in range(5)])
            assert session.scalar(select(func.count()).select_from(AuditEntry)) == 6  # written as it goes on
            note("thing.within")
        note("thing.after")
    found = session.execute(select(AuditEntry.chain, AuditEntry.action).order_by(AuditEntry.id)).all()
    chains = {chain for chain, _ in found}
    assert len(chains) == 2
    assert [action for chain, action in found if chain == ACME] == ["thing.after"]


TAMPERED: dict[str, object] = {
    "id": new_id(), "at": datetime(2020, 1, 1, tzinfo=UTC), "action": "thing.other", "subject_type": "other",
    "subject_id": new_id(), "account_id": None, "actor_id": new_id(), "actor_label": "somebody else",
    "actor_role": "admin", "face": "web", "address": "203.0.113.9", "request_id": "other",
    "changes": {"name": ["before", "after ü 株"], "number": 3, "gone": ""}, "chain": new_id(), "seq": 17,
    "previous_seq": 9, "previous_hash": b"\x00" * 32, "hash": b"\x01" * 32,
}  # fmt: skip


@pytest.mark.corrupts
def test_tampering_with_any_field_is_found(chained: Flask) -> None:
    assert set(TAMPERED) == set(ENTRIES.c.keys())
    victim = chain(chained)[3]
    unnoticed = []
    for name, value in TAMPERED.items():
        changed_id = value if name == "id" else victim["id"]
        with past_the_rules(chained) as connection:
            connection.execute(update(ENTRIES).where(ENTRIES.c.id == victim["id"]).values({name: value}))
        if not any(str(changed_id) in line for line in found(chained)):
            unnoticed.append(name)
        with past_the_rules(chained) as connection:
            connection.execute(update(ENTRIES).where(ENTRIES.c.id == changed_id).values({name: victim[name]}))
    assert unnoticed == []
    assert found(chained) == []


@pytest.mark.corrupts
def test_changes_that_are_no_json_or_say_something_twice_are_found(chained: Flask) -> None:
    for text_ in ('{"name": 1, "name": ["before", "after ü 株"], "number": 3, "gone": null}', "{oops", "null"):
        if text_ == "{oops" and chain(chained)[0]["id"] and _is_postgresql(chained):
            continue  # PostgreSQL takes no text that is not JSON
        with past_the_rules(chained) as connection:
            cast = "CAST(:text AS JSON)" if connection.dialect.name == "postgresql" else ":text"
            connection.execute(
                text(f"UPDATE audit_entries SET changes = {cast} WHERE action = 'thing.4'"), {"text": text_}
            )
        assert len(found(chained)) == 1


def _is_postgresql(app: Flask) -> bool:
    with app.app_context():
        return session.connection().dialect.name == "postgresql"


def swap_contents(connection: Connection, entries: list[dict[str, Any]]) -> None:
    two, four = entries[1], entries[3]
    for here, other in ((two, four), (four, two)):
        told = {name: other[name] for name in ("at", "action", "subject_id", "changes")}
        connection.execute(update(ENTRIES).where(ENTRIES.c.id == here["id"]).values(told))


def swap_places(connection: Connection, entries: list[dict[str, Any]]) -> None:
    places = ("seq", "previous_seq")
    for entry, seq in ((entries[1], 99), (entries[2], 2), (entries[1], 3)):
        moved = dict(zip(places, (seq, seq - 1), strict=True))
        connection.execute(update(ENTRIES).where(ENTRIES.c.id == entry["id"]).values(moved))


def insert_in_the_middle(connection: Connection, entries: list[dict[str, Any]]) -> None:
    """A forged third entry that fits to the second, the later ones moved on by one and not linked anew."""
    for entry in reversed(entries[2:]):
        moved = {"seq": entry["seq"] + 1, "previous_seq": entry["seq"]}
        connection.execute(update(ENTRIES).where(ENTRIES.c.id == entry["id"]).values(moved))
    forged = entries[2] | {"id": new_id(), "action": "thing.forged"}
    connection.execute(insert(ENTRIES), [forged | {"hash": digest(forged)}])
    _say_end(connection, entries[-1] | {"seq": 7})


def delete_in_the_middle(connection: Connection, entries: list[dict[str, Any]]) -> None:
    connection.execute(delete(ENTRIES).where(ENTRIES.c.id == entries[2]["id"]))


def delete_in_the_middle_and_close_up(connection: Connection, entries: list[dict[str, Any]]) -> None:
    delete_in_the_middle(connection, entries)
    for entry in entries[3:]:
        moved = {"seq": entry["seq"] - 1, "previous_seq": entry["seq"] - 2}
        connection.execute(update(ENTRIES).where(ENTRIES.c.id == entry["id"]).values(moved))
    _say_end(connection, entries[-1] | {"seq": 5})


def delete_the_first(connection: Connection, entries: list[dict[str, Any]]) -> None:
    connection.execute(delete(ENTRIES).where(ENTRIES.c.id == entries[0]["id"]))


def delete_the_newest(connection: Connection, entries: list[dict[str, Any]]) -> None:
    connection.execute(delete(ENTRIES).where(ENTRIES.c.id == entries[-1]["id"]))


def delete_all(connection: Connection, entries: list[dict[str, Any]]) -> None:
    connection.execute(delete(ENTRIES).where(ENTRIES.c.chain == ACME))


def delete_what_the_end_says(connection: Connection, entries: list[dict[str, Any]]) -> None:
    connection.execute(delete(CHAINS).where(CHAINS.c.chain == ACME))


def _say_end(connection: Connection, entry: dict[str, Any]) -> None:
    said = {"seq": entry["seq"], "hash": entry["hash"]}
    connection.execute(update(CHAINS).where(CHAINS.c.chain == ACME).values(said))


Attack = Callable[[Connection, list[dict[str, Any]]], None]


@pytest.mark.corrupts
@pytest.mark.parametrize(
    ("attack", "number"),
    [
        (swap_contents, 2), (swap_places, 3), (insert_in_the_middle, 4), (delete_in_the_middle, 1),
        (delete_in_the_middle_and_close_up, 3), (delete_the_first, 1), (delete_the_newest, 1), (delete_all, 1),
        (delete_what_the_end_says, 1),
    ],
)  # fmt: skip
def test_an_attack_on_a_chain_is_found(chained: Flask, attack: Attack, number: int) -> None:
    entries = chain(chained)
    with past_the_rules(chained) as connection:
        attack(connection, entries)
    lines = found(chained)
    assert all(line.startswith(f"audit_chain: chain {ACME}") for line in lines)
    assert len(lines) >= number


def cut_off(connection: Connection, entries: list[dict[str, Any]]) -> None:
    """The newest two are deleted, and the chain's end says so."""
    connection.execute(delete(ENTRIES).where(ENTRIES.c.chain == ACME, ENTRIES.c.seq > 4))
    _say_end(connection, entries[3])


def forget(connection: Connection, entries: list[dict[str, Any]]) -> None:
    """The whole chain is deleted, with its end."""
    delete_all(connection, entries)
    delete_what_the_end_says(connection, entries)


def rewrite(connection: Connection, entries: list[dict[str, Any]]) -> None:
    """The third entry says something else, and everything behind it is linked anew."""
    last = entries[1]["hash"]
    for entry in entries[2:]:
        forged = entry | {"previous_hash": last, "address": "203.0.113.9"}
        last = forged["hash"] = digest(forged)
        connection.execute(update(ENTRIES).where(ENTRIES.c.id == entry["id"]).values(forged))
    _say_end(connection, forged)


@pytest.mark.corrupts
@pytest.mark.parametrize("attack", [cut_off, forget, rewrite])
def test_what_a_chain_cannot_tell_the_kept_heads_do(chained: Flask, attack: Attack) -> None:
    kept, entries = heads(chained), chain(chained)
    with past_the_rules(chained) as connection:
        attack(connection, entries)
    assert found(chained) == []
    (line,) = found(chained, kept)
    assert line.startswith(f"audit_chain: chain {ACME}")
    assert "as kept" in line


def test_kept_heads_fit_for_as_long_as_the_log_goes_on(chained: Flask) -> None:
    kept = heads(chained)
    with chained.app_context():
        for _ in range(3):
            note()
    assert found(chained, kept) == []
    assert len(heads(chained)) == len(kept) == 3


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("UPDATE audit_entries SET action = 'x'", "append-only"),
        ("DELETE FROM audit_entries", "append-only"),
        ("UPDATE audit_chains SET seq = seq", "audit_chains_go_on"),
        ("UPDATE audit_chains SET seq = seq - 1", "audit_chains_go_on"),
        ("DELETE FROM audit_chains", "audit_chains_stay"),
        ("UPDATE audit_chains SET seq = seq + 1", "FOREIGN KEY|fk_audit_chains_chain_seq_hash"),
    ],
)
def test_the_database_refuses(chained: Flask, statement: str, match: str) -> None:
    """Even whoever owns the tables; the portal's own logins have no right to it in the first place."""
    with superuser_of(chained) as engine, pytest.raises(IntegrityError, match=match), engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"seq": 4, "previous_seq": 3}, "uq_audit_entries_chain_seq|audit_entries.chain, audit_entries.seq"),
        ({"seq": 7, "previous_seq": 6, "previous_hash": b"\x00" * 32}, "FOREIGN KEY|fk_audit_entries"),
        ({"seq": 8, "previous_seq": 7}, "FOREIGN KEY|fk_audit_entries"),
        ({"seq": 7, "previous_seq": 6, "previous_hash": None}, "ck_audit_entries_first_follows_nothing"),
        ({"seq": 8, "previous_seq": 6}, "ck_audit_entries_previous_seq"),
    ],
)
def test_the_database_takes_only_what_follows(chained: Flask, values: dict[str, Any], match: str) -> None:
    last = chain(chained)[-1]
    forged = last | {"id": new_id(), "previous_hash": last["hash"], "hash": b"\x02" * 32} | values
    with chained.app_context(), pytest.raises(IntegrityError, match=match), transaction() as unit:
        unit.execute(insert(ENTRIES), [forged])


def test_parallel_writers_leave_intact_chains(app: Flask) -> None:
    """Two accounts' chains, which all write to in either order, and the shards."""
    other, start = new_id(), Barrier(WRITERS)

    def write(writer: int) -> None:
        start.wait()
        for number in range(EACH):
            with app.app_context(), transaction():
                for account_id in (ACME, other) if (writer + number) % 2 else (other, ACME):
                    note(account_id=account_id, writer=writer, number=number)
                note(account_id=None)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    assert found(app) == []
    with app.app_context():
        written = WRITERS * EACH
        ends = {end.chain: end.seq for end in session.execute(select(AuditChain.chain, AuditChain.seq))}
        assert (ends[ACME], ends[other], sum(ends.values())) == (written, written, 3 * written)


def test_entries_keep_the_time_they_were_told(app: Flask) -> None:
    """In any time zone, to the microsecond: the digest is made of what comes back from the database."""
    from portal.foundation import clock

    moment = datetime(2026, 3, 29, 1, 59, 59, 999999, UTC)
    with app.app_context(), clock.set_to(moment.astimezone()):
        note()
        note(at=moment + timedelta(microseconds=1))
    assert chain(app)[0]["at"] == moment
    assert found(app) == []
    assert audit.AuditEntry is AuditEntry
