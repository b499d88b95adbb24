"""PgBouncer in transaction mode in front of the tests' PostgreSQL: the machine's own, else Debian's package."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from portal.foundation.row_security import Login
from tests.postgres import PREFIX, Server, other_user

PORT = 6432
"""Part of the socket's name; no port is opened."""
_INSTALL = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends", "pgbouncer"]


def binary() -> str:
    """The program. As root on Debian it is installed where it lacks; its service is not started."""
    found = _found()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        # In runlevel 1 a package starts nothing.
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        for command in (["apt-get", "update"], _INSTALL):
            subprocess.run(command, env=quiet, capture_output=True, check=False)
        found = _found()
    if found is None:
        raise RuntimeError("These tests need PgBouncer. Install it: apt-get install pgbouncer")
    return found


def _found() -> str | None:
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")


@contextmanager
def in_front_of(server: Server, *, connections: int = 1) -> Iterator[dict[str, Any]]:
    """A PgBouncer with this many connections per login and database; what ``server.settings`` takes to go by it."""
    program, folder = binary(), Path(mkdtemp(prefix="portal-pgb-"))
    account = other_user() if os.geteuid() == 0 else None
    settings = {
        "listen_addr": "", "listen_port": PORT, "unix_socket_dir": folder, "pool_mode": "transaction",
        "auth_type": "trust", "auth_file": folder / "users", "default_pool_size": connections,
        "max_client_conn": 200, "logfile": folder / "log", "pidfile": folder / "pid", "syslog": 0,
    }  # fmt: skip
    lines = [f"{name} = {value}" for name, value in settings.items()]
    (folder / "users").write_text("".join(f'"{PREFIX}_{login}" ""\n' for login in Login))
    (folder / "ini").write_text("\n".join([f"[databases]\n* = host={server.folder}\n[pgbouncer]", *lines, ""]))
    if account:
        for path in (folder, folder / "ini", folder / "users"):
            shutil.chown(path, account.pw_uid, account.pw_gid)
    running = subprocess.Popen(
        [program, "-q", str(folder / "ini")],
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(folder)
        yield {"host": str(folder), "port": PORT}
    finally:
        running.kill()
        running.wait()
        shutil.rmtree(folder)


def _wait(folder: Path) -> None:
    for _ in range(200):
        if (folder / f".s.PGSQL.{PORT}").exists():
            return
        time.sleep(0.05)
    raise RuntimeError(f"PgBouncer did not start: {(folder / 'log').read_text()}")
