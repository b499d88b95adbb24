"""A client of the Billing Portal's API in one file, with Python's standard library alone. Take what you need.

    export PORTAL_URL=http://127.0.0.1:8000 PORTAL_TOKEN=…
    python client.py invoices                                    what is open
    python client.py pay INV-2026-00042 bank_transfer "TRF 4711"  report that you sent the money
    python client.py payments                                    where each payment stands

``Portal`` retries what is safe to retry, always with the same key, so that nothing is done twice. ``verified`` reads a
webhook's message, or raises if it does not come from the portal.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

BASE = "/api/v1/billing"
ATTEMPTS = 8
WEBHOOK_TOLERANCE = 300
"""Seconds that a webhook's message may be old, or from the future."""


class Refused(Exception):
    """The portal said no. ``code`` is a stable word, ``problem`` the whole answer (RFC 9457)."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.code, self.problem = problem["code"], problem


class Portal:
    """The API at ``url``, as the user of ``token``."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url.rstrip("/"), token

    def all(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page."""
        following = f"{BASE}{path}?{urllib.parse.urlencode(query)}" if query else BASE + path
        while following:
            page = self._ask("GET", following)
            yield from page["data"]
            following = page["pagination"]["next"]

    def get(self, path: str) -> Any:
        """What is at a path."""
        return self._ask("GET", BASE + path)["data"]

    def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> Any:
        """Do something once. Keep ``key`` beside what it is for, if your program may be started again in between."""
        return self._ask("POST", BASE + path, body, key or str(uuid.uuid4()))["data"]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, key: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": str(key)}
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(1, ATTEMPTS + 1):
            asked = urllib.request.Request(self.url + path, data, headers, method=method)
            wait = min(2**attempt / 10, 10.0)
            try:
                with urllib.request.urlopen(asked, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                problem = json.load(error)
                passes = error.code in (429, 503) or problem["code"] == "idempotency_key_in_use"
                if not passes or attempt == ATTEMPTS:
                    raise Refused(problem) from None
                wait = float(error.headers.get("Retry-After", wait))
            except OSError:  # no answer: it may be done or not, and the key makes it safe to ask again
                if attempt == ATTEMPTS:
                    raise
            time.sleep(wait)
        raise AssertionError("unreachable")


def verified(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> dict[str, Any]:
    """The event of a webhook's message (Standard Webhooks 1.0). Raises ValueError unless it is genuine and fresh.

    ``headers`` by lower-case name. A message may come twice: remember the ``webhook-id`` of those that you carried out.
    """
    sent = headers["webhook-timestamp"]
    if abs((time.time() if now is None else now) - int(sent)) > WEBHOOK_TOLERANCE:
        raise ValueError("this message is too old, or from the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{sent}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    if not any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split()):
        raise ValueError("this message was not signed with our secret")
    event: dict[str, Any] = json.loads(body)
    return event


def main(arguments: list[str]) -> None:
    """Carry out one command."""
    if not {"PORTAL_URL", "PORTAL_TOKEN"} <= os.environ.keys():
        sys.exit("Set PORTAL_URL and PORTAL_TOKEN.")
    portal = Portal(os.environ["PORTAL_URL"], os.environ["PORTAL_TOKEN"])
    match arguments:
        case ["invoices"]:
            for row in portal.all("/invoices/", status="open"):
                print(f"{row['number']}  {row['outstanding']} {row['currency']}  due {row['due_date']}")
        case ["payments"]:
            for row in portal.all("/payments/"):
                print(f"{row['invoice_number']}  {row['amount']} {row['currency']}  {row['status']}")
        case ["pay", number, method, reference]:
            invoice = next((row for row in portal.all("/invoices/", q=number) if row["number"] == number), None)
            if invoice is None:
                sys.exit(f"There is no invoice {number}.")
            body = {"invoice_id": invoice["id"], "payment_method": method, "transaction_reference": reference}
            payment = portal.post("/payments/manual/", body)
            print(f"{payment['id']}  {payment['amount']} {payment['currency']}  {payment['status']}")
        case _:
            print(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Refused as refused:
        sys.exit(str(refused))
