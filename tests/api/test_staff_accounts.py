"""Staff's accounts by the API: made, read, changed, and found by what the back office calls them."""

from typing import Any

import pytest
from sqlalchemy import select

from portal.accounts.models import Account
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.ids import new_id
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import BASE, World, problem, without_id
from tests.factories import Factory

NEW = {"number": "C-9", "name": "Initech SA", "country": "FR", "currency": "EUR"}
SHOWN = {"locale": "en", "timezone": "UTC", "external_id": None, "credit_balance": 0}


def rows(world: World) -> list[tuple[Any, ...]]:
    """The accounts beside those of the world."""
    names = ("number", "name", "country", "currency", "locale", "timezone", "external_id")
    with world.app.app_context(), across_accounts():
        columns = [getattr(Account, name) for name in names]
        known = [world.account.id, world.globex.id]
        found = session.execute(select(*columns).where(Account.id.not_in(known)).order_by(Account.id))
        return [tuple(row) for row in found]


def changes(world: World, action: str) -> list[dict[str, Any]]:
    """What the audit log says of such changes by the API, the oldest first."""
    with world.app.app_context():
        entries = select(AuditEntry.changes).where(AuditEntry.action == action, AuditEntry.face == "api")
        return list(session.scalars(entries.order_by(AuditEntry.id)))


def test_an_account_is_made_and_read(world: World) -> None:
    made = world["admin"].post("/accounts/", NEW | {"timezone": "Europe/Paris", "external_id": "erp 7"})
    data = made.get_json()["data"]
    assert (made.status_code, data) == (
        201,
        SHOWN | NEW | {
            "id": data["id"], "created_at": data["created_at"], "timezone": "Europe/Paris", "external_id": "erp 7",
        },
    )  # fmt: skip
    assert made.headers["Location"] == f"{BASE}/accounts/{data['id']}/"
    assert world["reviewer"].raw("GET", made.headers["Location"]).get_json()["data"] == data
    assert rows(world) == [("C-9", "Initech SA", "FR", "EUR", "en", "Europe/Paris", "erp 7")]
    assert changes(world, "account.created") == [
        {name: [None, value] for name, value in NEW.items()}
        | {"locale": [None, "en"], "timezone": [None, "Europe/Paris"], "external_id": [None, "erp 7"]}
    ]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"number": ""}, (400, "required", [("number", "required")])),
        ({"number": 7}, (400, "invalid_input", [("number", "invalid_type")])),
        ({"country": "Germany"}, (400, "unknown_country", [("country", "unknown_country")])),
        ({"currency": "EURO"}, (400, "unknown_currency", [("currency", "unknown_currency")])),
        ({"locale": "xx-XX"}, (400, "unknown_locale", [("locale", "unknown_locale")])),
        ({"timezone": "Mars"}, (400, "unknown_timezone", [("timezone", "unknown_timezone")])),
        ({"external_id": ""}, (400, "required", [("external_id", "required")])),
        ({"external_id": "x" * 101}, (400, "too_long", [("external_id", "too_long")])),
        ({"external_id": "a\tb"}, (400, "control_characters", [("external_id", "control_characters")])),
        ({"external_id": "a/b"}, (400, "invalid_external_id", [("external_id", "invalid_external_id")])),
        ({"external_id": ".."}, (400, "invalid_external_id", [("external_id", "invalid_external_id")])),
        ({"external_id": None}, (400, "invalid_input", [("external_id", "null")])),
        ({"balance": 5}, (400, "invalid_input", [("balance", "unknown_field")])),
        (
            {"number": " ", "country": "XX", "currency": "EURO", "external_id": "a/b"},
            (
                400,
                "invalid_input",
                [
                    ("number", "required"),
                    ("country", "unknown_country"),
                    ("currency", "unknown_currency"),
                    ("external_id", "invalid_external_id"),
                ],
            ),
        ),
    ],
)
def test_what_is_no_account_is_refused(world: World, change: dict[str, Any], refusal: tuple[Any, ...]) -> None:
    assert problem(world["admin"].post("/accounts/", NEW | change)) == refusal
    assert rows(world) == []


