"""The worker: sends webhooks and mails, writes digests, keeps figures fresh. Any number may run, on any machine.

``serve`` brings one along.
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Lock, Thread, get_ident
from time import monotonic

import click
from flask import Flask, current_app
from sqlalchemy.exc import DBAPIError

from portal.accounts.links import is_over
from portal.billing.payments.decision_times import renew_decision_times
from portal.billing.payments.digests import write_digests
from portal.cli.speaking import speaking
from portal.config import ROOT
from portal.documents.enclosures import enclosed_with
from portal.foundation.db import session
from portal.foundation.outages import outage
from portal.foundation.refusals import OutcomeUnknown
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from portal.foundation.turns import NoTurn
from portal.mail import delivering as mails
from portal.safety import check_settings
from portal.webhooks import delivering
from portal.webhooks.service import reseal_secrets

THREADS = 4
"""So many deliveries are on their way together at most. They wait for other people's servers."""
PAUSE = 1.0
"""Seconds after which an idle worker looks again."""
STOP_SECONDS = 10
"""How long a server that stops lets its worker finish."""
_AFTER_A_FAILURE = 5.0
_log = logging.getLogger("portal.webhooks")


@click.command("worker")
@click.option("--once", is_flag=True, help="Send what is due now, and end.")
@click.option("--parent", type=int, hidden=True, help="End when this process is the parent no more.")
@speaking
def worker_command(once: bool, parent: int | None) -> None:
    """Send webhooks and mails until Ctrl-C: each goes to whoever is told, again and again until it is taken."""
    check_settings(current_app)  # mails hold links to the portal, and what seals secrets is the servers' key
    reseal_secrets()
    if once:
        renew_decision_times()
        write_digests()
        send_what_is_due()
        return
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    run(current_app._get_current_object(), stop, parent)  # type: ignore[attr-defined]  # noqa: SLF001


def deliver_mail() -> bool:
    """Send one mail that is due, with what goes along, unless its link is over."""
    return mails.deliver_next(partial(enclosed_with, stationery=current_app.config["STATIONERY"]), is_over)


_STEPS: tuple[Callable[[], object], ...] = (
    delivering.hand_out, delivering.give_up, delivering.deliver_next, deliver_mail, mails.give_up_stale,
)  # fmt: skip


def send_what_is_due() -> None:
    """Hand out and deliver until nothing is due."""
    while any(step() for step in _STEPS):
        session.remove()


def run(app: Flask, stop: Event, parent: int | None = None) -> None:
    """Deliver in threads, until told to stop. What is on its way then is sent to its end."""
    seldom_steps = [seldom(renew_decision_times), seldom(write_digests)]
    steps = [*_STEPS, *[delivering.deliver_next] * (THREADS - 1), *seldom_steps]
    absence = _Absence()
    threads = [Thread(target=_work, args=(app, stop, step, absence)) for step in steps]
    for thread in threads:
        thread.start()
    while not stop.wait(PAUSE):
        if parent is not None and os.getppid() != parent:
            stop.set()
    for thread in threads:
        thread.join()


def seldom(step: Callable[[], object], seconds: float = 60) -> Callable[[], object]:
    """The step, taken at most once in so many seconds."""
    taken_at = -seconds

    def take() -> object:
        nonlocal taken_at
        if monotonic() - taken_at < seconds:
            return False
        taken_at = monotonic()
        return step()

    return take


class _Absence:
    """Says once that the database does not do its work, and once that it does again, whatever number of threads ask."""

    def __init__(self) -> None:
        self._lock, self._missing = Lock(), set[int]()

    def met(self, error: Exception) -> None:
        """This thread could not do its step."""
        with self._lock:
            if not self._missing:
                words = " ".join(str(getattr(error, "orig", None) or error).split())
                _log.warning("the worker waits for the database: %s: %s", outage(error) or type(error).__name__, words)
            self._missing.add(get_ident())

    def over(self) -> None:
        """This thread could."""
        if get_ident() not in self._missing:
            return
        with self._lock:
            self._missing.remove(get_ident())
            if not self._missing:
                _log.warning("the database answers the worker again")


def _work(app: Flask, stop: Event, step: Callable[[], object], absence: _Absence) -> None:
    """Do one step after the other; pause where there was nothing to do, longer where something is wrong."""
    while not stop.is_set():
        pause = PAUSE
        with app.app_context(), across_accounts(), by_login(Login.WORKER):
            try:
                is_done = step()
                absence.over()
                if is_done:
                    continue
            except (DBAPIError, OutcomeUnknown, NoTurn) as error:
                absence.met(error)
                pause = _AFTER_A_FAILURE
            except Exception:  # noqa: BLE001  (a worker that ended would keep everybody from hearing anything)
                _log.exception("a webhook or a mail could not be sent")
                pause = _AFTER_A_FAILURE
        stop.wait(pause)


@contextmanager
def beside_a_worker() -> Iterator[None]:
    """Have a worker in a process of its own for the block. One that dies is replaced; it ends with this process.

    Where the logins are separate and this process has not got the worker's, none is started.
    """
    binds = current_app.config["SQLALCHEMY_BINDS"]
    if binds and Login.WORKER not in binds:
        click.echo("  Nothing is sent from here: set DATABASE_WORKER_URL, or run flask worker where it is set.")
        yield
        return
    stop, first = Event(), _start(os.getpid())  # before there is a thread: the server forks
    keeper = Thread(target=_keep_running, args=(first, stop))
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def _start(parent: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker", f"--parent={parent}"]
    return subprocess.Popen(command, cwd=ROOT)  # noqa: S603  (our own program)


def _keep_running(process: subprocess.Popen[bytes], stop: Event) -> None:
    while not stop.wait(PAUSE):
        if process.poll() is not None and not stop.wait(_AFTER_A_FAILURE):
            process = _start(os.getpid())
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:  # what it sends just now is sent again when its lease is over
        process.kill()
        process.wait()
