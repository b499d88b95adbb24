"""The real server: it stops with what it has begun done, and a killed process takes nothing with it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from tests.api.conftest import BASE
from tests.api.test_idempotency import REPORT, body_for
from tests.faults import AtCommit, Proxy
from tests.reliability.conftest import World
from tests.reliability.killed_workers import run as kill_under_load
from tests.reliability.test_commits import payments_in
from tests.reliability.test_outages import another_writer, file_of
from tests.serving import UNANSWERED, Serving, serving


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_it_stops_when_what_it_has_begun_is_done(world: World) -> None:
    """A request waits for the write lock when the server is told to stop; it is answered, and then the server ends."""
    body = body_for(world.make.invoice(world.account))
    with serving(world.app) as server, ThreadPoolExecutor(1) as pool:
        with another_writer(file_of(world)):
            asked = pool.submit(server.ask, BASE + REPORT, body, Authorization=f"Bearer {world.token}")
            time.sleep(0.5)
            server.process.terminate()
            time.sleep(0.5)
            assert not asked.done()
            with pytest.raises(UNANSWERED):
                server.ask("/healthz", timeout=1)
        assert asked.result().status == 201
        assert server.process.wait(timeout=15) == 0
    assert payments_in(world.app) == 1


def figure(server: Serving, name: str) -> float:
    lines = server.ask("/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_its_processes_tell_their_figures_together(world: World) -> None:
    with serving(world.app) as server:
        before = figure(server, 'portal_requests_total{method="GET",route="/healthz"')
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: server.ask("/healthz"), range(40)))
        assert figure(server, 'portal_requests_total{method="GET",route="/healthz"') == before + 40
        assert len(server.workers()) == 2


def test_killed_processes_lose_nothing(app: Flask, world: World) -> None:
    outcome = kill_under_load(app, world.make, kills=2)
    assert outcome.lost == outcome.doubled == 0
    assert outcome.acknowledged > 0
    assert outcome.unanswered >= 2


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_killed_between_commit_and_answer(world: World, behind: Flask, network: Proxy) -> None:
    """The payment is there and nobody was told; whoever asks again with the same key gets the first answer."""
    body = body_for(world.make.invoice(world.account))
    caller = {"Authorization": f"Bearer {world.token}", "Idempotency_Key": "kept"}
    committing = threading.Event()

    def hold_the_answer() -> AtCommit:
        network.freeze()
        committing.set()
        return AtCommit.PASS

    with serving(behind) as server, ThreadPoolExecutor(1) as pool:
        network.at_commit = hold_the_answer
        asked = pool.submit(server.ask, BASE + REPORT, body, timeout=20, **caller)
        assert committing.wait(20)
        while payments_in(world.app) == 0:
            time.sleep(0.05)
        for pid in server.workers():
            server.kill(pid)
        network.at_commit = lambda: AtCommit.PASS
        network.thaw()
        with pytest.raises(UNANSWERED):
            asked.result()
        server.wait_until_it_answers()
        again = server.ask(BASE + REPORT, body, timeout=20, **caller)
    assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
    assert payments_in(world.app) == 1
