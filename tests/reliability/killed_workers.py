"""Load on the real server while its processes are killed, one after the other: clients come at fixed moments, whatever
became of those before them, and each asks with its key until it is answered.
"""

import random
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import func, select

from portal.billing.payments.models import Payment, PaymentEvent
from portal.foundation.db import session
from portal.foundation.idempotency import IdempotencyKey
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import BASE
from tests.factories import Factory
from tests.serving import UNANSWERED, Answer, Serving, serving

RATE = 30.0
"""Requests a second."""
CLIENTS = 32
PATIENCE = 60.0
SPARED = 6.0
"""Seconds that a process lives at least: the server ends where one dies that is not older than 5.5."""


@dataclass
class Outcome:
    """What came of it. ``doubled`` counts payments beyond the one that a key stands for."""

    acknowledged: int
    unanswered: int
    lost: int
    doubled: int
    refused: Counter[int]


class Load:
    """Clients that report payments, each for an invoice of its own."""

    def __init__(self, server: Serving, make: Factory, *, with_key: bool) -> None:
        self.server, self.make, self.with_key = server, make, with_key
        self.account = make.account()
        self.token = make.token(make.user("owner", self.account))
        self.invoices: set[UUID] = set()
        self.acknowledged: dict[UUID, str] = {}
        self.unanswered, self.refused = 0, Counter[int]()
        self.over = threading.Event()
        self._guard = threading.Lock()

    def run(self) -> None:
        """Send at fixed moments until it is over, and wait for all answers."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            sent: list[Future[None]] = []
            began = time.monotonic()
            while not self.over.wait(max(0.0, began + len(sent) / RATE - time.monotonic())):
                sent.append(pool.submit(self._report))
        for report in sent:
            report.result()  # raises what went wrong in the client itself

    def _report(self) -> None:
        invoice_id = self.make.invoice(self.account).id
        with self._guard:
            self.invoices.add(invoice_id)
        key = {"Idempotency_Key": str(uuid4())} if self.with_key else {}
        body = {"invoice_id": str(invoice_id), "payment_method": "bank_transfer", "reference": f"TRF {invoice_id}"}
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            answer = self._ask(body, key)
            if answer is not None and answer.status == 201:
                self.acknowledged[invoice_id] = answer.data["id"]
                return
            if answer is not None and answer.status not in (409, 503):
                break
            if answer is not None and answer.status == 409 and b"idempotency_key_in_use" not in answer.body:
                break
            time.sleep(0.05)
        with self._guard:
            self.refused[answer.status if answer else 0] += 1

    def _ask(self, body: dict[str, str], key: dict[str, str]) -> Answer | None:
        try:
            return self.server.ask(
                f"{BASE}/payments/manual/", body, Authorization=f"Bearer {self.token}", timeout=10, **key
            )
        except UNANSWERED:
            with self._guard:
                self.unanswered += 1
            return None


def run(app: Flask, make: Factory, *, kills: int, with_key: bool = True) -> Outcome:
    """Kill processes of the server one after the other under load until ``kills`` of them took a request with them, and
    count what is there afterwards.

    Without keys it ends as soon as a client was refused: that is what is looked for.
    """
    with serving(app) as server, ThreadPoolExecutor(1) as pool:
        load = Load(server, make, with_key=with_key)
        loading = pool.submit(load.run)
        try:
            _kill(server, load, kills)
        finally:
            load.over.set()
        loading.result()
    return _count(app, load)


def _kill(server: Serving, load: Load, kills: int) -> None:
    """At random moments, and never one that has just begun: the server takes that for a fault of the code."""
    chance = random.Random(3)
    seen = dict.fromkeys(server.workers(), time.monotonic())
    hits = 0
    while hits < kills:
        victim = min(seen, key=lambda pid: seen[pid])
        time.sleep(max(chance.uniform(0.5, 1.5), seen[victim] + SPARED - time.monotonic()))
        unanswered = load.unanswered
        server.kill(victim)
        seen = {pid: seen.get(pid, time.monotonic()) for pid in _replaced(server, victim)}
        hits += load.unanswered > unanswered
        if load.refused and not load.with_key:
            return


def _replaced(server: Serving, victim: int) -> list[int]:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        workers = server.workers()
        if len(workers) == 2 and victim not in workers:
            return workers
        assert server.process.poll() is None, "the server ended"
        time.sleep(0.05)
    raise TimeoutError("a killed process was not replaced")


def _count(app: Flask, load: Load) -> Outcome:
    with app.app_context(), across_accounts():
        rows = session.execute(select(Payment.id, Payment.invoice_id)).all()
        mine = {payment_id: invoice_id for payment_id, invoice_id in rows if invoice_id in load.invoices}
        events = session.scalar(select(func.count()).select_from(PaymentEvent)) or 0
        keys = session.scalar(select(func.count()).select_from(IdempotencyKey)) or 0
    assert events == len(rows), "a payment without its event"
    assert not load.with_key or keys == len(mine), "a key without its payment, or a payment without its key"
    lost = sum(UUID(payment_id) not in mine for payment_id in load.acknowledged.values())
    doubled = len(mine) - len(set(mine.values()))
    return Outcome(len(load.acknowledged), load.unanswered, lost, doubled, load.refused)
