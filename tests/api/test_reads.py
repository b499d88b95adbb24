"""The reading routes."""

from tests.api.conftest import World
from tests.factories import Factory


def test_account(world: World) -> None:
    response = world["viewer"].get("/account/")
    assert response.get_json() == {
        "success": True,
        "data": {
            "id": str(world.account.id),
            "number": world.account.number,
            "name": "Acme GmbH",
            "country": "DE",
            "currency": "EUR",
            "locale": "en",
            "timezone": "UTC",
            "credit_balance": 0,
        },
        "request_id": response.headers["X-Request-ID"],
    }


def test_available_methods(world: World, make: Factory) -> None:
    make.method(
        "local_wallet",
        "DE",
        display_name="Wallet",
        instructions="Scan.",
        details=[["Number", "0151 000"]],
        currencies=["EUR"],
        limit_currency="EUR",
        maximum="500.00",
        position=3,
    )
    assert world["owner"].get("/payment-methods/available/").get_json()["data"] == {
        "methods": [
            {
                "method": "bank_transfer",
                "name": "Bank transfer",
                "instructions": "Send it.",
                "details": [],
                "currencies": [],
                "minimum": None,
                "maximum": None,
                "is_default": False,
                "is_manual": True,
            },
            {
                "method": "local_wallet",
                "name": "Wallet",
                "instructions": "Scan.",
                "details": [{"label": "Number", "value": "0151 000"}],
                "currencies": ["EUR"],
                "minimum": None,
                "maximum": "500.00",
                "is_default": False,
                "is_manual": True,
            },
        ],
        "country": "DE",
        "currency": "EUR",
        "default_method": None,
        "count": 2,
    }


def test_invoices(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, "49.00", number="INV-1", credits=5)
    make.invoice(world.account, number="INV-DRAFT", issued=False)
    make.invoice(world.globex, "500", number="INV-G")
    row = {
        "id": str(invoice.id),
        "number": "INV-1",
        "status": "open",
        "is_overdue": False,
        "currency": "EUR",
        "total": "49.00",
        "amount_paid": "0.00",
        "outstanding": "49.00",
        "credits": 5,
        "issue_date": str(invoice.issue_date),
        "due_date": str(invoice.due_date),
        "payment_reference": invoice.payment_reference,
    }
    assert world["owner"].get("/invoices/", status="open").get_json()["data"] == [row]
    line = {"position": 1, "description": "Support", "quantity": "1", "unit_price": "49.00", "amount": "49.00"}
    assert world["owner"].get(f"/invoices/{invoice.id}/").get_json()["data"] == row | {"lines": [line]}


def test_staff_see_all_accounts(world: World, make: Factory) -> None:
    mine = make.payment(make.invoice(world.account, number="INV-1"), world.users["owner"])
    theirs = make.payment(make.invoice(world.globex, "500", number="INV-2"), world.users["stranger"])
    rows = world["reviewer"].get("/payments/", status="pending_approval").get_json()["data"]
    assert [(row["id"], row["account_id"], row["allowed_actions"]) for row in rows] == [
        (str(theirs.id), str(world.globex.id), ["approve", "reject", "cancel"]),
        (str(mine.id), str(world.account.id), ["approve", "reject", "cancel"]),
    ]
    make.invoice(world.account, number="INV-DRAFT", issued=False)
    invoices = world["reviewer"].get("/invoices/").get_json()["data"]
    assert [(row["number"], row["status"]) for row in invoices] == [
        ("INV-DRAFT", "draft"),
        ("INV-2", "open"),
        ("INV-1", "open"),
    ]
    for some in ({"currency": "JPY"}, {"account": "globex"}, {"account": world.globex.number, "q": "INV"}):
        assert world["reviewer"].get("/invoices/", **some).get_json()["data"] == invoices[1:2]
