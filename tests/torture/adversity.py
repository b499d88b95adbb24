"""Customers and staff who go on working by the API while something is wrong, and who remember what they were told."""

import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text
from uuid_utils.compat import uuid7

from portal.billing.payments.models import Payment
from portal.foundation import clock, ids
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import Caller
from tests.engines import listening
from tests.factories import Factory
from tests.torture import invariants

UNKNOWN = "outcome_unknown"
"""The code of an answer after which nobody knows whether it was done."""


class Office:
    """One account and its reviewers. Each invoice is reported, approved and refunded, as far as the answers go."""

    def __init__(self, app: Flask, make: Factory) -> None:
        self.app = app
        self.make = make
        self.account = make.account()
        make.method()
        people = {"owner": self.account, "reviewer": None, "admin": None}
        self._tokens = {role: make.token(make.user(role, account)) for role, account in people.items()}
        self._possible: dict[UUID, set[int]] = {}
        self.answers: Counter[tuple[int, str]] = Counter()
        self.before_each: Callable[[str], None] = lambda _role: None
        """Called with the role of whoever is about to act."""
        for role in people:
            self.caller(role).get("/payments/")  # notes that the token was used, which is not to be in the way later

    def caller(self, role: str) -> Caller:
        return Caller(self.app, self._tokens[role])

    def invoices(self, count: int) -> list[UUID]:
        return [self.make.invoice(self.account, "49.00", credits=5).id for _ in range(count)]

    def journey(self, invoice_id: UUID) -> bool:
        """Report, approve and refund a payment of the invoice. False where an answer was an error of the server."""
        self._possible[invoice_id] = {0}
        body = {
            "invoice_id": str(invoice_id),
            "payment_method": "bank_transfer",
            "transaction_reference": f"TRF {invoice_id}",
        }
        payment = self._post("owner", "/payments/manual/", body, invoice_id)
        if payment is None:
            return False
        path = f"/payments/{payment}"
        if self._post("reviewer", f"{path}/approval/", {"version": 1}, invoice_id) is None:
            return False
        return self._post("admin", f"{path}/refund/", {"version": 2, "reason": "twice"}, invoice_id) is not None

    def _post(self, role: str, path: str, body: Mapping[str, object], invoice_id: UUID) -> str | None:
        """The payment's id. None for an error of the server, which has to come in words."""
        self.before_each(role)
        answer = self.caller(role).post(path, body)
        told = answer.get_json(force=True)
        self.answers[answer.status_code, told.get("code", "ok")] += 1
        known = max(self._possible[invoice_id])
        if answer.status_code < 300:
            self._possible[invoice_id] = {known + 1}
            return str(told["data"]["id"])
        assert answer.status_code == 503, told
        assert told["success"] is False
        assert told["detail"]
        assert "sql" not in answer.text.lower()
        if told["code"] == UNKNOWN:
            self._possible[invoice_id].add(known + 1)
        return None

    def check(self) -> None:
        """What was acknowledged is there, nothing else is, and all figures agree."""
        with self.app.app_context(), across_accounts():
            rows = session.query(Payment.invoice_id, Payment.version).all()
            versions = {row.invoice_id: row.version for row in rows}
            wrong = {
                str(invoice_id): (versions.get(invoice_id, 0), possible)
                for invoice_id, possible in self._possible.items()
                if versions.get(invoice_id, 0) not in possible
            }
            assert wrong == {}
            assert len(rows) == len(versions)
            assert invariants.broken(lambda sql: session.execute(text(sql)).all()) == {}


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of this size in memory. Needs the right to mount."""
    folder = Path(mkdtemp(prefix="portal-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def can_mount() -> bool:
    """Whether this machine lets us."""
    try:
        with small_disk(1):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def filled(disk: Path, *, room: int) -> Iterator[None]:
    """The disk full but for so many bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        left = shutil.disk_usage(disk).free - room
        while left > 0:
            left -= file.write(bytes(min(left, 1 << 16)))
    try:
        yield
    finally:
        ballast.unlink()


def work_on_a_full_disk(office: Office, disk: Path, rounds: int, seed: int = 1) -> None:
    """Fill the disk, work until it shows and a little longer, make room, and go on. So many times."""
    chance = random.Random(seed)
    for _ in range(rounds):
        invoices = iter(office.invoices(80))
        with filled(disk, room=chance.randrange(1 << 16)):
            assert any(not office.journey(invoice_id) for invoice_id in invoices), "the disk never was full"
            for _ in range(3):
                office.journey(next(invoices))
            assert office.caller("owner").get("/payments/").status_code == 200
        assert office.journey(next(invoices))
        office.check()


@contextmanager
def slow(app: Flask, seconds: float) -> Iterator[None]:
    """Each statement takes so much longer."""

    def wait(*_: object) -> None:
        time.sleep(seconds)

    with listening(app, "before_cursor_execute", wait):
        yield


class Clocks:
    """The clock of each of several machines: whoever acts next does so by the one that is set."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.days: Callable[[], int] = lambda: 0
        clocks = self

        class Skewed(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + timedelta(days=clocks.days())

        patch.setattr(clock, "datetime", Skewed)
        patch.setattr(ids, "uuid7", lambda: uuid7(nanoseconds=time.time_ns() + clocks.days() * 86_400 * 10**9))

    def set(self, days: int) -> None:
        """Act on a machine whose clock is so many days ahead."""
        self.days = lambda: days
