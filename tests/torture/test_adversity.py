"""A disk that is full, clocks that disagree by days, a database that takes 500 ms more for each statement: kept up.

A disk is filled that is mounted in memory, which takes root on Linux: elsewhere that test fails, and says so. SQLite's
page limit stands for a full disk in ``tests/reliability``, on any machine.
"""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from flask import Flask

from portal.app import create_app
from tests.conftest import BASICS
from tests.factories import Factory
from tests.postgres import Server
from tests.reliability.test_adversity import clocks as clocks  # noqa: PLC0414 - the fixture
from tests.reliability.test_adversity import office as office  # noqa: PLC0414 - the fixture
from tests.serving import serving
from tests.torture.adversity import Clocks, Office, can_mount, filled, slow, small_disk, work_on_a_full_disk
from tests.torture.scale import scaled
from tests.torture.walker import walk
from tests.verification import leave

Note = Callable[..., None]
NO_DISK = "no disk can be mounted in memory here: run this as root on Linux"


def note(record_property: Note, office: Office) -> None:
    record_property("answers", dict(sorted(office.answers.items())))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_full_disk(kind: str, request: pytest.FixtureRequest, record_property: Note, tmp_path: Path) -> None:
    assert can_mount(), NO_DISK
    with small_disk(256) as disk:
        settings = {**BASICS, "DATA_DIR": disk}
        if kind == "sqlite":
            shutil.copy(request.getfixturevalue("migrated_file"), disk / "portal.db")
        else:
            server: Server = request.getfixturevalue("server")
            name = on_disk(server, disk, request)
            settings |= {"DATA_DIR": tmp_path} | server.settings(name)
        app = create_app(settings)
        office = Office(app, Factory(app))
        work_on_a_full_disk(office, disk, scaled(100))
        note(record_property, office)
        leave(app)
        if kind == "postgresql":
            server.drop(name)
            with server.connect() as connection:
                connection.execute("DROP TABLESPACE small")


def test_a_server_that_starts_on_a_full_disk(migrated_file: Path) -> None:
    """It answers, and none of its processes dies of what it cannot write down."""
    assert can_mount(), NO_DISK
    with small_disk(16) as disk:
        shutil.copy(migrated_file, disk / "portal.db")
        app = create_app({**BASICS, "DATA_DIR": disk})
        Factory(app).account()  # SQLite's own files are there
        with filled(disk, room=0), serving(app) as server:
            before = server.workers()
            assert {server.ask(path).status for path in ["/healthz", "/login"] * 20} == {200}
            assert server.workers() == before
        leave(app)


def on_disk(server: Server, disk: Path, request: pytest.FixtureRequest) -> str:
    """The name of a migrated database of which all tables are on the small disk."""
    name = server.create(request.getfixturevalue("migrated_template"))
    place = disk / "space"
    place.mkdir()
    server.own(disk, place)
    with server.connect() as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
        connection.execute(f"ALTER DATABASE {name} SET TABLESPACE small".encode())
    return name


@pytest.mark.parametrize("part", range(10))
def test_a_walk_while_the_clock_jumps(app: Flask, clocks: Clocks, part: int) -> None:
    chance = Random(part)
    clocks.days = lambda: chance.choice((-1, 0, 1))
    assert walk(app, seed=part * 1000, steps=scaled(10_000)).total() == scaled(10_000)


def test_clerks_on_a_database_that_is_half_a_second_slow(office: Office, record_property: Note) -> None:
    invoices = office.invoices(scaled(40))
    with slow(office.app, 0.5), ThreadPoolExecutor(4) as pool:
        list(pool.map(office.journey, invoices))
    office.check()
    assert all(office.journey(invoice) for invoice in office.invoices(3))
    office.check()
    note(record_property, office)
