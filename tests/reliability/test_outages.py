"""The database gone, slow, full, locked or broken: an answer within five seconds, in words, and no restart needed."""

import logging
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from flask import Flask
from sqlalchemy import event, make_url, text
from werkzeug.test import TestResponse

from portal.foundation.db import db
from tests import postgres
from tests.api.conftest import Caller, problem
from tests.api.test_idempotency import REPORT, body_for, send
from tests.engines import disconnect, engine_of_the_owner
from tests.factories import PASSWORD
from tests.faults import Proxy
from tests.pages import Page, Pages
from tests.reliability.conftest import LIMIT, World
from tests.reliability.test_commits import payments_in

Answer = TypeVar("Answer")
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Visitor:
    """Somebody who is signed in, and asks with a stop-watch in the hand; and a reviewer, and somebody who signs in."""

    def __init__(self, world: World, app: Flask) -> None:
        self.pages, self.caller, self.stranger = world.pages(app), world.caller(app), Pages(app)
        self.invoice, self.email = world.make.invoice(world.account), world.owner.email
        self.pages.get(self.form)
        self.stranger.get("/login")
        other = world.make.account("Globex")
        self.waiting = world.make.payment(world.make.invoice(other), world.make.user("owner", other))
        self.reviewer = Caller(app, world.make.token(world.reviewer))
        self.reviewer.get("/payments/")  # notes the token's use

    @property
    def form(self) -> str:
        """The address of the form that reports a payment."""
        return f"/invoices/{self.invoice.id}/payment"

    def page(self) -> Page:
        return self._timed(lambda: self.pages.get("/payments/"))

    def list(self) -> TestResponse:
        return self._timed(lambda: self.caller.get("/payments/"))

    def ready(self) -> TestResponse:
        return self._timed(lambda: self.stranger.send("GET", "/readyz"))

    def sign_in(self) -> Page:
        return self._timed(lambda: self.stranger.post("/login", {"email": self.email, "password": PASSWORD}))

    def send_form(self) -> Page:
        filled = {"payment_method": "bank_transfer", "transaction_reference": f"TRF {self.invoice.number}"}
        return self._timed(lambda: self.pages.post(self.form, filled))

    def approve(self) -> TestResponse:
        return self._timed(lambda: self.reviewer.post(f"/payments/{self.waiting.id}/approval/", {"version": 1}))

    def report(self, key: str | None = None) -> TestResponse:
        body = body_for(self.invoice, f"TRF {self.invoice.number}")
        if key:
            return self._timed(lambda: send(self.caller, REPORT, body, key))
        return self._timed(lambda: self.caller.post(REPORT, body))

    def _timed(self, ask: Callable[[], Answer]) -> Answer:
        began = time.monotonic()
        answer = ask()
        assert time.monotonic() - began < LIMIT
        return answer


def assert_unavailable(visitor: Visitor, code: str = "database_unavailable") -> None:
    """Every face says it, and says that nothing was changed."""
    page, listed = visitor.page(), visitor.list()
    for one in (page, visitor.send_form(), visitor.sign_in()):
        assert (one.status, one.h1) == (503, "The portal is not available right now")
        assert "Nothing was changed." in one.text
    ready = visitor.ready()
    assert (ready.status_code, ready.text) == (503, "the database does not answer by DATABASE_URL\n")
    assert problem(listed) == (503, code, [])
    assert (int(page.response.headers["Retry-After"]), int(listed.headers["Retry-After"])) == (5, 5)
    assert problem(visitor.report()) == (503, code, [])
    assert problem(visitor.report("k")) == (503, code, [])
    assert problem(visitor.approve()) == (503, code, [])


def assert_well(visitor: Visitor) -> None:
    """All works again, and what failed before was not done."""
    assert (visitor.page().status, visitor.page().rows) == (200, [])
    assert visitor.list().get_json()["data"] == []
    assert (visitor.ready().status_code, visitor.sign_in().status, visitor.approve().status_code) == (200, 303, 200)
    answer = visitor.report("k")
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (201, False)


