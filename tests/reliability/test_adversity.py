"""A full disk, clocks that disagree by days, a slow database: for a short time. ``make torture`` keeps it up."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from flask import Flask

from portal.foundation import clock
from portal.foundation.db import db
from tests.factories import Factory
from tests.torture.adversity import Clocks, Office, slow
from tests.torture.walker import walk


@pytest.fixture
def office(app: Flask, make: Factory) -> Office:
    return Office(app, make)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def test_history_goes_by_version_where_clocks_disagree(office: Office, clocks: Clocks) -> None:
    machines = {"owner": 1, "reviewer": -1, "admin": 0}
    (invoice,) = office.invoices(1)
    office.before_each = lambda role: clocks.set(machines[role])
    assert office.journey(invoice)
    office.check()
    (payment,) = office.caller("owner").get("/payments/").get_json()["data"]
    events = office.caller("owner").get(f"/payments/{payment['id']}/").get_json()["data"]["events"]
    assert [event["action"] for event in events] == ["submit", "approve", "refund"]
    assert [event["version"] for event in events] == [1, 2, 3]
    times = [event["at"] for event in events]
    assert times != sorted(times)  # so the clocks did disagree


def test_pages_show_each_payment_once_where_clocks_disagree(office: Office, clocks: Clocks) -> None:
    chance = Random(5)
    office.before_each = lambda _role: clocks.set(chance.choice((-1, 0, 1)))
    first = office.invoices(20)
    assert all(office.journey(invoice) for invoice in first)
    seen: list[str] = []
    path: str | None = "/api/v1/billing/payments/?page_size=3"
    while path:
        page = office.caller("owner").raw("GET", path).get_json()
        seen += [row["invoice_id"] for row in page["data"]]
        path = page["pagination"]["next"]
        assert office.journey(*office.invoices(1))
    assert len(seen) == len(set(seen))
    assert set(map(str, first)) <= set(seen)


def test_a_walk_while_the_clock_jumps(app: Flask, clocks: Clocks) -> None:
    chance = Random(3)
    clocks.days = lambda: chance.choice((-1, 0, 1))
    assert abs(clock.now() - clock.now()).days in range(3)
    assert walk(app, seed=3, steps=300).total() == 300


def test_four_clerks_on_a_slow_database(office: Office) -> None:
    invoices = office.invoices(6)
    with slow(office.app, 0.02), ThreadPoolExecutor(4) as pool:
        list(pool.map(office.journey, invoices))
    office.check()
    (last,) = office.invoices(1)
    assert office.journey(last)


def test_the_office_notices_what_is_missing(office: Office) -> None:
    """That ``check`` is no formality."""
    (invoice,) = office.invoices(1)
    assert office.journey(invoice)
    with office.app.app_context():
        office.check()
        office._possible[invoice] = {2}
        with pytest.raises(AssertionError):
            office.check()
        db.session.remove()
