"""By which login a statement comes: that of whoever asks, kept for as long as a unit lasts."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from flask_migrate import upgrade
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError

from portal.app import create_app
from portal.billing.invoices.models import Invoice
from portal.foundation.db import db, session, transaction
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import account_scope, across_accounts
from tests import postgres
from tests.api.conftest import Caller
from tests.conftest import BASICS
from tests.engines import disconnect
from tests.factories import SYSTEM, Factory
from tests.foundation.conftest import Maker, Tenants, refusal, seen_by, tenants_of
from tests.pages import Pages


def test_a_scope_that_changes_is_told_in_the_middle_of_a_transaction(tenants: Tenants) -> None:
    acme, globex = tenants.acme.account.id, tenants.globex.account.id
    whose = text("SELECT DISTINCT account_id FROM invoices")

    def seen() -> set[UUID]:
        return set(session.scalars(whose))

    with tenants.app.app_context(), by_login(Login.STAFF):
        with account_scope(acme):
            assert seen() == {acme}
            with across_accounts():
                assert seen() == {acme, globex}
            assert seen() == {acme}
        with account_scope(globex):
            assert seen() == {globex}
            with account_scope(acme):
                savepoint = session.begin_nested()
                assert seen() == {acme}
                savepoint.rollback()
                assert seen() == {acme}
            savepoint = session.begin_nested()
            with pytest.raises(DBAPIError):
                session.execute(text("SELECT 1 / 0"))
            savepoint.rollback()
            assert seen() == {globex}
        assert seen() == set()


def test_a_unit_of_writing_keeps_its_login(tenants: Tenants) -> None:
    """A narrower scope inside it is told; a wider one would need another connection, and two do not commit as one."""
    acme = tenants.acme.account.id
    count = select(func.count()).select_from(Invoice)
    with tenants.app.app_context():
        with across_accounts(), transaction():
            assert session.scalar(count) == 4
            with account_scope(acme):
                assert session.scalar(count) == 2
                assert session.scalar(text("SELECT count(*) FROM invoices")) == 2
        with account_scope(acme):
            with transaction(), across_accounts(), pytest.raises(RuntimeError, match="enter the scope first"):
                session.scalar(count)
            assert session.scalar(count) == 2


def logins_of(tenants: Tenants, visit: Callable[[], object]) -> list[str | None]:
    """The logins by which the app takes connections meanwhile, one after the other: none while it holds another."""
    taken: list[str | None] = []
    with tenants.app.app_context():
        engines = dict(db.engines)

    def note(login: str | None) -> Callable[..., None]:
        def listen(*_: object) -> None:
            assert sum(engine.pool.checkedout() for engine in engines.values()) == 1  # type: ignore[attr-defined]
            taken.append(login)

        return listen

    listeners = [(engine, note(login)) for login, engine in engines.items()]
    for engine, listener in listeners:
        event.listen(engine, "checkout", listener)
    visit()
    for engine, listener in listeners:
        event.remove(engine, "checkout", listener)
    return taken


def test_a_request_comes_by_the_login_of_whoever_asks(tenants: Tenants) -> None:
    """The gate's connection is given back before another is taken; the customers' is the app's first engine."""
    staff = Caller(tenants.app, Factory(tenants.app).token(tenants.reviewer))
    for caller in (Caller(tenants.app, tenants.acme.token), staff):
        caller.get("/payments/")  # which notes the token's first use
    asked = logins_of(tenants, lambda: Caller(tenants.app, tenants.acme.token).get("/payments/"))
    assert asked == [Login.GATE, None]
    assert logins_of(tenants, lambda: staff.get("/payments/")) == [Login.GATE, Login.STAFF]
    form = {"email": tenants.acme.owner.email, "password": "not the right one"}
    stranger = Pages(tenants.app)
    assert set(logins_of(tenants, lambda: stranger.post("/login", form))) == {Login.GATE}


def test_one_login_for_everything_needs_no_set_up(server: postgres.Server, tmp_path: Path) -> None:
    """``DATABASE_URL`` is all it takes: an ordinary login that owns its database, in which there are no groups."""
    with server.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS plain")
        connection.execute("CREATE ROLE plain LOGIN")
        connection.execute("CREATE DATABASE plain_portal OWNER plain")
    app = create_app({**BASICS, "DATA_DIR": tmp_path, "SQLALCHEMY_DATABASE_URI": server.url("plain_portal", "plain")})
    with app.app_context():
        upgrade()
    tenants = tenants_of(app)
    assert "Acme-secret" in seen_by(app, tenants.acme.token)
    assert "Globex-secret" not in seen_by(app, tenants.acme.token)
    assert tenants.say("SELECT count(*) FROM invoices", scope=None, login=Login.OWNER)[0][0] == 0
    assert tenants.say("SELECT count(*) FROM invoices", scope=tenants.acme.account.id)[0][0] == 2
    assert tenants.say("SELECT count(*) FROM invoices", scope="*")[0][0] == 4
    disconnect(app)
    server.drop("plain_portal")


def test_new_tables_get_their_rights_when_migrated(make_tenants: Maker, server: postgres.Server) -> None:
    tenants = make_tenants()
    with server.connect(tenants.database, "app_owner") as connection:
        connection.execute("CREATE TABLE later (id uuid)")
        connection.execute("GRANT ALL ON later TO portal_customer")
    assert "permission denied" in refusal(tenants, "SELECT * FROM later", scope="*")
    with tenants.app.app_context():
        upgrade()
    assert tenants.say("SELECT * FROM later", scope="*") == []
    assert "permission denied" in refusal(tenants, "SELECT * FROM later", scope=tenants.acme.account.id)


def test_the_server_knows_the_logins_for_what_they_are(server: postgres.Server, tenants: Tenants) -> None:
    with server.connect(tenants.database) as connection:
        mighty = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname ~ '^(app|portal)_'"
            " AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
        ).fetchall()
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert (mighty, owners) == ([], [("app_owner",)])
    with pytest.raises(psycopg.OperationalError):
        server.connect(tenants.database, "portal_customer")


def test_the_system_writes_what_customers_may_not(make_tenants: Maker) -> None:
    """The same statements by the logins that they are meant for: what is refused above is not simply broken."""
    tenants = make_tenants()
    assert SYSTEM.account_id is None
    assert tenants.touched("UPDATE accounts SET name = 'Renamed'", scope="*", login=Login.WORKER) == 2
    assert tenants.touched("UPDATE users SET name = 'Renamed'", scope="*", login=Login.STAFF) == 3
    assert tenants.say("SELECT count(*) FROM audit_entries", scope="*")[0][0] > 0