@on_postgresql
def test_a_stopped_server(world: World, server: postgres.Server) -> None:
    visitor = Visitor(world, world.app)
    server.stop("fast")
    try:
        assert_unavailable(visitor)
    finally:
        server.start()
    assert_well(visitor)


@on_postgresql
def test_a_frozen_server(world: World, server: postgres.Server, caplog: pytest.LogCaptureFixture) -> None:
    visitor = Visitor(world, world.app)
    server.pause()
    try:
        assert_unavailable(visitor)
    finally:
        server.resume()
    assert_well(visitor)
    assert "database gone" in caplog.text
    assert "Traceback" not in caplog.text


@on_postgresql
def test_a_frozen_network(world: World, behind: Flask, network: Proxy) -> None:
    visitor = Visitor(world, behind)
    network.freeze()
    assert_unavailable(visitor)
    network.thaw()
    assert_well(visitor)


@on_postgresql
def test_a_slow_network(world: World, behind: Flask, network: Proxy) -> None:
    """Half a second for each answer of the server: some requests cannot be answered in time, and say so."""
    visitor = Visitor(world, behind)
    network.delay = 0.5
    slow = [visitor.report("k").status_code for _ in range(2)]
    assert visitor.page().status in (200, 503)
    network.delay = 0.0
    assert set(slow) <= {201, 503}
    assert visitor.report("k").status_code == 201
    assert len(visitor.list().get_json()["data"]) == 1


@on_postgresql
def test_an_invoice_that_somebody_else_holds(world: World) -> None:
    visitor = Visitor(world, world.app)
    with engine_of_the_owner(world.app).connect() as other:
        other.execute(text("SELECT 1 FROM invoices FOR UPDATE"))
        assert problem(visitor.report()) == (503, "database_busy", [])
        assert visitor.list().status_code == 200
    assert_well(visitor)


@on_postgresql
def test_a_full_server(world: World) -> None:
    """As PostgreSQL answers when its disk is full. Reading goes on."""
    visitor = Visitor(world, world.app)
    with engine_of_the_owner(world.app).begin() as owner:
        owner.execute(text("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
                           "'could not extend file' USING ERRCODE = '53100'; END $$"))  # fmt: skip
        owner.execute(text("CREATE TRIGGER full_disk BEFORE INSERT ON payment_events EXECUTE FUNCTION full_disk()"))
    assert problem(visitor.report("k")) == (503, "database_unavailable", [])
    assert (visitor.list().status_code, visitor.page().status) == (200, 200)
    with engine_of_the_owner(world.app).begin() as owner:
        owner.execute(text("DROP TRIGGER full_disk ON payment_events"))
    assert_well(visitor)


@on_postgresql
def test_a_server_that_only_reads(world: World, server: postgres.Server) -> None:
    """A standby, as one meets it for a moment while the roles change."""
    visitor = Visitor(world, world.app)
    set_up(world, server, "SET default_transaction_read_only = on")
    assert problem(visitor.report("k")) == (503, "database_unavailable", [])
    assert visitor.list().status_code == 200
    set_up(world, server, "RESET default_transaction_read_only")
    assert_well(visitor)


def set_up(world: World, server: postgres.Server, setting: str) -> None:
    """Change a setting of the database, for connections from now on."""
    name = make_url(world.app.config["SQLALCHEMY_DATABASE_URI"]).database
    with server.connect() as owner:
        owner.execute(f"ALTER DATABASE {name} {setting}".encode())
    disconnect(world.app)


