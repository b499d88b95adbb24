"""Each guarantee of the database is needed: with one of them gone, its attempt is refused no more, or by another."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError

from tests.guarantees.forbidden import BEHIND, FORBIDDEN, NOBODY, Attempt, delivery
from tests.guarantees.rows import World, refused_by, shown
from tests.guarantees.schema import declared, is_target
from tests.guarantees.test_forbidden import APPEND_ONLY, EACH_NAMED, OF_ONE_EACH, attempt

TARGETS = sorted(name for name in declared() if is_target(name))


@pytest.mark.parametrize("guarantee", FORBIDDEN)
def test_a_dropped_one_is_missed(guarantee: str, without: Callable[..., World]) -> None:
    world = without(*BEHIND.get(guarantee, ()), guarantee)
    assert attempt(world, FORBIDDEN[guarantee]) != shown(guarantee, world.engine.dialect.name)


@pytest.mark.parametrize(("dialect", "guarantee", "what"), OF_ONE_EACH, ids=EACH_NAMED, indirect=["dialect"])
def test_a_dropped_one_of_one_database_is_missed(guarantee: str, what: Attempt, without: Callable[..., World]) -> None:
    assert attempt(without(guarantee), what) != guarantee


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["update", "delete", "truncate"])
def test_a_dropped_trigger_of_an_append_only_table_is_missed(
    change: str, table: str, without: Callable[..., World], dialect: str
) -> None:
    statement = {"update": "UPDATE {} SET id = id", "delete": "DELETE FROM {}", "truncate": "TRUNCATE {} CASCADE"}
    if dialect == "sqlite" and change == "truncate":
        change = "delete"  # SQLite has no other way to empty a table
    world = without(f"{table}_no_{change}")
    refused = ""
    try:
        with world.unit() as rows:
            rows.run(statement[change].format(table))
    except DBAPIError as error:
        refused = refused_by(error)
    assert refused != f"{table}_is_append_only"


@pytest.mark.parametrize("target", TARGETS)
def test_what_foreign_keys_point_at_cannot_go_unnoticed(
    target: str, without: Callable[..., World], dialect: str
) -> None:
    """PostgreSQL does not drop it; SQLite does, and then takes no row that points at it."""
    if dialect == "postgresql":
        with pytest.raises(InternalError, match="other objects depend on it"):
            without(target)
        return
    world = without(target)
    with pytest.raises(OperationalError, match="foreign key mismatch"), world.unit() as rows:
        rows.insert("audit_chains", chain=NOBODY, seq=0, hash=None)
        rows.copy("invoice_lines", rows.one("invoice_lines"), position=2)
        rows.submit(world.free.id, world.waiting.id)
        rows.approve(world.other, world.reviewer.id)
        delivery(rows, world)
