"""Attacks by programs. ``docs/attacks.md`` lists which test is for what."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from portal.foundation.ids import new_id
from tests.api.conftest import BASE, World, problem
from tests.factories import Factory

AMOUNTS = (
    "-1", "0", "1e18", "0.005", "1,000", "１２.００", "NaN", "1e3", str(2**63), "-0", "49.001", 0.01, True, 2**63, None,
)  # fmt: skip
SET_BY_THE_SERVER: dict[str, Any] = {
    "id": str(new_id()), "status": "succeeded", "account_id": str(new_id()), "approved_by": str(new_id()),
    "decided_by": str(new_id()), "version": 7, "amount": "0.01", "currency": "VND", "submitted_by": str(new_id()),
    "created_at": "2020-01-01T00:00:00Z", "booking_id": str(new_id()), "same_text_reason": "x",
}  # fmt: skip


def report(world: World, make: Factory, reference: str = "T-1", **more: Any) -> TestResponse:
    """Report a payment, all in order but for what is given."""
    invoice = make.invoice(world.account, "49.00")
    body = {"invoice_id": str(invoice.id), "payment_method": "bank_transfer", "transaction_reference": reference}
    return world["owner"].post("/payments/manual/", body | more)


def payments(world: World) -> list[Any]:
    return list(world["owner"].get("/payments/").get_json()["data"])


@pytest.mark.parametrize("amount", AMOUNTS, ids=repr)
def test_amounts_are_nobodys_to_send(amount: object, world: World, make: Factory) -> None:
    """How much is paid follows from the invoice. A program that sends an amount is told that there is no such field."""
    answer = report(world, make, amount=amount)
    assert problem(answer) == (400, "invalid_input", [("amount", "unknown_field")])
    assert payments(world) == []


@pytest.mark.parametrize("name", SET_BY_THE_SERVER)
def test_fields_that_only_the_server_sets(name: str, world: World, make: Factory) -> None:
    answer = report(world, make, **{name: SET_BY_THE_SERVER[name]})
    assert problem(answer) == (400, "invalid_input", [(name, "unknown_field")])
    assert payments(world) == []


def test_anothers_reference_is_taken_without_a_word(world: World, make: Factory) -> None:
    """Whether another account used a reference cannot be found out by using it, be it waiting or booked."""
    theirs = make.payment(make.invoice(world.globex, "500"), world.users["stranger"], "SHARED-1")
    answers = [report(world, make, "ALONE-1"), report(world, make, "SHARED-1")]
    make.approved(theirs, world.users["reviewer"])
    again = answers[1].get_json()["data"]["id"]
    assert world["owner"].post(f"/payments/{again}/cancellation/", {}).status_code == 200
    answers.append(report(world, make, "SHARED-1"))
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    own = {"id", "payment_id", "invoice_id", "invoice_number", "transaction_reference", "created_at", "updated_at"}
    said = [{k: v for k, v in answer.get_json()["data"].items() if k not in own} for answer in answers]
    assert said[1:] == [said[0], said[0]]


def test_tokens_that_are_nearly_right(world: World, make: Factory) -> None:
    secret = make.token(world.users["owner"])
    nearly = (
        secret[:-1], secret + "A", secret[1:], secret.upper(), secret.lower(), secret.swapcase(), f" {secret[:-1]}",
        secret.replace("bp_", ""), secret + "\x00", secret + "%00", f"{secret},{secret}", "", "null", "*", "bp_",
    )  # fmt: skip

    def status(header: str) -> int:
        return world["nobody"].raw("GET", f"{BASE}/account/", headers={"Authorization": header}).status_code

    headers = [f"Bearer {guess}" for guess in nearly]
    headers += [secret, f"Basic {secret}", f"Token {secret}", f"Bearer{secret}"]
    assert [header for header in headers if status(header) != 401] == []
    assert status(f"Bearer {secret}") == 200
