"""Workers as processes: two at once deliver once, and one that is killed loses nothing."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from flask import Flask

from portal.foundation import clock
from portal.foundation.row_security import Login
from portal.webhooks import delivering, service
from portal.webhooks.due import AT_ONCE, OF_ONE_ACCOUNT
from portal.webhooks.event_types import EventType
from tests.factories import acting
from tests.serving import Serving, serving
from tests.webhooks.conftest import World, later
from tests.webhooks.receiver import answering

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60


@contextmanager
def worker(app: Flask, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, over the app's database."""
    environment = os.environ | {
        "PORTAL_ENV": "development",
        "PORTAL_SECRET_KEY": str(app.config["SECRET_KEY"]),
        "PORTAL_DATA_DIR": str(app.config["DATA_DIR"]),
        "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        **{Login(login).setting: str(bind["url"]) for login, bind in app.config["SQLALCHEMY_BINDS"].items()},
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            assert process.wait(timeout=PATIENCE) == 0


def wait_until(world: World, wanted: list[str]) -> None:
    """Wait until the deliveries have come so far."""
    ends = time.monotonic() + PATIENCE
    while (now := sorted(delivery.status for delivery in world.deliveries())) != sorted(wanted):
        assert time.monotonic() < ends, now
        time.sleep(0.2)


def report(world: World, number: int) -> None:
    for _ in range(number):
        world.make.payment(world.make.invoice(world.account), world.owner)


def test_two_workers_at_once_deliver_once(world: World) -> None:
    world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    world.endpoint(world.admin, EventType.PAYMENT_SUBMITTED)
    with worker(world.app), worker(world.app):
        report(world, 10)
        wait_until(world, ["delivered"] * 20)
    assert len(world.receiver.messages) == 20
    assert [len(delivery.attempts) for delivery in world.deliveries()] == [1] * 20


def test_threads_that_claim_at_once_get_different_deliveries(world: World) -> None:
    for user in (world.owner, world.admin):
        for _ in range(2):
            world.endpoint(user, EventType.PAYMENT_SUBMITTED)
    report(world, 3)
    with world.worker():
        delivering.hand_out()
    claimed: list[delivering.Job | None] = []
    begin = threading.Barrier(6)

    def claim() -> None:
        begin.wait()
        with world.worker():
            claimed.append(delivering.claim())

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    jobs = [job.delivery_id for job in claimed if job]
    assert len(jobs) == len(set(jobs)) > 0
    with world.worker():
        while job := delivering.claim():  # who ran into another's lock went without
            jobs.append(job.delivery_id)
    limit = 2 * AT_ONCE + OF_ONE_ACCOUNT  # of staff's endpoints, and of the account's
    assert len(jobs) == len(set(jobs)) >= limit
    with world.worker():
        assert delivering.claim() is None


def test_whoever_has_nothing_on_its_way_comes_first(world: World) -> None:
    """However much of others has been due for longer: slow endpoints of two accounts hold nobody else up."""
    globex, initech = (world.make.user("owner", world.make.account(name)) for name in ("Globex", "Initech"))
    for user in (world.owner, globex):
        for _ in range(2):
            endpoint = world.endpoint(user)
            with world.acting_for(user):
                for _ in range(5):
                    service.send_test(endpoint.id, by=acting(user))
    last = world.endpoint(initech)
    with world.acting_for(initech):
        wanted = service.send_test(last.id, by=acting(initech))
    with world.worker():
        taken = [job.delivery_id for _ in range(4) if (job := delivering.claim())]
    accounts = {delivery.id: delivery.account_id for delivery in world.deliveries()}
    assert [accounts[id_] for id_ in taken] == [
        world.owner.account_id, globex.account_id, initech.account_id, world.owner.account_id,
    ]  # fmt: skip
    assert taken[2] == wanted.id


def test_what_a_killed_worker_sent_is_sent_again(world: World) -> None:
    """It dies after the receiver has the message and before it could say so."""
    world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    report(world, 1)
    dead = threading.Event()

    def wait_for_its_death(to: BaseHTTPRequestHandler) -> None:
        dead.wait(PATIENCE)
        answering(204)(to)

    world.receiver.answers = [wait_for_its_death]
    with worker(world.app) as process:
        assert world.receiver.arrived.wait(PATIENCE)
        process.send_signal(signal.SIGKILL)
        process.wait()
    dead.set()
    (delivery,) = world.deliveries()
    assert (delivery.status, delivery.attempts) == ("pending", [])
    assert delivery.leased_until is not None
    assert delivery.leased_until > clock.now()
    assert world.work(later(seconds=61)) == 1
    first, second = world.receiver.messages
    assert (first.id, first.body) == (second.id, second.body)
    wait_until(world, ["delivered"])


def test_a_worker_sends_what_is_due_and_ends(world: World) -> None:
    world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    report(world, 3)
    with worker(world.app, "--once") as process:
        assert process.wait(timeout=PATIENCE) == 0
    assert len(world.receiver.messages) == 3


def test_the_server_brings_a_worker_along_that_ends_with_it(world: World) -> None:
    world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    with serving(world.app) as running:
        report(world, 1)
        wait_until(world, ["delivered"])
        (first,) = senders(running)
        running.kill(first)
        report(world, 1)
        wait_until(world, ["delivered"] * 2)
        (second,) = senders(running)
        assert first != second
    assert not Path(f"/proc/{second}").exists()


def senders(running: Serving) -> list[int]:
    """The processes of the server that send webhooks."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(running.process.pid)], capture_output=True, text=True, check=False
    )
    return [int(line.split(None, 1)[0]) for line in listed.stdout.splitlines() if " worker " in line]
