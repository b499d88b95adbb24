"""Commands about the database itself: its logins, and copies of it."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import click
from sqlalchemy import URL, Connection, create_engine, inspect, make_url
from sqlalchemy.exc import ArgumentError

from portal.cli.database_logins import make_logins, new_passwords
from portal.cli.speaking import OPERATOR, speaking, told_of_sqlite
from portal.foundation import audit
from portal.foundation.audit import AuditChain
from portal.foundation.db import db, unit_of
from portal.foundation.row_security import Login


@click.group("database")
def database_commands() -> None:
    """The database itself: its logins, and copies of it."""


@database_commands.command("setup")
@click.option("--prefix", help="How the logins' names begin; the database's name and “_app” if left out.")
@click.option(
    "--new-passwords", "renew", is_flag=True, help="Give the logins other passwords, in place of those of before."
)
@click.option("--file", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write the settings there.")
@speaking
def set_up(prefix: str | None, renew: bool, path: Path | None) -> None:
    """Make PostgreSQL's logins with their passwords and rights. A second time changes nothing.

    A superuser does it, or who owns the database and may make roles. Their address is asked for, unless it stands in
    DATABASE_ADMIN_URL.
    """
    url = _administrators_address()
    with _kept_if_filled(path) as file:  # opened first: passwords that nobody could read would lock everybody out
        names, passwords = _make(url, prefix or f"{url.database}_app", renew=renew)
        lines = [f"{login.setting}={_address(url, names[login], secret)}" for login, secret in passwords.items()]
        file.writelines(f"{line}\n" for line in lines)
    if not lines:
        click.echo("The logins are there, with the passwords that they have. --new-passwords gives them others.")
    elif path is not None:
        click.echo(f"The settings are in {path}, for its owner only. They are shown nowhere else.")


def _administrators_address() -> URL:
    """Never an argument: lists of processes show those."""
    asked = "Address with the administrator's login"
    given = os.environ.get("DATABASE_ADMIN_URL") or click.prompt(asked, hide_input=True)
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):  # for a port that is none
        message = "The database's address cannot be read. It looks like postgresql://user:password@host/name."
        raise click.ClickException(message) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise click.ClickException("Logins are for PostgreSQL: postgresql://…")
    return url.set(drivername="postgresql+psycopg")


@contextmanager
def _kept_if_filled(path: Path | None) -> Iterator[IO[str]]:
    """A new file for its owner only, gone again if nothing was written; the terminal where there is no path."""
    if path is None:
        yield sys.stdout
        return
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")
    except FileExistsError:
        raise click.ClickException(f"{path} is there already. Name another file.") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}.") from None
    try:
        with file:
            yield file
    finally:
        if path.stat().st_size == 0:
            path.unlink()


def _make(url: URL, prefix: str, *, renew: bool) -> tuple[Mapping[Login, str], Mapping[Login, str]]:
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.begin() as connection:
            passwords = new_passwords(connection, prefix, all_of_them=renew)
            names = make_logins(connection, prefix, passwords)
            _note(connection, [names[login] for login in passwords], renewed=renew)
            return names, passwords
    finally:
        engine.dispose()


def _note(connection: Connection, names: list[str], *, renewed: bool) -> None:
    """Say in the audit log which logins have other passwords now; a database without tables has no log yet."""
    if names and inspect(connection).has_table(AuditChain.__tablename__):
        with unit_of(connection):
            audit.record(
                OPERATOR, "database.passwords_renewed" if renewed else "database.logins_made", "database",
                audit.THE_DATABASE, logins=names,
            )  # fmt: skip


def _address(url: URL, name: str, secret: str) -> str:
    own = url.set(drivername="postgresql", username=name, password=secret)
    return own.render_as_string(hide_password=False)


@database_commands.command("backup")
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@speaking
def backup(path: Path) -> None:
    """Copy the whole database into FILE, while it is in use. docs/operations.md says how it comes back."""
    if path.exists():
        raise click.ClickException(f"{path} is there already. Name another file.")
    url = db.engines.get(Login.OWNER, db.engine).url
    try:
        path.touch(mode=0o600)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}.") from error
    try:
        if url.get_backend_name() == "sqlite":
            _copy_file(Path(str(url.database)), path)
        else:
            _dump(url, path)
    except BaseException:
        path.unlink()
        raise
    click.echo(f"The database is copied to {path}, for its owner only.")


def _copy_file(source: Path, copy: Path) -> None:
    """A consistent copy, taken page by page beside the writers, and looked through."""
    if not source.exists():
        raise click.ClickException(f"There is no database at {source}. Set PORTAL_DATA_DIR to where it is.")
    try:
        with closing(sqlite3.connect(source)) as stored, closing(sqlite3.connect(copy)) as copied:
            if not stored.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                raise click.ClickException(f"The database at {source} is empty. Set PORTAL_DATA_DIR to where yours is.")
            stored.backup(copied)
            found = copied.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise click.ClickException(f"There is no copy. {told_of_sqlite(error)}") from error
    if found != "ok":
        raise click.ClickException(f"The copy is damaged: {found}. Look at the disk of {source}.")


def _dump(url: URL, path: Path) -> None:
    """By PostgreSQL's own program. The owner is bound by the policies: it says that it wants all accounts' rows."""
    options = f"-c app.account_id=* -c lock_timeout=0 {os.environ.get('PGOPTIONS', '')}"
    plain = url._replace(drivername="postgresql", password=None)  # ``set`` would keep the password
    command = ["pg_dump", "--format=custom", "--enable-row-security", f"--file={path}", plain.render_as_string()]
    known = {"PGPASSWORD": url.password} if url.password else {}
    try:
        done = subprocess.run(  # noqa: S603  (the operator's own settings)
            command, env=os.environ | known | {"PGOPTIONS": options}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise click.ClickException("PostgreSQL's program pg_dump is not installed here.") from None
    if done.returncode:
        raise click.ClickException(f"pg_dump failed: {done.stderr.strip()}")
