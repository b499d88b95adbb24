"""What keeps a command from its work is one sentence that helps."""

import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import make_url

from portal.app import create_app
from portal.cli.speaking import shown, told_of_sqlite
from portal.foundation.row_security import Login
from tests import postgres
from tests.conftest import BASICS
from tests.engines import disconnect

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
DAMAGED = "The database's file is damaged: restore the last copy, as docs/operations.md says."


def said(app: Flask, *words: str, **environment: str) -> str:
    return app.test_cli_runner().invoke(args=list(words), env=environment).output


def test_migrating_says_what_it_did(new_app: Callable[..., Flask]) -> None:
    app = new_app(empty=True)
    newest = said(app, "db", "upgrade").rpartition("Migrated to ")[2]
    assert said(app, "db", "upgrade") == f"Nothing to migrate: the tables are at {newest}"
    assert said(app, "db", "downgrade") == f"Migrated to {int(newest[:4]) - 1:04}.\n"


@on_sqlite
@pytest.mark.corrupts
def test_a_damaged_file_is_not_copied(app: Flask, tmp_path: Path) -> None:
    (Path(app.config["DATA_DIR"]) / "portal.db").write_bytes(b"this is no database" * 1000)
    assert said(app, "database", "backup", str(tmp_path / "copy")) == f"Error: There is no copy. {DAMAGED}\n"
    assert not (tmp_path / "copy").exists()


def test_what_sqlite_means(tmp_path: Path) -> None:
    path = tmp_path / "small.db"
    with sqlite3.connect(path) as full, pytest.raises(sqlite3.Error) as failed:
        full.execute("PRAGMA max_page_count = 2")
        full.execute("CREATE TABLE rows (value)")
        full.execute("INSERT INTO rows VALUES (randomblob(100000))")
    full.close()
    assert told_of_sqlite(failed.value) == "The disk is full."
    read_only = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    with pytest.raises(sqlite3.Error) as failed:
        read_only.execute("CREATE TABLE others (value)")
    read_only.close()
    assert told_of_sqlite(failed.value) == (
        "The database can only be read: look at the owner and the mode of its file and folder."
    )
    with pytest.raises(sqlite3.Error) as failed:
        sqlite3.connect(tmp_path / "nowhere" / "x.db")
    assert told_of_sqlite(failed.value).startswith("The database's file cannot be opened")


def test_an_address_is_shown_without_its_password() -> None:
    address = make_url("postgresql+psycopg://ada:pw1@db.example:5433/portal?sslmode=require&password=pw2")
    assert shown(address) == "postgresql://ada:***@db.example:5433/portal?sslmode=require"
    assert shown(make_url("sqlite:////srv/portal.db")) == "/srv/portal.db"


def test_a_database_that_is_not_there(server: postgres.Server, tmp_path: Path) -> None:
    """It is none that has no tables yet."""
    app = create_app({**BASICS, "DATA_DIR": tmp_path, "SQLALCHEMY_DATABASE_URI": server.url("nowhere")})
    for words in (["db", "upgrade"], ["verify"], ["database", "setup"]):
        sentence = said(app, *words, DATABASE_ADMIN_URL=server.url("nowhere"))
        assert sentence.startswith("Error: There is no database of this name ("), words
        assert sentence.endswith('database "nowhere" does not exist). Make it: createdb NAME\n')
    for address in ("nonsense", "postgresql://host:x/name"):
        sentence = said(app, "database", "setup", DATABASE_ADMIN_URL=address)
        assert sentence.startswith("Error: The database's address cannot")


@on_postgresql
def test_tables_that_are_missing_are_those_of_a_database(new_app: Callable[..., Flask]) -> None:
    app = new_app(empty=True)
    sentence = said(app, "tokens", "list", "--email", "a@b.example")
    worker = make_url(app.config["SQLALCHEMY_BINDS"]["worker"]["url"])
    assert sentence == f"Error: The database {shown(worker)} has no tables yet. Run: flask --app wsgi db upgrade\n"


@on_postgresql
def test_a_servers_login_does_no_commands_work(new_settings: Callable[[], dict[str, Any]]) -> None:
    """And a purge by it deletes nothing of what it may delete."""
    settings = new_settings()
    del settings["DATABASE_LOGINS"][Login.WORKER]
    app = create_app(settings)
    sentence = said(app, "users", "disable", "a@b.example")
    assert sentence == "Error: Nobody signs in as a@b.example.\n"
    made = said(app, "accounts", "create", "--number", "C-1", "--name", "Acme", "--country", "DE", "--currency", "EUR")
    assert made.startswith("Error: This login may not do that (permission denied for table ")
    assert "). Commands come by DATABASE_WORKER_URL, and tables are changed by DATABASE_OWNER_URL." in made
    assert said(app, "purge") == ("Error: This login may not delete what is purged. Purge by DATABASE_WORKER_URL.\n")
    disconnect(app)


@on_sqlite
def test_the_demo_is_not_loaded_where_nothing_is_said(app: Flask) -> None:
    app.config["ENVIRONMENT"] = "production"
    assert said(app, "demo", "load") == (
        "Error: PORTAL_ENV says production, or nothing. To give this database to the demo for good: PORTAL_ENV=demo\n"
    )


@on_sqlite
def test_where_it_cannot_listen(app: Flask) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert said(app, "serve", "--port", str(port)) == (
            f"Error: Port {port} on 127.0.0.1 cannot be used ({os.strerror(98)}). Choose another: --port NUMBER\n"
        )
        assert said(app, "serve", "--host", "0.0.0.0", "--port", str(port)) == (
            "Demo and development serve this machine only: to listen on 0.0.0.0, say in PORTAL_HOSTS under which names "
            "others reach the portal.\n"
        )
    app.config.update(ENVIRONMENT="demo", HOSTS=("portal.lan",))
    for host in ("203.0.113.9", "nowhere.invalid"):
        sentence = said(app, "serve", "--host", host, "--port", str(port))
        assert sentence.startswith(f"Error: {host} is no address of this machine (")
        assert sentence.endswith("). Name another: --host 127.0.0.1\n")
