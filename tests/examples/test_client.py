"""The client that the project hands out, run as a developer would run it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
from flask import Flask
from standardwebhooks.webhooks import Webhook

from examples.client import Portal, Refused, verified
from portal.accounts.models import Account
from tests.factories import Factory
from tests.serving import ROOT, Serving, serving

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = json.dumps({"type": "invoice.paid", "data": {"number": "INV-1"}})
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def server(app: Flask) -> Iterator[Serving]:
    with serving(app) as running:
        yield running


@pytest.fixture
def account(make: Factory) -> Account:
    make.method()
    return make.account()


@pytest.fixture
def portal(account: Account, make: Factory, server: Serving) -> Portal:
    return Portal(f"http://127.0.0.1:{server.port}", make.token(make.user("owner", account)))


def run(portal: Portal, *arguments: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "examples/client.py"), *arguments],
        env=os.environ | {"PORTAL_URL": portal.url, "PORTAL_TOKEN": portal.token},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout, ran.stderr


def test_its_commands(portal: Portal, account: Account, make: Factory) -> None:
    first, second = (make.invoice(account, "49.00", number=number) for number in ("INV-1", "INV-10"))
    due = first.due_date
    assert run(portal, "invoices") == (0, f"INV-10  49.00 EUR  due {due}\nINV-1  49.00 EUR  due {due}\n", "")
    code, told, _ = run(portal, "pay", "INV-1", "bank_transfer", "TRF 4711")
    assert (code, told[36:], bool(UUID(told[:36]))) == (0, "  49.00 EUR  pending_approval\n", True)
    assert run(portal, "payments") == (0, "INV-1  49.00 EUR  pending_approval\n", "")
    assert [row["invoice_id"] for row in portal.all("/payments/")] == [str(first.id)]
    code, _, said = run(portal, "pay", "INV-1", "bank_transfer", "TRF 4711")
    assert (code, said.partition(":")[0]) == (1, "open_payment_exists")
    assert second.number in run(portal, "invoices")[1]
    assert run(portal)[1].startswith("A client of the Billing Portal's API")


def test_it_follows_the_pages(portal: Portal, account: Account, make: Factory) -> None:
    numbers = [make.invoice(account).number for _ in range(5)]
    assert [row["number"] for row in portal.all("/invoices/", page_size="2")] == numbers[::-1]


class _Unlucky(BaseHTTPRequestHandler):
    """Stands before the portal: its first answer is lost, the second comes at a bad time, the third goes well."""

    target = ""
    came: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.came.append(self.headers["Idempotency-Key"])
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(self.came) == 2:
            problem = {"code": "database_busy", "detail": "Busy."}
            return self._answer(503, json.dumps(problem).encode(), {"Retry-After": "0"})
        asked = Request(self.target + self.path, body, dict(self.headers.items()))
        with urlopen(asked) as answer:
            told = answer.read()
        return None if len(self.came) == 1 else self._answer(answer.status, told, {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_it_asks_again_until_it_is_done_once(portal: Portal, account: Account, make: Factory) -> None:
    body = {"invoice_id": str(make.invoice(account).id), "payment_method": "bank_transfer", "reference": "TRF 1"}
    _Unlucky.target, _Unlucky.came[:] = portal.url, []
    with HTTPServer(("127.0.0.1", 0), _Unlucky) as unlucky:
        Thread(target=unlucky.serve_forever, daemon=True).start()
        done = Portal(f"http://127.0.0.1:{unlucky.server_port}", portal.token).post("/payments/manual/", body)
        unlucky.shutdown()
    assert (len(_Unlucky.came), len(set(_Unlucky.came))) == (3, 1)
    assert [row["id"] for row in portal.all("/payments/")] == [done["id"]]
    with pytest.raises(Refused, match="open_payment_exists"):
        portal.post("/payments/manual/", body)


def signed(when: datetime) -> dict[str, str]:
    """The headers of a message, as the public library of the format makes them."""
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(when.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", when, MESSAGE),
    }


def test_it_takes_a_genuine_message(database: str) -> None:
    assert verified(SECRET, signed(datetime.now(UTC)), MESSAGE.encode())["data"]["number"] == "INV-1"
    two = signed(datetime.now(UTC))
    two["webhook-signature"] = f"v1,AAAA {two['webhook-signature']}"
    assert verified(SECRET, two, MESSAGE.encode())["type"] == "invoice.paid"


@pytest.mark.parametrize("age", [-400, 400])
def test_it_takes_no_old_message(age: int, database: str) -> None:
    with pytest.raises(ValueError, match="too old"):
        verified(SECRET, signed(datetime.now(UTC) - timedelta(seconds=age)), MESSAGE.encode())


def test_it_takes_no_other_message(database: str) -> None:
    with pytest.raises(ValueError, match="not signed"):
        verified(SECRET, signed(datetime.now(UTC)), MESSAGE.replace("INV-1", "INV-2").encode())
