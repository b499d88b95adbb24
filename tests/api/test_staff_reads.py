"""What staff read by the API: the queue of what waits, and the audit log. And where a payment stands, for all."""

from typing import Any

import pytest

from portal.foundation.ids import new_id
from tests.api.conftest import World, problem
from tests.factories import Factory
from tests.pages import Pages

FOR_STAFF = {"account_id", "account_name", "account_country", "reference_used_elsewhere"}


def test_the_queue_lists_what_waits_the_oldest_first(world: World, make: Factory) -> None:
    first = make.payment(make.invoice(world.account, number="INV-1"), world.users["owner"], "TRF 1", notes="From us.")
    make.approved(make.payment(make.invoice(world.account), world.users["owner"]), world.users["reviewer"])
    second = make.payment(make.invoice(world.globex, "500", number="INV-2"), world.users["stranger"], "trf-1")
    third = make.payment(make.invoice(world.globex, "700"), world.users["stranger"])
    rows = world["reviewer"].get("/payments/", queue="approval").get_json()["data"]
    assert rows[0] == {
        "id": str(first.id), "payment_id": str(first.id), "account_id": str(world.account.id),
        "account_name": "Acme GmbH", "account_country": "DE", "invoice_id": str(first.invoice_id),
        "invoice_number": "INV-1", "amount": "49.00", "currency": "EUR", "payment_method": "bank_transfer",
        "status": "pending_approval", "transaction_reference": "TRF 1", "paid_on": None, "notes": "From us.",
        "failure_reason": None, "version": 1, "allowed_actions": ["approve", "reject", "cancel"],
        "created_at": rows[0]["created_at"], "updated_at": rows[0]["created_at"], "decided_at": None,
        "reference_used_elsewhere": True,
    }  # fmt: skip
    assert [(row["id"], row["account_name"], row["reference_used_elsewhere"]) for row in rows] == [
        (str(first.id), "Acme GmbH", True), (str(second.id), "Globex KK", True), (str(third.id), "Globex KK", False),
    ]  # fmt: skip
    page = world["reviewer"].get("/payments/", queue="approval", page_size=2).get_json()
    rest = world["reviewer"].raw("GET", page["pagination"]["next"]).get_json()["data"]
    assert page["data"] + rest == rows
    some: dict[str, Any] = {"queue": "approval", "country": "JP", "currency": "JPY", "account": "globex"}
    assert world["reviewer"].get("/payments/", **some).get_json()["data"] == rows[1:]
    others = world["reviewer"].get("/payments/", status="succeeded").get_json()["data"]
    assert [row["reference_used_elsewhere"] for row in others] == [None]


def test_the_queue_is_staffs(world: World, make: Factory) -> None:
    make.payment(make.invoice(world.account), world.users["owner"])
    assert problem(world["owner"].get("/payments/", queue="approval")) == (403, "forbidden", [])
    assert problem(world["reviewer"].get("/payments/", queue="refund")) == (
        400, "invalid_input", [("queue", "invalid")],
    )  # fmt: skip
    (row,) = world["owner"].get("/payments/").get_json()["data"]
    assert FOR_STAFF & row.keys() == set()


@pytest.mark.parametrize("path", ["/payments/", "/invoices/", "/accounts/"])
def test_codes_are_written_as_codes(path: str, world: World) -> None:
    name = "country" if path == "/accounts/" else "currency"
    for bad in ("de", "euro", "E", "€€€", "EUR\n"):
        assert problem(world["reviewer"].get(path, **{name: bad})) == (400, "invalid_input", [(name, "invalid")])
    assert world["reviewer"].get(path, **{name: ""}).status_code == 200


