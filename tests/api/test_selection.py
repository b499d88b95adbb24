"""``fields`` and ``expand`` of payments: less of them, or more, and never of anybody else."""

from typing import Any

import pytest
from flask import Flask

from portal.billing.payments.proofs.models import KEPT_FOR
from portal.foundation import clock
from tests.api.conftest import Caller, World, problem, report
from tests.engines import listening
from tests.factories import Factory


def test_some_fields_of_one(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account, "49.00").id)
    answer = world["owner"].get(f"/payments/{payment['id']}/", fields="status,amount")
    assert answer.get_json()["data"] == {"id": payment["id"], "status": "pending_approval", "amount": "49.00"}


def test_one_has_its_events_unless_fields_are_named(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account).id)
    whole = world["owner"].get(f"/payments/{payment['id']}/").get_json()["data"]
    assert whole == payment | {"events": whole["events"], "tracking": whole["tracking"], "proofs": []}
    assert [event["action"] for event in whole["events"]] == ["submit"]
    named = world["owner"].get(f"/payments/{payment['id']}/", fields="id", expand="events").get_json()["data"]
    assert named == {"id": payment["id"], "events": whole["events"]}


def test_a_proof_says_whether_its_file_is_still_there(app: Flask, world: World, make: Factory) -> None:
    owner = world.users["owner"]
    payment = make.payment(make.invoice(world.account), owner)
    proof = make.proof(payment, owner)
    make.withdrawn(payment, owner)

    def read() -> Any:
        return world["owner"].get(f"/payments/{payment.id}/").get_json()["data"]["proofs"][0]

    before = read()
    with clock.set_to(clock.now() + KEPT_FOR):
        app.test_cli_runner().invoke(args=["purge"])
    assert (before["id"], before["size"], before["is_kept"]) == (str(proof.id), 3, True)
    assert read() == before | {"is_kept": False}


def test_lists_with_invoices_and_events(world: World, make: Factory) -> None:
    invoices = [make.invoice(world.account, number=f"INV-{number}") for number in range(3)]
    payments = [report(world, invoice.id, invoice.number) for invoice in invoices]
    rows = world["owner"].get("/payments/", fields="version", expand="invoice,events").get_json()["data"]
    assert [(row["id"], row["version"], row["invoice"]["number"], row["events"][0]["actor"]) for row in rows] == [
        (payment["id"], 1, invoice.number, "you")
        for payment, invoice in reversed([*zip(payments, invoices, strict=True)])
    ]
    assert set(rows[0]) == {"id", "version", "invoice", "events"}
    assert rows[0]["invoice"] == world["owner"].get("/invoices/").get_json()["data"][0]


def test_customers_read_no_more_in_an_expansion(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account).id)
    world["reviewer"].post(f"/payments/{payment['id']}/rejection/", {"version": 1, "reason": "Not here."})
    customers, staffs = (
        world[who].get("/payments/", expand="invoice,events", fields="account_id").get_json()["data"][0]
        for who in ("viewer", "reviewer")
    )
    assert [event["actor"] for event in customers["events"]] == ["Olga Owner", "our staff"]
    assert [event["actor"] for event in staffs["events"]] == ["Olga Owner", "you"]
    assert ("account_id" in customers, "account_id" in customers["invoice"]) == (False, False)
    assert staffs["account_id"] == staffs["invoice"]["account_id"] == str(world.account.id)


def test_an_expansion_costs_the_same_for_any_number_of_rows(world: World, make: Factory, app: Flask) -> None:
    def statements() -> int:
        counted = []
        with listening(app, "before_cursor_execute", lambda *given: counted.append(given[2])):
            world["owner"].get("/payments/", expand="invoice,events")
        return len(counted)

    report(world, make.invoice(world.account).id, "TRF-0")
    world["owner"].get("/payments/")  # notes the token's use
    one = statements()
    for number in range(1, 10):
        report(world, make.invoice(world.account).id, f"TRF-{number}")
    assert statements() == one > 0


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"fields": "events"}, [("fields", "invalid")]),
        ({"fields": "id,nonsense"}, [("fields", "invalid")]),
        ({"expand": "account"}, [("expand", "invalid")]),
        ({"expand": ["invoice", "events"]}, [("expand", "repeated")]),
        ({"fields": "__class__"}, [("fields", "invalid")]),
    ],
)
def test_names_that_there_are_not(query: dict[str, str], fields: list[tuple[str, str]], world: World) -> None:
    answer = world["owner"].get("/payments/", **query)
    assert problem(answer) == (400, "invalid_input", fields)


def test_nothing_named_is_everything(world: World, make: Factory) -> None:
    report(world, make.invoice(world.account).id)
    whole, named = (world["owner"].get("/payments/", **query) for query in ({}, {"fields": "", "expand": ""}))
    assert whole.get_json()["data"] == named.get_json()["data"]


def test_an_invoice_needs_its_own_scope(world: World, make: Factory) -> None:
    report(world, make.invoice(world.account).id)
    narrow = Caller(world.app, make.token(world.users["owner"], scopes=["payments:read"]))
    refused = narrow.get("/payments/", expand="invoice")
    assert (problem(refused)[:2], refused.get_json()["scope"]) == ((403, "scope_missing"), "invoices:read")
    assert len(narrow.get("/payments/", expand="events,tracking").get_json()["data"]) == 1
