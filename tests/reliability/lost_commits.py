"""Payments through a network that loses the answers to COMMITs, and breaks connections before them.

Each client asks, with the same key, until it is answered, as its manual tells it to.
"""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from uuid import uuid4

from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from portal.billing.invoices.models import Invoice
from portal.billing.payments.models import Payment
from portal.foundation.db import session
from portal.foundation.idempotency import IdempotencyKey
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import Caller
from tests.api.test_idempotency import REPORT, body_for, send
from tests.faults import AtCommit, Proxy
from tests.pages import Pages
from tests.reliability.conftest import World

LOST, CUT = 0.25, 0.10
CLIENTS = 4
TRIES = 50


@dataclass
class Outcome:
    """What came of it: payments by how often each is there, answers by status, and what was lost on the way."""

    payments: Counter[int] = field(default_factory=Counter)
    keys: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    fates: Counter[AtCommit] = field(default_factory=Counter)
    misled: int = 0
    """Clients that were told no, though their payment is there."""


def run(world: World, behind: Flask, network: Proxy, payments: int, *, face: str, with_key: bool = True) -> Outcome:
    """Report so many payments, each for an invoice of its own, by ``api`` or by ``form``."""
    outcome = Outcome()
    invoices = [world.make.invoice(world.account) for _ in range(payments)]
    clients = [_Client(world, behind, face, with_key=with_key) for _ in range(CLIENTS)]
    chance, guard, numbers = random.Random(7), Lock(), count()

    def fate() -> AtCommit:
        drawn = chance.random()
        chosen = AtCommit.LOSE if drawn < LOST else AtCommit.CUT if drawn < LOST + CUT else AtCommit.PASS
        outcome.fates[chosen] += 1
        return chosen

    def work(client: _Client) -> None:
        while (number := next(numbers)) < payments:
            status = client.report(invoices[number])
            with guard:
                outcome.answers[status] += 1
                outcome.misled += status not in (201, 303)

    network.at_commit = fate
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, clients))
    network.at_commit = lambda: AtCommit.PASS
    with world.app.app_context(), across_accounts():
        there = Counter(session.scalars(select(Payment.invoice_id)).all())
        outcome.keys = session.scalar(select(func.count()).select_from(IdempotencyKey)) or 0
    outcome.payments = Counter(there[invoice.id] for invoice in invoices)
    return outcome


class _Client:
    """Asks again until it is answered."""

    def __init__(self, world: World, behind: Flask, face: str, *, with_key: bool) -> None:
        self.with_key, self.face = with_key, face
        self.caller: Caller = world.caller(behind)
        self.pages: Pages = world.pages(behind)

    def report(self, invoice: Invoice) -> int:
        """The status of the first answer that is one."""
        ask = self._by_api(invoice) if self.face == "api" else self._by_form(invoice)
        for _ in range(TRIES):
            response = ask()
            if "Retry-After" not in response.headers:  # 503; 409 while the first request with the key still runs
                break
        return response.status_code

    def _by_api(self, invoice: Invoice) -> Callable[[], TestResponse]:
        body, key = body_for(invoice, f"TRF {invoice.number}"), str(uuid4())
        if self.with_key:
            return lambda: send(self.caller, REPORT, body, key)
        return lambda: self.caller.post(REPORT, body)

    def _by_form(self, invoice: Invoice) -> Callable[[], TestResponse]:
        path = f"/invoices/{invoice.id}/payment"
        form = self.pages.get(path).values | {"transaction_reference": f"TRF {invoice.number}"}
        if not self.with_key:
            del form["idempotency_key"]
        return lambda: self.pages.post(path, form).response