def test_the_audit_log_is_read_by_who_what_on_what_and_when(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, number="INV-1", issued=False)
    issued = world["admin"].post(f"/invoices/{invoice.id}/issue/")
    response = world["admin"].get("/audit-log/", subject_id=str(invoice.id))
    entries = response.get_json()["data"]
    shared = {
        "subject_type": "invoice", "subject_id": str(invoice.id), "account_id": str(world.account.id),
    }  # fmt: skip
    assert entries == [
        shared | {
            "id": entries[0]["id"], "at": entries[0]["at"], "action": "invoice.issued",
            "actor_id": str(world.users["admin"].id), "actor_label": "Ada Admin", "actor_role": "admin",
            "face": "api", "address": "127.0.0.1", "request_id": issued.headers["X-Request-ID"],
            "changes": entries[0]["changes"],
        },
        shared | {
            "id": entries[1]["id"], "at": entries[1]["at"], "action": "invoice.created", "actor_id": None,
            "actor_label": "tests", "actor_role": "system", "face": "cli", "address": "", "request_id": "",
            "changes": {"number": [None, "INV-1"], "credits": [None, 0], "total": [None, "49.00 EUR"],
                        "lines": [None, 1]},
        },
    ]  # fmt: skip
    assert entries[0]["changes"]["status"] == ["draft", "open"]

    def found(**query: Any) -> list[str]:
        return [entry["id"] for entry in world["admin"].get("/audit-log/", **query).get_json()["data"]]

    newest, oldest = (entry["id"] for entry in entries)
    assert found(actor="ada", action="invoice") == [newest]
    assert found(action="invoice.created", account_id=str(world.account.id)) == [oldest]
    assert found(request_id=issued.headers["X-Request-ID"]) == [newest]
    assert found(since=entries[0]["at"], action="invoice") == [newest]
    assert found(until=entries[0]["at"], action="invoice") == [oldest]
    assert found(subject_id=str(new_id())) == []


def test_the_audit_log_pages_and_is_admins(world: World) -> None:
    first = world["admin"].get("/audit-log/", page_size=3, action="user").get_json()
    rest = world["admin"].raw("GET", first["pagination"]["next"]).get_json()["data"]
    assert [entry["action"] for entry in first["data"] + rest] == ["user.created"] * 6
    assert problem(world["admin"].get("/audit-log/", since="yesterday")) == (
        400, "invalid_input", [("since", "invalid")],
    )  # fmt: skip
    for who in ("owner", "reviewer"):
        assert problem(world[who].get("/audit-log/")) == (403, "forbidden", [])


def test_where_a_payment_stands_is_told_as_the_page_tells_it(world: World, make: Factory) -> None:
    owner, reviewer = world.users["owner"], world.users["reviewer"]
    invoice = make.invoice(world.account, number="INV-1")
    waiting = make.payment(make.invoice(world.account), owner)
    booked = make.approved(make.payment(invoice, owner), reviewer)
    failed = make.rejected(make.payment(make.invoice(world.account), owner), reviewer)
    provider = make.gateway_payment(make.invoice(world.account))
    refunded = make.refunded(
        make.approved(make.payment(make.invoice(world.account, number="INV-2"), owner), reviewer),
        world.users["admin"],
    )
    withdrawn = make.payment(make.invoice(world.account), owner)
    world["owner"].post(f"/payments/{withdrawn.id}/cancellation/")
    compared = (
        "We compare your report with the money that arrived, and show the outcome here. You need to do nothing more."
    )
    once = "You can pay the invoice again. If you sent the money all the same, report it: do not send it twice."
    words = {
        waiting.id: ("We are checking your payment.", compared, False),
        booked.id: ("Your payment succeeded.", "It counts towards invoice INV-1.", False),
        failed.id: ("This payment was not accepted.", "Correct your report and send it again.", True),
        provider.id: ("We are waiting for the payment provider.", "We will show the outcome here.", False),
        refunded.id: ("This payment was refunded.", "It no longer counts towards invoice INV-2.", False),
        withdrawn.id: ("This payment was withdrawn.", once, True),
    }  # fmt: skip
    pages = Pages(world.app).sign_in(owner)
    for payment_id, (stands, comes_next, again) in words.items():
        told = world["owner"].get(f"/payments/{payment_id}/").get_json()["data"]["tracking"]
        assert told == {"stands": stands, "comes_next": comes_next, "can_pay_again": again}
        (notice,) = pages.get(f"/payments/{payment_id}/").notices
        shown = "Fix and send again" if payment_id == failed.id else comes_next  # a button says it
        assert (notice.startswith(stands), shown in notice) == (True, True)
    for who in ("viewer", "reviewer"):
        told = world[who].get(f"/payments/{failed.id}/").get_json()["data"]["tracking"]
        assert told == {"stands": "This payment was not accepted.", "comes_next": "", "can_pay_again": False}