def test_a_number_and_an_external_id_are_of_one_account(world: World) -> None:
    world["admin"].post("/accounts/", NEW | {"external_id": "7"})
    same_number = world["admin"].post("/accounts/", NEW)
    assert problem(same_number) == (409, "account_number_taken", [("number", "account_number_taken")])
    same_id = world["admin"].post("/accounts/", NEW | {"number": "C-10", "external_id": " 7 "})
    assert problem(same_id) == (409, "external_id_taken", [("external_id", "external_id_taken")])
    moved = world["admin"].send("PATCH", f"/accounts/{world.account.id}/", {"external_id": "7"})
    assert problem(moved) == (409, "external_id_taken", [("external_id", "external_id_taken")])
    assert len(rows(world)) == 1


def test_accounts_are_listed_filtered_and_paged(world: World) -> None:
    made = world["admin"].post("/accounts/", NEW | {"external_id": "7"}).get_json()["data"]
    names = ("id", "number", "external_id", "name", "country", "currency", "created_at")
    row = {name: made[name] for name in names}
    assert world["reviewer"].get("/accounts/", country="FR").get_json()["data"] == [row]
    assert world["reviewer"].get("/accounts/", q="initech").get_json()["data"] == [row]
    first = world["reviewer"].get("/accounts/", page_size=2).get_json()
    assert [found["number"] for found in first["data"]] == ["C-9", world.globex.number]
    rest = world["reviewer"].raw("GET", first["pagination"]["next"]).get_json()
    assert [found["number"] for found in rest["data"]] == [world.account.number]
    assert (rest["pagination"]["next"], rest["pagination"]["page_size"]) == (None, 2)


def test_what_may_change_of_an_account_changes(world: World) -> None:
    path = f"/accounts/{world.account.id}/"
    before = world["admin"].get(path).get_json()["data"]
    for _ in range(2):
        changed = world["admin"].send("PATCH", path, {"name": "Acme AG", "external_id": "7"})
        assert (changed.status_code, changed.get_json()["data"]) == (
            200, before | {"name": "Acme AG", "external_id": "7"},
        )  # fmt: skip
    assert world["admin"].send("PATCH", path, {}).get_json()["data"] == before | {
        "name": "Acme AG",
        "external_id": "7",
    }
    assert changes(world, "account.updated") == [{"name": ["Acme GmbH", "Acme AG"], "external_id": [None, "7"]}]
    fixed = world["admin"].send("PATCH", path, {"currency": "USD"})
    assert problem(fixed) == (400, "invalid_input", [("currency", "unknown_field")])


def test_an_account_is_put_by_its_external_id(world: World) -> None:
    path = "/accounts/by-external-id/erp%207/"
    made = world["admin"].send("PUT", path, NEW | {"locale": "fr"})
    data = made.get_json()["data"]
    assert (made.status_code, data["external_id"], data["locale"]) == (201, "erp 7", "fr")
    assert made.headers["Location"] == f"{BASE}/accounts/{data['id']}/"
    again = world["admin"].send("PUT", path, NEW)
    assert (again.status_code, again.get_json()["data"]) == (200, data)
    assert world["reviewer"].get(path).get_json()["data"] == data
    assert problem(world["reviewer"].get("/accounts/by-external-id/erp%208/")) == (404, "not_found", [])
    assert problem(world["reviewer"].get("/accounts/by-external-id/%00/"))[1] == "control_characters"
    renamed = world["admin"].send("PUT", path, NEW | {"name": "Initech", "timezone": "Europe/Paris"})
    assert renamed.get_json()["data"] == data | {"name": "Initech", "timezone": "Europe/Paris"}
    assert rows(world) == [("C-9", "Initech", "FR", "EUR", "fr", "Europe/Paris", "erp 7")]
    assert len(changes(world, "account.created")) == 1
    assert changes(world, "account.updated") == [
        {"name": ["Initech SA", "Initech"], "timezone": ["UTC", "Europe/Paris"]}
    ]


def test_what_an_account_is_stays(world: World) -> None:
    path = "/accounts/by-external-id/7/"
    world["admin"].send("PUT", path, NEW)
    other = world["admin"].send("PUT", path, {"number": "C-10", "name": "Other", "country": "DE", "currency": "USD"})
    fields = [(name, "account_differs") for name in ("number", "country", "currency")]
    assert problem(other) == (409, "account_differs", fields)
    taken = world["admin"].send("PUT", "/accounts/by-external-id/8/", NEW)
    assert problem(taken) == (409, "account_number_taken", [("number", "account_number_taken")])
    assert rows(world) == [("C-9", "Initech SA", "FR", "EUR", "en", "UTC", "7")]
    for bad, code in (("a%2Fb", 404), ("%FF", 400), ("%00", 400), ("x" * 101, 400)):
        assert world["admin"].send("PUT", f"/accounts/by-external-id/{bad}/", NEW).status_code == code
    assert len(rows(world)) == 1


