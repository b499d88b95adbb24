"""Serving: all that stands between a fresh checkout and a running portal, with one sentence for what is wrong."""

import errno
import os
import shutil
import socket
from contextlib import nullcontext
from pathlib import Path

import click
from flask import current_app
from flask_migrate import upgrade
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server
from sqlalchemy.exc import DatabaseError

from portal.accounts.passwords import DEMO_PASSWORD, is_demo
from portal.cli.demo import SIGN_INS, load_demo_once
from portal.cli.speaking import INSUFFICIENT_PRIVILEGE, shown, speaking
from portal.cli.worker import beside_a_worker
from portal.foundation.db import db
from portal.foundation.logs import SERVER_LOGS
from portal.foundation.outages import sqlstate
from portal.foundation.releases import Tables, tables_of
from portal.http.metrics import share_among_processes
from portal.safety import check_before_serving, check_logins, check_settings, settle_environment
from portal.web.dev_mail import show_mails

# Two processes keep the portal answering while one is busy; their threads wait for the database, not for each other.
WORKERS, THREADS = 2, 4
STOP_SECONDS = 10
"""How long a stopping server lets requests finish; each of them waits for the database less than that."""
RESPAWN_SECONDS = 0.5


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", envvar="PORT", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=WORKERS, show_default=True, type=click.IntRange(1, 64))
@click.option("--demo", is_flag=True, help="Load the demo if the database is empty.")
@click.option("--webhooks/--no-webhooks", default=True, show_default=True, help="Send webhooks as well.")
@speaking
def serve_command(host: str, port: int, workers: int, demo: bool, webhooks: bool) -> None:
    """Migrate, and serve with a production server until Ctrl-C."""
    settle_environment(current_app, demo=demo, host=host)
    show_mails(current_app)
    check_settings(current_app)
    _check_port(host, port)
    check_logins(current_app)
    _migrate()
    if demo:
        load_demo_once()
    check_before_serving(current_app)
    os.environ["PORT"] = str(port)  # for links in mails, where no other address is set
    _greet(host, port)
    db.session.remove()
    for engine in db.engines.values():
        engine.dispose()  # the server's processes open their own connections
    _keep_figures_in(Path(current_app.config["DATA_DIR"]) / f"metrics-{port}")
    server = Server(
        "wsgi:app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        respawn_failed_workers=True,
        respawn_interval=RESPAWN_SECONDS,
        workers_kill_timeout=STOP_SECONDS,
        log_enabled=True,
        log_level=LogLevels.warning,
        log_dictconfig=SERVER_LOGS,
        http=HTTPModes.http1,  # proxies speak it, and its headers have a limit
        http1_settings=HTTP1Settings(max_buffer_size=64 * 1024),
    )
    with beside_a_worker() if webhooks else nullcontext():
        server.serve()


def _migrate() -> None:
    """Migrate where this release is the newer one. Else the database serves it as it is."""
    with db.engine.connect() as connection:
        tables = tables_of(connection, str(current_app.extensions["migrate"].directory))
    if tables is Tables.NEWER:
        click.echo("  The database is of a newer release: its tables stay as they are.")
        return
    try:
        upgrade()
    except DatabaseError as error:
        if sqlstate(error) != INSUFFICIENT_PRIVILEGE:
            raise
        message = "The tables are of an earlier release, or not there yet: run db upgrade with the owner's settings."
        raise click.ClickException(message) from error


def _keep_figures_in(folder: Path) -> None:
    """Where the processes keep their figures. What an earlier server counted is over."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    share_among_processes(folder)


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(_why_not(host, port, error)) from error


def _why_not(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine ({error.strerror}). Name another: --host 127.0.0.1"
    other = f"PORT={port + 1} make run" if current_app.config["ENVIRONMENT"] == "demo" else "--port NUMBER"
    return f"Port {port} on {host} cannot be used ({error.strerror}). Choose another: {other}"


def _greet(host: str, port: int) -> None:
    name = f"[{host}]" if ":" in host else host
    click.echo(f"\n  Billing Portal: http://{name}:{port}/\n")
    if is_demo():
        click.echo(f"  Demo sign-ins, password {DEMO_PASSWORD}:")
        for address in SIGN_INS:
            click.echo(f"    {address}")
        click.echo("")
    click.echo(f"  Data: {shown(db.engine.url)}. Ctrl-C ends.\n")
