"""The database itself refuses what must never be, whatever the code says; and each refusal is one guarantee's own."""

from collections.abc import Callable

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from portal.foundation.db import Base
from tests.guarantees.forbidden import BEHIND, FORBIDDEN, Attempt, delivery
from tests.guarantees.further import FURTHER, ON_POSTGRESQL, ON_SQLITE
from tests.guarantees.rows import World, refused_by, shown
from tests.guarantees.schema import declared, is_target, triggers

APPEND_ONLY = ("payment_events", "payment_proofs", "credit_transactions", "postings", "audit_entries")
FIRST = [name for name in FORBIDDEN if name not in BEHIND]
OF_ONE = {"sqlite": ON_SQLITE, "postgresql": ON_POSTGRESQL}
OF_ONE_EACH = [(dialect, *one) for dialect, attempts in OF_ONE.items() for one in attempts.values()]
EACH_NAMED = [f"{dialect}-{what}" for dialect, attempts in OF_ONE.items() for what in attempts]


def attempt(world: World, what: Attempt) -> str:
    """What refuses the attempt; an empty word where it is committed."""
    try:
        with world.unit() as rows:
            what(rows, world)
    except DBAPIError as error:
        return refused_by(error)
    return ""


@pytest.mark.parametrize("guarantee", FIRST)
def test_it_is_refused(guarantee: str, world: World) -> None:
    assert attempt(world, FORBIDDEN[guarantee]) == shown(guarantee, world.engine.dialect.name)


@pytest.mark.parametrize("guarantee", BEHIND)
def test_it_is_refused_when_the_first_wall_falls(guarantee: str, without: Callable[..., World]) -> None:
    world = without(*BEHIND[guarantee])
    assert attempt(world, FORBIDDEN[guarantee]) == shown(guarantee, world.engine.dialect.name)


@pytest.mark.parametrize(("guarantee", "what"), FURTHER.values(), ids=list(FURTHER))
def test_other_ways_past_it_are_refused_as_well(guarantee: str, what: Attempt, world: World) -> None:
    assert attempt(world, what) == guarantee


@pytest.mark.parametrize(("dialect", "guarantee", "what"), OF_ONE_EACH, ids=EACH_NAMED, indirect=["dialect"])
def test_what_one_database_alone_would_take_is_refused(guarantee: str, what: Attempt, world: World) -> None:
    assert attempt(world, what) == guarantee


def test_what_the_domain_writes_is_taken(without: Callable[..., World]) -> None:
    """The same rows without a deviation are committed: the attempts fail for their deviation, not for their form."""
    world = without()
    with world.unit() as rows:
        rows.submit(world.free.id, world.waiting.id)
    with world.unit() as rows:
        rows.step(world.waiting.id, "cancelled", "cancel")
    with world.unit() as rows:
        rows.approve(world.other, world.reviewer.id)
    with world.unit() as rows:
        rows.refund(world.booked, world.admin.id)
    with world.unit() as rows:
        delivery(rows, world)


def test_every_guarantee_has_an_attempt(world: World) -> None:
    with world.engine.connect() as connection:
        tried = {name for name in triggers(connection) if not name.startswith(tuple(f"{t}_no_" for t in APPEND_ONLY))}
    plain = {name for name, found in declared().items() if not getattr(found, "unique", True)}
    tried |= {name for name in declared() if name not in plain and not is_target(name)}
    assert tried == {*FORBIDDEN, *(name for name, _ in OF_ONE[world.engine.dialect.name].values())}


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE", "REPLACE {}"])
def test_history_ledgers_and_audit_are_append_only(statement: str, table: str, world: World) -> None:
    said = statement.format(table)
    if statement.startswith("TRUNCATE") and world.engine.dialect.name == "sqlite":
        said = f"DELETE FROM {table} WHERE true"  # which SQLite calls its truncation
    if statement.startswith("REPLACE"):
        said = (
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
            if world.engine.dialect.name == "sqlite"
            else f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT (id) DO UPDATE SET id = excluded.id"
        )
    with pytest.raises(DBAPIError) as refusal, world.unit() as rows:
        rows.run(said)
    # Several stand in the way of a row that is there already; which of them is asked first is the database's affair.
    walls = ("is_append_only", "is_the_last", "name_who_decided")
    assert refused_by(refusal.value) in {f"{table}_{wall}" for wall in walls}


@pytest.mark.parametrize("table", list(Base.metadata.tables))
def test_no_row_is_there_twice(table: str, world: World) -> None:
    """Each table has a primary key, and the database knows it."""
    keys = inspect(world.engine).get_pk_constraint(table)["constrained_columns"]
    assert keys == [column.name for column in Base.metadata.tables[table].primary_key.columns] != []
