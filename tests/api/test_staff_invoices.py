"""Invoices by staff's API: drafted, issued, withdrawn, put by the id that the back office calls them."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from portal.billing.invoices.models import Invoice, InvoiceLine
from portal.billing.invoices.payment_reference import payment_reference
from portal.foundation import clock
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.ids import new_id
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import BASE, World, problem
from tests.factories import Factory

LINES = [
    {"description": "Support", "quantity": "2.5", "unit_price": "10.00"},
    {"description": "Discount", "unit_price": "-5.00"},
]
NEW: dict[str, Any] = {"number": "R-1", "lines": LINES, "issue_date": "2026-11-01", "due_date": "2099-11-30"}
SHOWN = {
    "number": "R-1", "status": "draft", "is_overdue": False, "currency": "EUR", "total": "20.00",
    "amount_paid": "0.00", "outstanding": "20.00", "credits": 0, "issue_date": "2026-11-01", "due_date": "2099-11-30",
    "external_id": None,
    "lines": [
        {"position": 1, "description": "Support", "quantity": "2.5", "unit_price": "10.00", "amount": "25.00"},
        {"position": 2, "description": "Discount", "quantity": "1", "unit_price": "-5.00", "amount": "-5.00"},
    ],
}  # fmt: skip


def stored(world: World) -> list[tuple[Any, ...]]:
    """Number, status, total and external id of all invoices, and how many lines each has."""
    with world.app.app_context(), across_accounts():
        invoices = session.scalars(select(Invoice).order_by(Invoice.id)).all()
        return [(i.number, i.status, i.total_minor, i.external_id, len(i.lines)) for i in invoices]


def told(world: World) -> list[tuple[str, dict[str, Any]]]:
    """What the audit log says of invoices, by the API."""
    with world.app.app_context():
        of_invoices = select(AuditEntry.action, AuditEntry.changes).where(
            AuditEntry.action.startswith("invoice."), AuditEntry.face == "api"
        )
        return [(row.action, row.changes) for row in session.execute(of_invoices.order_by(AuditEntry.id))]


@pytest.fixture
def path(world: World) -> str:
    return f"/accounts/{world.account.id}/invoices/"


def test_a_draft_is_made_issued_and_withdrawn(world: World, path: str) -> None:
    made = world["admin"].post(path, NEW | {"external_id": "erp-1", "credits": 3})
    data = made.get_json()["data"]
    own = {
        "payment_reference": payment_reference(UUID(data["id"])),
        "id": data["id"],
        "account_id": str(world.account.id),
        "external_id": "erp-1",
        "credits": 3,
    }
    assert (made.status_code, data) == (201, SHOWN | own)
    assert made.headers["Location"] == f"{BASE}/invoices/{data['id']}/"
    assert world["owner"].raw("GET", made.headers["Location"]).status_code == 404
    issued = world["admin"].post(f"/invoices/{data['id']}/issue/")
    assert (issued.status_code, issued.get_json()["data"]) == (200, data | {"status": "open"})
    seen = world["owner"].get(f"/invoices/{data['id']}/").get_json()["data"]
    hidden = ("account_id", "external_id")
    assert seen == {name: value for name, value in data.items() if name not in hidden} | {"status": "open"}
    again = world["admin"].post(f"/invoices/{data['id']}/issue/")
    assert problem(again) == (409, "invoice_not_draft", [])
    assert problem(world["admin"].post(f"/invoices/{data['id']}/voiding/", {"reason": " "}))[1] == "required"
    void = world["admin"].post(f"/invoices/{data['id']}/voiding/", {"reason": "by mistake"})
    assert void.get_json()["data"] == data | {"status": "void", "outstanding": "0.00"}
    assert told(world) == [
        ("invoice.created", {
            "number": [None, "R-1"], "external_id": [None, "erp-1"], "credits": [None, 3],
            "issue_date": [None, "2026-11-01"], "due_date": [None, "2099-11-30"], "total": [None, "20.00 EUR"],
            "lines": [None, 2],
        }),
        ("invoice.issued", {"status": ["draft", "open"]}),
        ("invoice.voided", {"status": ["open", "void"], "reason": "by mistake"}),
    ]  # fmt: skip


def test_an_invoice_is_issued_in_the_unit_that_makes_it(world: World, path: str) -> None:
    body = {"number": "R-2", "lines": LINES, "issue": True}
    data = world["admin"].post(path, body).get_json()["data"]
    today = str(clock.today())
    assert (data["status"], data["issue_date"], data["due_date"] > today) == ("open", today, True)
    free = body | {"number": "R-3", "lines": [{"description": "Nothing", "unit_price": "0.00"}]}
    assert problem(world["admin"].post(path, free)) == (
        400, "invoice_asks_nothing", [("lines", "invoice_asks_nothing")],
    )  # fmt: skip
    late = world["admin"].post(path, body | {"number": "R-4", "issue_date": "9999-12-31"}).get_json()["data"]
    assert late["due_date"] == "9999-12-31"
    assert [row[:2] for row in stored(world)] == [("R-2", "open"), ("R-4", "open")]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"lines": []}, (400, "lines_missing", [("lines", "lines_missing")])),
        ({"lines": {}}, (400, "invalid_input", [("lines", "invalid_type")])),
        ({"lines": ["Support"]}, (400, "invalid_input", [("lines.0", "invalid_type")])),
        ({"lines": [{"description": 1}]},
         (400, "invalid_input", [("lines.0.description", "invalid_type"), ("lines.0.unit_price", "required")])),
        ({"lines": [LINES[0], LINES[0] | {"quantity": "0"}, LINES[0] | {"unit_price": "1,5", "note": "x"}]},
         (400, "invalid_input", [("lines.2.note", "unknown_field")])),
        ({"lines": [LINES[0] | {"quantity": "0"}, LINES[0] | {"unit_price": "1.234"}]},
         (400, "invalid_input",
          [("lines.0.quantity", "invalid_quantity"), ("lines.1.unit_price", "too_many_decimals")])),
        ({"currency": "XXX"}, (400, "unknown_currency", [("currency", "unknown_currency")])),
        ({"credits": "5"}, (400, "invalid_input", [("credits", "invalid_type")])),
        ({"credits": -1}, (400, "invalid_credits", [("credits", "invalid_credits")])),
        ({"issue_date": "20261101"}, (400, "invalid_input", [("issue_date", "invalid")])),
        ({"due_date": "2026-02-30"}, (400, "invalid_input", [("due_date", "invalid")])),
        ({"due_date": "2026-10-31"}, (400, "due_before_issue", [("due_date", "due_before_issue")])),
        ({"number": " ", "credits": -1, "due_date": "2026-10-01"},
         (400, "invalid_input",
          [("number", "required"), ("credits", "invalid_credits"), ("due_date", "due_before_issue")])),
        ({"lines": [{"description": " ", "quantity": "0", "unit_price": "x"}]},
         (400, "invalid_input", [("lines.0.description", "required"), ("lines.0.quantity", "invalid_quantity"),
                                 ("lines.0.unit_price", "invalid_amount")])),
        ({"issue": "true"}, (400, "invalid_input", [("issue", "invalid_type")])),
        ({"account_id": str(new_id())}, (400, "invalid_input", [("account_id", "unknown_field")])),
        ({"lines": [LINES[0] | {"description": "4111 1111 1111 1111"}]},
         (400, "invalid_input", [("lines.0.description", "card_number")])),
    ],
)  # fmt: skip
def test_what_is_no_invoice_is_refused(
    world: World, path: str, change: dict[str, Any], refusal: tuple[Any, ...]
) -> None:
    assert problem(world["admin"].post(path, NEW | change)) == refusal
    assert stored(world) == []


def test_a_number_is_taken_once_and_an_external_id_once_an_account(world: World, path: str) -> None:
    assert world["admin"].post(path, NEW | {"external_id": "1"}).status_code == 201
    same = world["admin"].post(path, NEW | {"external_id": "2"})
    assert problem(same) == (409, "invoice_number_taken", [("number", "invoice_number_taken")])
    taken = world["admin"].post(path, NEW | {"number": "R-2", "external_id": "1"})
    assert problem(taken) == (409, "external_id_taken", [("external_id", "external_id_taken")])
    theirs = [{"description": "Support", "unit_price": "500"}]
    body = {"number": "R-3", "external_id": "1", "lines": theirs}
    assert world["admin"].post(f"/accounts/{world.globex.id}/invoices/", body).status_code == 201
    assert [row[::3] for row in stored(world)] == [("R-1", "1"), ("R-3", "1")]


def test_a_key_makes_one_invoice(world: World, path: str) -> None:
    first, again = (
        world["admin"].send("POST", path, NEW, headers={"Idempotency-Key": "once"}).get_json() for _ in range(2)
    )
    assert first["data"] == again["data"]
    assert len(stored(world)) == 1


def test_an_absent_account_has_no_invoices(world: World, path: str) -> None:
    nowhere = path.replace(str(world.account.id), str(new_id()))
    assert problem(world["admin"].post(nowhere, NEW)) == (404, "not_found", [])
    assert problem(world["admin"].send("PUT", f"{nowhere}by-external-id/1/", NEW)) == (404, "not_found", [])
    assert problem(world["admin"].get(nowhere)) == (404, "not_found", [])


def test_an_invoice_is_put_as_often_as_one_likes(world: World, path: str) -> None:
    address = f"{path}by-external-id/erp%201/"
    made = world["admin"].send("PUT", address, NEW)
    data = made.get_json()["data"]
    own = {
        "payment_reference": payment_reference(UUID(data["id"])),
        "id": data["id"],
        "account_id": str(world.account.id),
        "external_id": "erp 1",
    }
    assert (made.status_code, data) == (201, SHOWN | own)
    for _ in range(2):
        again = world["admin"].send("PUT", address, NEW)
        assert (again.status_code, again.get_json()["data"]) == (200, data)
    assert [action for action, _ in told(world)] == ["invoice.created"]
    assert world["reviewer"].get(address).get_json()["data"] == data
    theirs = address.replace(str(world.account.id), str(world.globex.id))
    assert problem(world["reviewer"].get(theirs)) == (404, "not_found", [])
    assert problem(world["reviewer"].get(f"{path}by-external-id/%00/"))[1] == "control_characters"


def test_a_draft_becomes_what_is_put(world: World, path: str) -> None:
    address = f"{path}by-external-id/1/"
    data = world["admin"].send("PUT", address, NEW).get_json()["data"]
    other = {"number": "R-9", "currency": "JPY", "credits": 4, "due_date": "2099-12-31",
             "lines": [{"description": "Hosting", "quantity": "3", "unit_price": "500"}]}  # fmt: skip
    changed = world["admin"].send("PUT", address, other)
    assert (changed.status_code, changed.get_json()["data"]) == (
        200,
        data | {
            "number": "R-9", "currency": "JPY", "credits": 4, "due_date": "2099-12-31", "total": "1500",
            "amount_paid": "0", "outstanding": "1500",
            "lines": [{"position": 1, "description": "Hosting", "quantity": "3", "unit_price": "500",
                       "amount": "1500"}],
        },
    )  # fmt: skip
    assert stored(world) == [("R-9", "draft", 1500, "1", 1)]
    with world.app.app_context(), across_accounts():
        assert [line.description for line in session.scalars(select(InvoiceLine))] == ["Hosting"]
    assert told(world)[1:] == [
        ("invoice.updated", {
            "number": ["R-1", "R-9"], "credits": [0, 4], "due_date": ["2099-11-30", "2099-12-31"],
            "total": ["20.00 EUR", "1500 JPY"], "lines": [2, 1],
        }),
    ]  # fmt: skip
    early = world["admin"].send("PUT", address, other | {"due_date": "2026-10-01"})
    assert problem(early) == (400, "due_before_issue", [("due_date", "due_before_issue")])
    issued = world["admin"].send("PUT", address, other | {"issue": True}).get_json()["data"]
    assert (issued["status"], issued["issue_date"]) == ("open", "2026-11-01")


def test_what_was_issued_is_not_changed_by_a_put(world: World, path: str) -> None:
    address = f"{path}by-external-id/1/"
    data = world["admin"].send("PUT", address, NEW | {"issue": True}).get_json()["data"]
    assert world["admin"].send("PUT", address, NEW).get_json()["data"] == data
    dateless = {"number": "R-1", "lines": LINES}
    assert world["admin"].send("PUT", address, dateless).get_json()["data"] == data
    other = NEW | {"number": "R-2", "credits": 1, "due_date": "2099-12-01", "lines": LINES[:1]}
    answer = world["admin"].send("PUT", address, other)
    fields = [(name, "invoice_differs") for name in ("number", "credits", "due_date", "lines")]
    assert problem(answer) == (409, "invoice_differs", fields)
    assert answer.get_json(force=True)["invoice_id"] == data["id"]
    world["admin"].post(f"/invoices/{data['id']}/voiding/", {"reason": "sent twice"})
    void = world["admin"].send("PUT", address, NEW | {"issue": True})
    assert problem(void) == (409, "invoice_differs", [("issue", "invoice_differs")])  # nor will it be
    assert world["admin"].send("PUT", address, NEW).get_json()["data"]["status"] == "void"
    assert problem(world["admin"].send("PUT", address, other))[1] == "invoice_differs"
    assert stored(world) == [("R-1", "void", 2000, "1", 2)]


def test_a_put_does_not_take_anothers_number(world: World, path: str, make: Factory) -> None:
    make.invoice(world.globex, "500", number="R-2")
    address = f"{path}by-external-id/1/"
    new = world["admin"].send("PUT", address, NEW | {"number": "R-2"})
    assert problem(new) == (409, "invoice_number_taken", [("number", "invoice_number_taken")])
    world["admin"].send("PUT", address, NEW)
    changed = world["admin"].send("PUT", address, NEW | {"number": "R-2", "lines": LINES[:1]})
    assert problem(changed) == (409, "invoice_number_taken", [("number", "invoice_number_taken")])
    assert [row[0::4] for row in stored(world)] == [("R-2", 1), ("R-1", 2)]


def test_an_invoice_that_is_being_paid_is_not_withdrawn(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    payment = make.payment(invoice, world.users["owner"])
    answer = world["admin"].post(f"/invoices/{invoice.id}/voiding/", {"reason": "x"})
    assert problem(answer) == (409, "open_payment_exists", [("invoice_id", "open_payment_exists")])
    assert answer.get_json(force=True)["payment_id"] == str(payment.id)
