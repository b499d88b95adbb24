"""PUTs of one external id at one moment: one of them makes it, the others find it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.api.conftest import Caller, World
from tests.factories import Factory

TWINS = 8
INVOICE = {"number": "R-1", "lines": [{"description": "Support", "unit_price": "10.00"}], "issue": True}
ACCOUNT = {"number": "C-9", "name": "Initech SA", "country": "FR", "currency": "EUR"}


@pytest.mark.parametrize(
    ("address", "body", "listed"),
    [
        ("/accounts/by-external-id/7/", ACCOUNT, ("/accounts/", "C-9")),
        ("/accounts/{account}/invoices/by-external-id/7/", INVOICE, ("/invoices/", "R-1")),
    ],
    ids=["account", "invoice"],
)
def test_twins_make_one(
    address: str, body: dict[str, Any], listed: tuple[str, str], world: World, make: Factory
) -> None:
    start, address = Barrier(TWINS), address.format(account=world.account.id)
    callers = [Caller(world.app, make.token(world.users["admin"])) for _ in range(TWINS)]

    def put(caller: Caller) -> tuple[int, str]:
        start.wait()
        answer = caller.send("PUT", address, body)
        return answer.status_code, answer.get_json()["data"]["id"]

    with ThreadPoolExecutor(TWINS) as pool:
        answers = list(pool.map(put, callers))
    assert sorted(status for status, _ in answers) == [200] * (TWINS - 1) + [201]
    path, number = listed
    (row,) = world["admin"].get(path, q=number).get_json()["data"]
    assert {made for _, made in answers} == {row["id"]}
