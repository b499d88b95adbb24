"""Pairs of operations on PostgreSQL in all orders of their statements. ``make torture`` plays every pair."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.engines import listening
from tests.factories import Factory
from tests.postgres import Server
from tests.torture.operations import Scene
from tests.torture.pairs import Theatre, connect, ids_of_one_shard

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)

PAIRS = [
    ("submit free", "submit free again"),
    ("submit free", "void free"),
    ("submit waiting", "cancel waiting"),
    ("approve waiting", "approve waiting again"),
    ("approve waiting", "reject waiting"),
    ("approve waiting", "approve second"),
    ("approve mine", "approve theirs"),
    ("approve mine", "approve theirs knowingly"),
    ("refund paid", "refund paid"),
    ("refund paid", "approve batch"),
    ("settle gateway", "fail gateway"),
    ("create invoice", "create invoice"),
    ("import", "create invoice"),
    ("remove factor", "reset factor"),
    ("renew recovery codes", "use recovery code"),
    ("invite", "invite"),
    ("invite", "accept invitation"),
    ("accept invitation", "demote admin"),
    ("choose own password", "choose own password"),
    ("choose own password", "hand a password over"),
    ("confirm address", "ask for another address"),
]


@pytest.fixture
def theatre(app: Flask, make: Factory, server: Server) -> Iterator[Theatre]:
    with ids_of_one_shard():
        scene = Scene(app, make)
    stage = connect(server, app)
    yield Theatre(app, scene, stage)
    stage.connection.close()


def test_two_at_once_end_as_one_after_the_other(theatre: Theatre) -> None:
    verdicts = [theatre.play(one, other, most=50) for one, other in PAIRS]
    assert {verdict.pair: verdict.wrong for verdict in verdicts if verdict.wrong} == {}
    assert min(verdict.orders for verdict in verdicts) > 2


def test_a_row_more_or_less_in_any_table_is_told(theatre: Theatre) -> None:
    """All tables are compared, those of mails and webhooks as well."""
    stage = theatre.stage
    beginning = stage.digest()
    for table in [name for name, rows in beginning.items() if rows]:
        stage.connection.execute("BEGIN; SET LOCAL session_replication_role = replica")
        stage.connection.execute(f"DELETE FROM {table} WHERE ctid = (SELECT MIN(ctid) FROM {table})".encode())
        stage.connection.execute("COMMIT")
        assert {name for name, rows in stage.digest().items() if rows != beginning[name]} == {table}
        stage.restore()
    assert stage.digest() == beginning


@pytest.fixture
def _without_locks(app: Flask) -> Iterator[None]:
    """Locks, and the version that an update starts from, taken out of the statements on their way to the database."""

    def unlock(_connection: object, _cursor: object, sql: str, parameters: object, *_: object) -> tuple[str, object]:
        locks = r"\s*FOR (NO KEY )?UPDATE( OF \w+)?( SKIP LOCKED)?| AND payments\.version = \S+"
        return re.sub(locks, "", sql), parameters

    with listening(app, "before_cursor_execute", unlock, retval=True):
        yield


@pytest.mark.usefixtures("_without_locks")
def test_without_locks_it_shows_and_the_database_still_refuses(theatre: Theatre) -> None:
    for one, other in [("approve waiting", "reject waiting"), ("submit free", "submit free again")]:
        verdict = theatre.play(one, other)
        assert verdict.wrong
        assert not [why for why in verdict.wrong if "broken" in why]
