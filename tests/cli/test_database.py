"""The database's own commands: logins by one command, and copies that come back whole."""

import re
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, make_url, text

from portal.accounts.models import PortalFact
from portal.app import create_app
from portal.cli.database_logins import RIGHTS_HOLDERS
from portal.foundation.db import Base, db, transaction
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from tests import postgres
from tests.api.conftest import Caller
from tests.conftest import BASICS
from tests.engines import disconnect
from tests.foundation.conftest import Tenants, tenants_of
from tests.verification import leave

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


KEPT = set(Base.metadata.tables) - {"attempt_limits"}


def run(app: Flask, *words: str) -> tuple[int, str]:
    """The command's exit status and what it says."""
    result = app.test_cli_runner().invoke(args=["database", *words])
    return result.exit_code, result.output


def set_up(app: Flask, admin_url: str, *words: str) -> tuple[int, str]:
    """Make the logins by the administrator's address, and say what comes of it."""
    environment = {"DATABASE_ADMIN_URL": admin_url}
    result = app.test_cli_runner().invoke(args=["database", "setup", *words], env=environment)
    return result.exit_code, result.output


def contents(app: Flask) -> dict[str, list[str]]:
    """Every row of every table, and what keeps them: indexes, constraints, triggers and policies by name."""
    with app.app_context(), across_accounts(), by_login(Login.OWNER), db.session() as current:
        found = {
            name: sorted(str(tuple(row)) for row in current.execute(text(f"SELECT * FROM {name}")))
            for name in Base.metadata.tables
        }
        rules = {
            "sqlite": ["SELECT type, name, tbl_name, sql FROM sqlite_master"],
            "postgresql": [
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid > 0",
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
                "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
                "SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies",
                "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname !~ '^(pg|sql)_'",
                "SELECT grantee, table_name, column_name, privilege_type FROM information_schema.column_privileges",
                "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
            ],
        }[db.engine.dialect.name]
        found["rules"] = sorted(plain(row) for rule in rules for row in current.execute(text(rule)))
        current.rollback()
    return found


def plain(rule: Any) -> str:
    """The rule without casts and brackets: what PostgreSQL reads back from its own text has them at other places."""
    return re.sub(r"::[a-z ]+(\[\])?|[()]", "", str(tuple(rule)))


@pytest.fixture
def filled(app: Flask) -> Tenants:
    made = tenants_of(app)
    with app.app_context(), by_login(Login.WORKER), transaction() as unit:
        unit.add(PortalFact(name="kept", value="yes"))
    return made


@on_sqlite
def test_a_copy_of_the_file_is_the_database(filled: Tenants, tmp_path: Path) -> None:
    copy = tmp_path / "copies" / "portal.db"
    copy.parent.mkdir()
    assert run(filled.app, "backup", str(copy))[0] == 0
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    before = contents(filled.app)
    assert all(before[table] for table in (*KEPT, "rules"))
    copied = create_app({**BASICS, "DATA_DIR": copy.parent})
    assert contents(copied) == before
    leave(copied)


@on_sqlite
def test_a_copy_is_taken_while_somebody_writes(filled: Tenants, tmp_path: Path) -> None:
    """What is not committed is not in it, and nobody waits."""
    with filled.app.app_context():
        writer = sqlite3.connect(str(db.engine.url.database))
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO portal_facts VALUES ('half', 'done')")
    assert run(filled.app, "backup", str(tmp_path / "copy.db"))[0] == 0
    writer.close()
    copied = sqlite3.connect(tmp_path / "copy.db")
    assert copied.execute("SELECT count(*) FROM portal_facts WHERE name = 'half'").fetchone() == (0,)
    assert copied.execute("SELECT count(*) FROM payments").fetchone() == (4,)
    copied.close()


