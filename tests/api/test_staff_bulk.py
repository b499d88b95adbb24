"""Many invoices in one call: each on its own or all or nothing, at a cost that does not grow with each of them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from portal.billing.invoices.models import Invoice
from portal.billing.invoices.payment_reference import payment_reference
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.ids import new_id
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import World, problem
from tests.engines import listening
from tests.factories import Factory
from tests.verification import findings_of

PATH = "/invoices/bulk/"
LINES = [{"description": "Support", "quantity": "2", "unit_price": "10.00"}]


def item(number: str, **change: Any) -> dict[str, Any]:
    return {"number": number, "lines": LINES, "account_external_id": "acme"} | change


def numbers(world: World) -> list[tuple[str, str]]:
    """Number and status of all invoices, by number."""
    with world.app.app_context(), across_accounts():
        rows = session.execute(select(Invoice.number, Invoice.status).order_by(Invoice.number))
        return [(row.number, row.status) for row in rows]


def outcome(row: dict[str, Any]) -> tuple[Any, ...]:
    """An item's index and status, and its invoice's number or its error's code and fields."""
    error = row.get("error", {})
    told = (error["code"], [found["field"] for found in error["errors"]]) if error else (row["invoice"]["number"],)
    return row["index"], row["status"], *told


@pytest.fixture
def named(world: World) -> World:
    """The world, whose Acme the back office calls “acme”."""
    assert world["admin"].send("PATCH", f"/accounts/{world.account.id}/", {"external_id": "acme"}).status_code == 200
    return world


def test_items_of_several_accounts_are_made(named: World) -> None:
    body = {
        "items": [
            item("R-1", external_id="1", credits=2),
            item("R-2", issue=True, issue_date="2026-11-01", due_date="2099-11-30"),
            {"number": "R-3", "account_id": str(named.globex.id), "issue": True,
             "lines": [{"description": "Hosting", "unit_price": "500"}]},
        ]
    }  # fmt: skip
    response = named["admin"].post(PATH, body)
    data = response.get_json()["data"]
    shared = {"is_overdue": False, "credits": 0, "external_id": None}
    euros = {"currency": "EUR", "total": "20.00", "amount_paid": "0.00", "outstanding": "20.00"}
    acme = {"account_id": str(named.account.id)} | euros | shared
    third = data[2]["invoice"]
    assert (response.status_code, data) == (200, [
        {"index": 0, "status": "created", "invoice": acme | {
            "id": data[0]["invoice"]["id"], "number": "R-1", "status": "draft", "credits": 2, "external_id": "1",
            "issue_date": None, "due_date": None, "payment_reference": data[0]["invoice"]["payment_reference"],
        }},
        {"index": 1, "status": "created", "invoice": acme | {
            "id": data[1]["invoice"]["id"], "number": "R-2", "status": "open", "issue_date": "2026-11-01",
            "due_date": "2099-11-30", "payment_reference": data[1]["invoice"]["payment_reference"],
        }},
        {"index": 2, "status": "created", "invoice": shared | {
            "id": third["id"], "account_id": str(named.globex.id), "number": "R-3", "status": "open",
            "currency": "JPY", "total": "500", "amount_paid": "0", "outstanding": "500",
            "issue_date": third["issue_date"], "due_date": third["due_date"],
            "payment_reference": payment_reference(UUID(third["id"])),
        }},
    ])  # fmt: skip
    assert numbers(named) == [("R-1", "draft"), ("R-2", "open"), ("R-3", "open")]
    one = named["admin"].get(f"/invoices/{third['id']}/").get_json()["data"]
    line = {"position": 1, "description": "Hosting", "quantity": "1", "unit_price": "500", "amount": "500"}
    assert one == third | {"lines": [line]}
    assert findings_of(named.app) == []


