"""Decisions on payments by the API: on a version that was seen, named in the body or by the payment's tag."""

from typing import Any

import pytest

from portal.api.schemas.values import Id
from tests.api.conftest import BASE, World, problem, report
from tests.factories import Factory


def test_a_decision_on_a_decided_payment_says_who_and_when(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account).id)
    path = f"/payments/{payment['id']}"
    assert world["reviewer"].post(f"{path}/approval/", {"version": 1}).get_json()["data"]["status"] == "succeeded"
    late = world["admin"].post(f"{path}/rejection/", {"version": 1, "reason": "nothing came"})
    assert problem(late) == (409, "payment_already_decided", [("version", "payment_already_decided")])
    body = late.get_json(force=True)
    assert body["detail"].startswith("This payment was approved by Rita Reviewer on 20")
    assert (body["current_status"], body["current_version"]) == ("succeeded", 2)
    withdrawn = world["owner"].post(f"{path}/cancellation/")
    assert problem(withdrawn)[:2] == (409, "payment_already_decided")
    assert "Rita" not in withdrawn.get_json(force=True)["detail"]


def test_refund_and_rejection(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account, credits=3).id)
    path = f"/payments/{payment['id']}"
    world["reviewer"].post(f"{path}/approval/", {"version": 1})
    assert world["owner"].get("/account/").get_json()["data"]["credit_balance"] == 3
    refunded = world["admin"].post(f"{path}/refund/", {"version": 2, "reason": "paid twice"}).get_json()["data"]
    assert (refunded["status"], refunded["version"], refunded["account_id"]) == ("refunded", 3, str(world.account.id))
    ledger = world["owner"].get("/credit-transactions/").get_json()["data"]
    assert [(row["seq"], row["amount"], row["balance_after"], row["cause"]) for row in ledger] == [
        (2, -3, 0, "reversal"),
        (1, 3, 3, "grant"),
    ]
    other = report(world, make.invoice(world.account).id, "TRF-2")
    rejected = world["reviewer"].post(f"/payments/{other['id']}/rejection/", {"version": 1, "reason": "Not here."})
    assert rejected.get_json()["data"]["failure_reason"] == "Not here."


@pytest.mark.parametrize("version", [True, 1.5, "1", None, [1], 2**70, -1])
def test_a_version_is_an_integer_that_was_seen(version: Any, world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account).id)
    response = world["reviewer"].post(f"/payments/{payment['id']}/approval/", {"version": version})
    assert problem(response)[0] == (409 if type(version) is int else 400)
    assert world["owner"].get(f"/payments/{payment['id']}/").get_json()["data"]["status"] == "pending_approval"


def test_the_same_transfer_for_two_accounts_needs_a_reason(world: World, make: Factory) -> None:
    other = make.payment(make.invoice(world.globex, "500", number="INV-G"), world.users["stranger"], "TRF-1")
    mine = report(world, make.invoice(world.account).id, "TRF-1")
    assert world["reviewer"].post(f"/payments/{other.id}/approval/", {"version": 1}).status_code == 200
    refused = world["reviewer"].post(f"/payments/{mine['id']}/approval/", {"version": 1})
    assert problem(refused) == (409, "reference_already_booked", [("same_text_reason", "reference_already_booked")])
    body = {"version": 1, "same_text_reason": "second line of the statement; Globex's is another"}
    assert world["reviewer"].post(f"/payments/{mine['id']}/approval/", body).status_code == 200
    seen = world["owner"].get(f"/payments/{mine['id']}/")
    assert [secret in seen.text for secret in ("Globex", "Rita", str(other.id))] == [False, False, False]


def test_a_decision_may_name_the_version_by_tag(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account).id)
    path = f"/payments/{payment['id']}"
    tag = {"If-Match": world["reviewer"].get(f"{path}/").headers["ETag"]}
    approved = world["reviewer"].raw("POST", f"{BASE}{path}/approval/", headers=tag)
    assert approved.get_json()["data"] | {"status": "succeeded", "version": 2} == approved.get_json()["data"]
    late = world["reviewer"].raw("POST", f"{BASE}{path}/rejection/", headers=tag, json={"reason": "Too late."})
    assert problem(late) == (412, "payment_already_decided", [("version", "payment_already_decided")])
    assert (late.get_json()["current_status"], late.get_json()["current_version"]) == ("succeeded", 2)
    by_body = world["reviewer"].post(f"{path}/rejection/", {"version": 1, "reason": "Too late."})
    assert problem(by_body) == (409, "payment_already_decided", [("version", "payment_already_decided")])


def test_a_withdrawal_may_name_it_too(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account).id)
    path = f"{BASE}/payments/{payment['id']}/cancellation/"
    stale = world["owner"].raw("POST", path, headers={"If-Match": f'W/"{payment["id"]}-7-{"0" * 32}"'})
    assert problem(stale) == (412, "payment_changed", [("version", "payment_changed")])
    done = world["owner"].raw("POST", path, headers={"If-Match": f'"{payment["id"]}-1-{"0" * 32}"'})
    assert done.get_json()["data"]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("tag", "body", "fields"),
    [
        ("*", {}, [("If-Match", "invalid")]),
        ("", {}, [("If-Match", "invalid")]),
        ('W/"x"', {"version": 1}, [("If-Match", "invalid")]),
        (f'W/"{{id}}-2-{"0" * 32}"', {"version": 1}, [("version", "invalid")]),
        (f'W/"{{id}}-0-{"0" * 32}"', {}, [("If-Match", "invalid")]),
        (f'W/"{Id.EXAMPLE}-1-{"0" * 32}"', {}, [("If-Match", "invalid")]),  # another payment's
        (f'W/"1-{"0" * 32}"', {}, [("If-Match", "invalid")]),
    ],
)
def test_tags_that_name_no_version(
    tag: str, body: dict[str, int], fields: list[tuple[str, str]], world: World, make: Factory
) -> None:
    payment = report(world, make.invoice(world.account).id)
    path = f"{BASE}/payments/{payment['id']}/approval/"
    refused = world["reviewer"].raw("POST", path, headers={"If-Match": tag.replace("{id}", payment["id"])}, json=body)
    assert problem(refused) == (400, "invalid_input", fields)
    assert world["owner"].get(f"/payments/{payment['id']}/").get_json()["data"]["status"] == "pending_approval"


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_a_condition_that_nobody_checks_is_refused(header: str, world: World, make: Factory) -> None:
    body = {"invoice_id": str(make.invoice(world.account).id), "payment_method": "bank_transfer", "reference": "T"}
    refused = world["owner"].raw("POST", f"{BASE}/payments/manual/", headers={header: "*"}, json=body)
    assert problem(refused) == (400, "precondition_not_supported", [])
    assert world["owner"].get("/payments/").get_json()["data"] == []