@on_postgresql
@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_clashes_are_tried_again_where_a_key_makes_it_safe(state: str, world: World) -> None:
    """Every second try is undone by the database. Without a key the caller hears that nothing was changed."""
    visitor = Visitor(world, world.app)
    with engine_of_the_owner(world.app).begin() as owner:
        owner.execute(text("CREATE SEQUENCE tries"))
        owner.execute(text("GRANT USAGE ON SEQUENCE tries TO PUBLIC"))
        owner.execute(text("CREATE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                           "IF nextval('tries') % 2 = 1 THEN RAISE EXCEPTION 'clash' USING ERRCODE = '" + state + "'; "
                           "END IF; RETURN NEW; END $$"))  # fmt: skip
        owner.execute(
            text("CREATE TRIGGER clash BEFORE INSERT ON payment_events FOR EACH ROW EXECUTE FUNCTION clash()")
        )
    assert visitor.report("k").status_code == 201
    visitor.invoice = world.make.invoice(world.account)
    assert problem(visitor.report()) == (503, "database_busy", [])
    assert len(visitor.list().get_json()["data"]) == 1


def file_of(world: World) -> Path:
    return Path(world.app.config["DATA_DIR"]) / "portal.db"


@contextmanager
def another_writer(path: Path) -> Iterator[None]:
    """A process that holds the file's write lock."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield
        finally:
            process.communicate("")


@on_sqlite
def test_a_file_that_another_process_writes_to(world: World) -> None:
    """Reading goes on, also by a token that was not used before; writing is asked to come again."""
    visitor = Visitor(world, world.app)
    fresh = world.make.token(world.owner)
    with another_writer(file_of(world)):
        answer = visitor.report("k")
        assert (problem(answer), answer.headers["Retry-After"]) == ((503, "database_busy", []), "1")
        assert (visitor.page().status, visitor.list().status_code) == (200, 200)
        world.token = fresh
        assert world.caller().get("/payments/").status_code == 200
    assert_well(visitor)


@contextmanager
def each_connection(app: Flask, pragma: str, undo: str) -> Iterator[None]:
    """What SQLite does with connections that are set so."""

    def limit(connection: Any, _record: object) -> None:
        connection.execute(pragma)

    def reopen() -> None:
        with app.app_context():
            db.engine.dispose()

    with app.app_context():
        engine = db.engine
    event.listen(engine, "connect", limit)
    reopen()
    yield
    event.remove(engine, "connect", limit)
    reopen()
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql(undo)


@on_sqlite
def test_a_full_disk(world: World) -> None:
    """SQLite answers "database or disk is full" the same way. Reading goes on."""
    visitor = Visitor(world, world.app)
    with world.app.app_context(), db.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    for _ in range(50):  # fill the free room inside of the file
        with each_connection(world.app, f"PRAGMA max_page_count={pages}", "PRAGMA max_page_count=1073741823"):
            answer = visitor.report()
            if answer.status_code == 503:
                assert problem(answer) == (503, "database_unavailable", [])
                assert problem(visitor.report("k")) == (503, "database_unavailable", [])
                listed = len(visitor.list().get_json()["data"])
                assert (visitor.page().status, len(visitor.page().rows)) == (200, min(listed, 20))
                break
        visitor.invoice = world.make.invoice(world.account)
        with db_of(world) as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
    else:
        pytest.fail("the file never was full")
    before = payments_in(world.app)
    assert visitor.report("k").status_code == 201
    assert payments_in(world.app) == before + 1


def db_of(world: World) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(file_of(world)))


@on_sqlite
def test_a_file_that_cannot_be_written_to(world: World) -> None:
    visitor = Visitor(world, world.app)
    with each_connection(world.app, "PRAGMA query_only=1", "PRAGMA query_only=0"):
        assert problem(visitor.report("k")) == (503, "database_unavailable", [])
        assert (visitor.page().status, visitor.list().status_code) == (200, 200)
    assert_well(visitor)


@on_sqlite
def test_a_broken_file(world: World, caplog: pytest.LogCaptureFixture) -> None:
    visitor = Visitor(world, world.app)
    disconnect(world.app)
    sound = file_of(world).read_bytes()
    file_of(world).write_bytes(sound[:100] + b"\xff" * (len(sound) - 100))
    assert_unavailable(visitor)
    assert any(record.levelno == logging.ERROR and "malformed" in record.getMessage() for record in caplog.records)
    assert "Traceback" not in caplog.text
    disconnect(world.app)
    file_of(world).write_bytes(sound)
    assert_well(visitor)