def test_what_is_made_by_bulk_is_what_is_made_one_by_one(named: World) -> None:
    """The same rows but for ids, times and names, and the same entries of the audit log."""
    body = {"lines": LINES, "credits": 4, "issue": True, "due_date": "2099-01-31", "issue_date": "2026-12-31"}
    named["admin"].post(f"/accounts/{named.account.id}/invoices/", body | {"number": "R-X", "external_id": "X"})
    named["admin"].post(PATH, {"items": [item("R-Z", external_id="Z") | body]})
    with named.app.app_context(), across_accounts():
        one, other = session.scalars(select(Invoice).order_by(Invoice.number))
        own = {"id", "number", "external_id", "payment_reference", "created_at"}
        columns = [c.key for c in Invoice.__table__.columns if c.key not in own]
        assert [getattr(one, name) for name in columns] == [getattr(other, name) for name in columns]
        entries = [
            [(entry.action, entry.account_id, entry.actor_label, str(entry.changes).replace(row.number[-1], "#"))
             for entry in session.scalars(
                 select(AuditEntry).where(AuditEntry.subject_id == row.id).order_by(AuditEntry.id))]
            for row in (one, other)
        ]  # fmt: skip
    assert [action for action, *_ in entries[0]] == ["invoice.created", "invoice.issued"]
    assert entries[0] == entries[1]


def test_each_item_is_on_its_own(named: World, make: Factory) -> None:
    make.invoice(named.account, number="OLD")
    items: list[Any] = [
        item("R-1", external_id="1"),
        item("OLD"),
        item("R-1", external_id="1"),
        item("R-1", external_id="2"),
        item("R-2", external_id="1"),
        item("R-3", lines=[]),
        item("R-4", lines=[{"description": "x", "unit_price": "1.234"}]),
        item("R-5", account_external_id="nobody"),
        item("R-6", account_id=str(named.account.id)),
        {"number": "R-7", "lines": LINES, "account_id": str(new_id())},
        {"number": 8, "lines": LINES},
        {"number": "R-8", "lines": LINES},
        "R-9",
        item("R-10", issue=True, lines=[{"description": "x", "unit_price": "0.00"}]),
        item("R-11", external_id="a/b"),
        item("R-12", currency="XXX"),
        item("R-13", due_date="2026-01-01", issue=True),
        item("4111 1111 1111 1111"),
        item("4111 1111 1111 1111"),
        item("a\x00b"),
    ]
    response = named["admin"].post(PATH, {"items": items})
    data = response.get_json()["data"]
    assert [outcome(row) for row in data] == [
        (0, "created", "R-1"),
        (1, "refused", "invoice_number_taken", ["number"]),
        (2, "unchanged", "R-1"),
        (3, "refused", "invoice_number_taken", ["number"]),
        (4, "refused", "invoice_differs", ["number"]),
        (5, "refused", "lines_missing", ["lines"]),
        (6, "refused", "invalid_input", ["lines.0.unit_price"]),
        (7, "refused", "unknown_account", ["account_external_id"]),
        (8, "refused", "invalid_input", ["account_id"]),
        (9, "refused", "unknown_account", ["account_id"]),
        (10, "refused", "invalid_input", ["number"]),
        (11, "refused", "invalid_input", ["account_id"]),
        (12, "refused", "invalid_input", ["_schema"]),
        (13, "refused", "invoice_asks_nothing", ["lines"]),
        (14, "refused", "invalid_external_id", ["external_id"]),
        (15, "refused", "unknown_currency", ["currency"]),
        (16, "refused", "due_before_issue", ["due_date"]),
        (17, "created", "4111 1111 1111 1111"),
        (18, "refused", "invoice_number_taken", ["number"]),
        (19, "refused", "control_characters", ["number"]),
    ]
    assert "4111" not in str(data[18]["error"])
    assert data[1]["error"] == {
        "code": "invoice_number_taken", "detail": "There is an invoice OLD already.",
        "errors": [{"field": "number", "code": "invoice_number_taken", "message": "There is an invoice OLD already."}],
    }  # fmt: skip
    assert numbers(named) == [("4111 1111 1111 1111", "draft"), ("OLD", "open"), ("R-1", "draft")]


def test_a_second_time_changes_nothing(named: World) -> None:
    body = {"items": [item(f"R-{n}", external_id=str(n), issue=n % 2 == 0) for n in range(6)]}
    made = named["admin"].post(PATH, body).get_json()["data"]
    again = named["admin"].post(PATH, body).get_json()["data"]
    assert {row["status"] for row in made} == {"created"}
    assert again == [row | {"status": "unchanged"} for row in made]
    late = named["admin"].post(PATH, {"items": [item("R-1", external_id="1", issue=True)]}).get_json()["data"]
    assert outcome(late[0]) == (0, "refused", "invoice_differs", ["issue"])