def test_no_file_is_overwritten(filled: Tenants, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("kept")
    status, said = run(filled.app, "backup", str(path))
    assert status == 1
    assert "is there already" in said
    assert path.read_text() == "kept"


@on_postgresql
def test_a_dump_comes_back_whole(
    filled: Tenants, server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the steps of docs/operations.md: a database set up for the logins, the dump by the owner, then a migration."""
    monkeypatch.setenv("PATH", str(server.bin), prepend=":")
    dump = tmp_path / "portal.dump"
    assert run(filled.app, "backup", str(dump)) == (0, f"The database is copied to {dump}, for its owner only.\n")
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    name = server.create()
    server.set_up(name)
    owner = make_url(server.url(name, f"{postgres.PREFIX}_owner")).set(drivername="postgresql").render_as_string()
    restore = ["pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={owner}", str(dump)]
    subprocess.run(restore, check=True, capture_output=True)
    app = create_app({**BASICS, "DATA_DIR": tmp_path, **server.settings(name)})
    with app.app_context():
        upgrade()
    before = contents(filled.app)
    assert all(before[table] for table in (*KEPT, "rules"))
    assert contents(app) == before
    seen = Caller(app, filled.acme.token).get("/payments/").text
    assert "Acme-secret" in seen
    assert "Globex-secret" not in seen
    leave(app)
    server.drop(name)


@on_postgresql
def test_a_dump_that_fails_leaves_no_file(filled: Tenants, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    status, said = run(filled.app, "backup", str(tmp_path / "dump"))
    assert (status, said) == (1, "Error: PostgreSQL's program pg_dump is not installed here.\n")
    assert not (tmp_path / "dump").exists()


@pytest.fixture
def portal(server: postgres.Server, tmp_path: Path) -> Flask:
    """An app, to run commands by; the database of the commands is another."""
    return create_app({**BASICS, "DATA_DIR": tmp_path})


def settings_of(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def logins(server: postgres.Server, prefix: str) -> list[Any]:
    with server.connect() as connection:
        query = "SELECT rolname, rolpassword FROM pg_authid WHERE starts_with(rolname, %s) ORDER BY 1"
        return connection.execute(query, [prefix]).fetchall()


def test_one_command_makes_the_logins(portal: Flask, server: postgres.Server, tmp_path: Path) -> None:
    name = server.create()
    admin, path = server.url(name).replace("+psycopg", ""), tmp_path / "settings"
    status, said = set_up(portal, admin, "--file", str(path))
    assert status == 0, said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    settings = settings_of(path)
    assert set(settings) == {login.setting for login in Login}
    made = logins(server, f"{name}_app_")
    assert [row[0] for row in made] == sorted(f"{name}_app_{login}" for login in Login)
    assert all(row[1].startswith("SCRAM-SHA-256$") for row in made)
    secrets = {make_url(url).password for url in settings.values()}
    assert len(secrets) == len(Login)
    assert not any(str(secret) in said for secret in secrets)

    again, said = set_up(portal, admin)
    assert (again, "passwords that they have" in said) == (0, True)
    assert logins(server, f"{name}_app_") == made
    status, said = set_up(portal, admin, "--new-passwords")
    assert status == 0
    assert set(dict(line.split("=", 1) for line in said.splitlines())) == set(settings)
    assert all(old[1] != new[1] for old, new in zip(made, logins(server, f"{name}_app_"), strict=True))


@pytest.mark.parametrize("admin", ["postgres", "hosting"])
def test_new_logins_and_passwords_are_in_the_audit_log(
    admin: str, portal: Flask, server: postgres.Server, migrated_template: str, tmp_path: Path
) -> None:
    """By a superuser as by who merely owns the database. What changes nothing is no news."""
    name = server.create(migrated_template)
    if admin == "hosting":
        groups = ", ".join(login.group for login in RIGHTS_HOLDERS)
        with server.connect() as connection:
            connection.execute(
                f"CREATE ROLE hosting LOGIN CREATEROLE; ALTER DATABASE {name} OWNER TO hosting;"
                f"GRANT {postgres.PREFIX}_owner TO hosting; GRANT {groups} TO hosting WITH ADMIN OPTION".encode()
            )
    for words in ((), (), ("--new-passwords",)):
        status, said = set_up(portal, server.url(name, admin), *words)
        assert status == 0, said
    with server.connect(name) as connection:
        written = connection.execute(
            "SELECT action, subject_type, actor_label, actor_role, face, changes FROM audit_entries ORDER BY id"
        ).fetchall()
    everybody = {"logins": [f"{name}_app_{login}" for login in Login]}
    by = ("database", "command line", "system", "cli", everybody)
    assert written == [("database.logins_made", *by), ("database.passwords_renewed", *by)]
    app = create_app({**BASICS, "DATA_DIR": tmp_path, **server.settings(name, prefix=f"{name}_app")})
    leave(app)
    server.drop(name)


def test_the_app_runs_by_what_the_command_wrote(
    portal: Flask, server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server asks for these passwords, and the settings are all that the app is given."""
    name = server.create()
    set_up(portal, server.url(name), "--file", str(tmp_path / "settings"))
    for setting, url in settings_of(tmp_path / "settings").items():
        monkeypatch.setenv(setting, url)
    with server.asking_for_passwords():
        with pytest.raises(psycopg.OperationalError):
            server.connect(name, f"{name}_app_staff")
        app = create_app({**BASICS, "DATA_DIR": tmp_path})
        with app.app_context():
            upgrade()
        tenants = tenants_of(app)
        assert "Acme-secret" in Caller(app, tenants.acme.token).get("/payments/").text
        monkeypatch.setenv("PATH", str(server.bin), prepend=":")
        dump = tmp_path / "portal.dump"
        assert run(app, "backup", str(dump)) == (0, f"The database is copied to {dump}, for its owner only.\n")
        leave(app)
    server.drop(name)


def test_a_database_of_one_login_is_handed_over(portal: Flask, server: postgres.Server, tmp_path: Path) -> None:
    """What ran by ``DATABASE_URL`` alone gets its logins later: the owner takes over the tables, the rows stay."""
    name = server.create()
    single = create_app({**BASICS, "DATA_DIR": tmp_path, "SQLALCHEMY_DATABASE_URI": server.url(name)})
    with single.app_context():
        upgrade()
    tenants = tenants_of(single)
    leave(single)
    assert set_up(portal, server.url(name), "--prefix", postgres.PREFIX)[0] == 0
    app = create_app({**BASICS, "DATA_DIR": tmp_path, **server.settings(name)})
    with app.app_context():
        upgrade()
        with db.engines[Login.OWNER].connect() as connection:
            owners = connection.scalars(text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"))
            assert owners.all() == [f"{postgres.PREFIX}_owner"]
            assert set(inspect(connection).get_table_names()) >= set(Base.metadata.tables)
    seen = Caller(app, tenants.acme.token).get("/payments/").text
    assert "Acme-secret" in seen
    assert "Globex-secret" not in seen
    leave(app)
    server.drop(name)


def test_an_administrator_who_is_no_superuser_suffices(
    portal: Flask, server: postgres.Server, tmp_path: Path, drop_role: Callable[[str], None]
) -> None:
    """Hosted servers give nobody a superuser: who owns the database and may make roles can set it up."""
    drop_role("hosted")
    with server.connect() as connection:
        connection.execute("CREATE ROLE hosted LOGIN CREATEROLE")
        connection.execute("CREATE DATABASE hosted_portal OWNER hosted")
    path = tmp_path / "settings"
    status, said = set_up(portal, server.url("hosted_portal", "hosted"), "--file", str(path))
    assert status == 0, said
    again = set_up(portal, server.url("hosted_portal", "hosted"))
    assert again[0] == 0, again[1]
    app = create_app({**BASICS, "DATA_DIR": tmp_path, **server.settings("hosted_portal", prefix="hosted_portal_app")})
    with app.app_context():
        upgrade()
    tenants = tenants_of(app)
    assert "Acme-secret" in Caller(app, tenants.acme.token).get("/payments/").text
    leave(app)
    server.drop("hosted_portal")


@pytest.fixture
def drop_role(server: postgres.Server) -> Callable[[str], None]:
    def drop(name: str) -> None:
        with server.connect() as connection:
            connection.execute(f"DROP ROLE IF EXISTS {name}".encode())

    return drop


def test_the_administrators_address_is_no_argument(portal: Flask) -> None:
    """Lists of processes show arguments. It is asked for instead, and not shown while it is typed."""
    runner = portal.test_cli_runner()
    refused = runner.invoke(args=["database", "setup", "--admin-url", "sqlite:///typed.db"])
    assert (refused.exit_code, refused.output.splitlines()[-1]) == (2, "Error: No such option '--admin-url'.")
    asked = runner.invoke(args=["database", "setup"], input="sqlite:///typed.db\n", env={"DATABASE_ADMIN_URL": ""})
    assert (asked.exit_code, asked.output) == (
        1, "Address with the administrator's login: \nError: Logins are for PostgreSQL: postgresql://…\n",
    )  # fmt: skip


def test_what_is_no_postgresql_has_no_logins(portal: Flask, tmp_path: Path) -> None:
    assert set_up(portal, "sqlite:///portal.db") == (
        1,
        "Error: Logins are for PostgreSQL: postgresql://…\n",
    )
    (tmp_path / "there").touch()
    status, said = set_up(portal, "postgresql://x/y", "--file", str(tmp_path / "there"))
    assert (status, "is there already" in said) == (1, True)


def test_settings_that_cannot_be_written_change_no_password(
    portal: Flask, server: postgres.Server, tmp_path: Path
) -> None:
    name = server.create()
    set_up(portal, server.url(name))
    made = logins(server, f"{name}_app_")
    path = tmp_path / "missing" / "settings"
    status, said = set_up(portal, server.url(name), "--new-passwords", "--file", str(path))
    assert (status, said) == (1, f"Error: {path} cannot be written: No such file or directory.\n")
    assert logins(server, f"{name}_app_") == made
    again, said = set_up(portal, server.url(name), "--file", str(tmp_path / "settings"))
    assert (again, "passwords that they have" in said, (tmp_path / "settings").exists()) == (0, True, False)


@on_postgresql
def test_the_apps_own_login_changes_no_table(app: Flask, server: postgres.Server, tmp_path: Path) -> None:
    """Serving without the owner's address: nothing to migrate is no error, and something to migrate is one sentence."""
    with app.app_context():
        settings = server.settings(str(db.engine.url.database))
    del settings["DATABASE_LOGINS"][Login.OWNER]
    without_owner = create_app({**BASICS, "DATA_DIR": tmp_path, **settings})
    with without_owner.app_context():
        upgrade()
    with app.app_context():
        downgrade(revision="-1")
    result = without_owner.test_cli_runner().invoke(args=["serve", "--port", str(free_port())])
    assert result.exit_code == 1
    assert result.output == (
        "Error: The tables are of an earlier release, or not there yet: run db upgrade with the owner's settings.\n"
    )
    disconnect(without_owner)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@on_sqlite
def test_nothing_is_not_copied(app: Flask, tmp_path: Path) -> None:
    """A folder named wrongly must not make a nightly job that copies nothing, and says that it did."""
    path = tmp_path / "copy.db"
    database = Path(str(make_url(app.config["SQLALCHEMY_DATABASE_URI"]).database))
    database.rename(tmp_path / "elsewhere.db")
    status, said = run(app, "backup", str(path))
    assert (status, said) == (1, f"Error: There is no database at {database}. Set PORTAL_DATA_DIR to where it is.\n")
    assert not path.exists()
    assert run(app, "backup", str(tmp_path / "nowhere" / "copy.db"))[0] == 1