def test_the_methods_of_an_account(world: World) -> None:
    path = f"/accounts/{world.account.id}/payment-methods/"
    usual = {"is_allowed": True, "is_default": False, "label": ""}
    wallet = usual | {"method": "local_wallet"}
    available: dict[str, Any] = {
        "method": "bank_transfer", "name": "Bank transfer", "instructions": "Send it.", "details": [],
        "currencies": [], "minimum": None, "maximum": None, "is_default": False, "is_manual": True,
    }  # fmt: skip
    assert world["reviewer"].get(path).get_json()["data"] == {
        "methods": [usual | {"method": "bank_transfer"}, wallet], "available": [available],
    }  # fmt: skip
    own = {"is_allowed": True, "is_default": True, "label": "Our bank"}
    for _ in range(2):
        put = world["admin"].send("PUT", f"{path}bank_transfer/", own)
        assert (put.status_code, put.get_json()["data"]) == (200, own | {"method": "bank_transfer"})
    assert world["reviewer"].get(path).get_json()["data"] == {
        "methods": [own | {"method": "bank_transfer"}, wallet],
        "available": [available | {"name": "Our bank", "is_default": True}],
    }
    assert len(changes(world, "account_method.set")) == 1
    off = world["admin"].send("PUT", f"{path}bank_transfer/", {"is_allowed": False})
    assert off.get_json()["data"] == usual | {"method": "bank_transfer", "is_allowed": False}
    bad = world["admin"].send("PUT", f"{path}local_wallet/", {"is_allowed": False, "is_default": True})
    assert problem(bad) == (400, "default_not_allowed", [("is_default", "default_not_allowed")])
    loose = world["admin"].send("PUT", f"{path}local_wallet/", {"is_allowed": 1})
    assert problem(loose) == (400, "invalid_input", [("is_allowed", "invalid_type")])
    assert problem(world["admin"].send("PUT", f"{path}card/", own)) == (404, "not_found", [])


def test_what_hangs_on_an_account(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account, credits=5, number="PAID"), world.users["owner"])
    make.approved(payment, world.users["reviewer"])
    make.invoice(world.account, number="DRAFT", issued=False)
    make.approved(
        make.payment(make.invoice(world.globex, "500", credits=7), world.users["stranger"]), world.users["reviewer"]
    )
    base = f"/accounts/{world.account.id}"
    ledger = world["reviewer"].get(f"{base}/credit-transactions/").get_json()["data"]
    assert ledger == world["owner"].get("/credit-transactions/").get_json()["data"]
    assert [row["amount"] for row in ledger] == [5]
    payments = world["reviewer"].get(f"{base}/payments/", status="succeeded").get_json()["data"]
    assert [(row["id"], row["account_id"]) for row in payments] == [(str(payment.id), str(world.account.id))]
    invoices = world["reviewer"].get(f"{base}/invoices/").get_json()["data"]
    assert [(row["number"], row["status"]) for row in invoices] == [
        ("DRAFT", "draft"), ("PAID", "paid"),
    ]  # fmt: skip
    assert world["admin"].get(f"{base}/").get_json()["data"]["credit_balance"] == 5
    first = world["reviewer"].get(f"{base}/invoices/", page_size=1).get_json()["pagination"]["next"]
    assert first.startswith(f"{BASE}{base}/invoices/?page_size=1&cursor=")


def test_customers_are_refused_whatever_they_name(world: World) -> None:
    """Their own account's id, another's and one that nothing has: the same bytes."""
    for who in ("owner", "member", "viewer", "stranger"):
        for rest in ("", "payment-methods/", "credit-transactions/", "payments/", "invoices/"):
            ids = (world.account.id, world.globex.id, new_id())
            answers = [world[who].get(f"/accounts/{account_id}/{rest}") for account_id in ids]
            assert {problem(answer)[:2] for answer in answers} == {(403, "forbidden")}
            assert len({without_id(answer) for answer in answers}) == 1
    assert problem(world["owner"].get("/accounts/")) == (403, "forbidden", [])
    assert problem(world["owner"].post("/accounts/", NEW)) == (403, "forbidden", [])
    assert problem(world["owner"].send("PUT", "/accounts/by-external-id/1/", NEW)) == (403, "forbidden", [])
    assert rows(world) == []