def test_one_refusal_refuses_all_where_all_or_nothing_is_asked_for(named: World) -> None:
    items = [item("R-1"), item("R-2", currency="XXX"), item("R-1", issue=True), {"number": "R-4"}]
    response = named["admin"].post(PATH, {"items": items, "all_or_nothing": True})
    assert problem(response) == (400, "items_refused", [])
    body = response.get_json(force=True)
    assert [outcome(row) for row in body["items"]] == [
        (1, "refused", "unknown_currency", ["currency"]),
        (2, "refused", "invoice_number_taken", ["number"]),
        (3, "refused", "invalid_input", ["lines"]),
    ]
    assert body["detail"] == "3 of the items are refused, and with them all. Nothing was changed."
    assert numbers(named) == []
    whole = named["admin"].post(PATH, {"items": items[:1], "all_or_nothing": True})
    assert [outcome(row) for row in whole.get_json()["data"]] == [(0, "created", "R-1")]


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, ("invalid_input", [("items", "required")])),
        ({"items": {}}, ("invalid_input", [("items", "invalid_type")])),
        ({"items": []}, ("invalid_items", [("items", "invalid_items")])),
        ({"items": [{}] * 1001}, ("invalid_items", [("items", "invalid_items")])),
        ({"items": [{}], "all_or_nothing": "yes"}, ("invalid_input", [("all_or_nothing", "invalid_type")])),
    ],
)
def test_what_is_no_call_is_refused(named: World, body: dict[str, Any], refusal: tuple[Any, ...]) -> None:
    assert problem(named["admin"].post(PATH, body)) == (400, *refusal)


def test_a_key_makes_them_once(named: World) -> None:
    body = {"items": [item("R-1"), item("R-1")]}
    first, again = (
        named["admin"].send("POST", PATH, body, headers={"Idempotency-Key": "k"}).get_json()["data"] for _ in range(2)
    )
    assert [row["status"] for row in first] == ["created", "refused"]
    assert again == first


def statements(world: World, body: dict[str, Any]) -> int:
    """How many statements the call takes."""
    seen: list[str] = []
    with listening(world.app, "before_cursor_execute", lambda *of: seen.append(of[2])):
        assert world["admin"].post(PATH, body).status_code == 200
    return len(seen)


def test_more_items_take_no_more_statements(named: World, make: Factory) -> None:
    """Also not those of many accounts: neither their rows nor their chains of the audit log are asked for singly."""
    others = [{"account_id": str(make.account(f"Other {n}").id)} for n in range(20)]

    def call(name: str, number: int) -> dict[str, Any]:
        whose = [{"number": f"{name}-{n}", "lines": LINES, "external_id": f"{name}-{n}", "issue": True}
                 | others[n % len(others)] for n in range(number)]  # fmt: skip
        return {"items": whose}

    statements(named, call("warm", 1))
    assert statements(named, call("few", 2)) == statements(named, call("many", 300))
    assert statements(named, call("few", 2)) == statements(named, call("many", 300))
    assert len(numbers(named)) == 303


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_whoever_takes_a_number_meanwhile_refuses_the_call(named: World) -> None:
    """The look and the write are two statements; on SQLite writers take turns. What came between is found."""
    made: list[int] = []

    def come_between(*of: Any) -> None:
        if of[2].startswith("INSERT INTO invoices ") and not made:
            made.append(0)
            quicker = {"items": [item("R-2", external_id="2")]}
            with ThreadPoolExecutor(1) as another:
                made[0] = another.submit(named["admin"].post, PATH, quicker).result().status_code

    with listening(named.app, "before_cursor_execute", come_between):
        answer = named["admin"].post(PATH, {"items": [item("R-1"), item("R-2")]})
    assert problem(answer) == (409, "invoice_number_taken", [("number", "invoice_number_taken")])
    assert (made, numbers(named)) == ([200], [("R-2", "draft")])
