"""Payments by the API: whole bodies, as SPEC §5 says."""

from typing import Any

import pytest

from tests.api.conftest import World, problem, report, without_id
from tests.factories import Factory


def test_a_report_answers_201_with_the_payment(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, "49.00", number="INV-7")
    response = world["owner"].post(
        "/payments/manual/",
        {
            "invoice_id": str(invoice.id),
            "payment_method": "bank_transfer",
            "transaction_reference": "TRF 77",
            "notes": "🧾",
        },
    )
    body = response.get_json()
    data = body["data"]
    assert (response.status_code, response.content_type) == (201, "application/json")
    assert response.headers["Location"] == f"/api/v1/billing/payments/{data['id']}/"
    assert body == {
        "success": True,
        "data": {
            "id": data["payment_id"],
            "payment_id": data["id"],
            "invoice_id": str(invoice.id),
            "invoice_number": "INV-7",
            "amount": "49.00",
            "currency": "EUR",
            "payment_method": "bank_transfer",
            "status": "pending_approval",
            "transaction_reference": "TRF 77",
            "paid_on": None,
            "notes": "🧾",
            "failure_reason": None,
            "version": 1,
            "allowed_actions": ["cancel"],
            "created_at": data["created_at"],
            "updated_at": data["created_at"],
            "decided_at": None,
        },
        "request_id": response.headers["X-Request-ID"],
    }
    assert data["created_at"].endswith("Z")
    assert list(world["owner"].get(f"/payments/{data['id']}/").get_json()["data"]) == [
        *data,
        "tracking",
        "events",
        "proofs",
    ]


@pytest.mark.parametrize(
    ("country", "currency", "total"), [("JP", "JPY", "500"), ("KW", "KWD", "1.250"), ("DE", "EUR", "0.05")]
)
def test_amounts_have_the_currencys_digits(
    country: str, currency: str, total: str, world: World, make: Factory
) -> None:
    invoice = make.invoice(world.account, total, currency=currency)
    assert report(world, invoice.id)["amount"] == total


def test_a_repeat_answers_409_naming_the_first(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    first = report(world, invoice.id)
    body = {"invoice_id": str(invoice.id), "payment_method": "bank_transfer", "transaction_reference": "TRF-2"}
    again = world["owner"].post("/payments/manual/", body)
    assert problem(again) == (409, "open_payment_exists", [("invoice_id", "open_payment_exists")])
    assert again.get_json(force=True)["payment_id"] == first["id"]
    other = make.invoice(world.account)
    reused = world["owner"].post("/payments/manual/", body | {"invoice_id": str(other.id), "reference": "trf 1",
                                                              "transaction_reference": "trf 1"})  # fmt: skip
    assert problem(reused) == (409, "reference_already_used", [("transaction_reference", "reference_already_used")])
    assert reused.get_json(force=True)["payment_id"] == first["id"]


def test_a_paid_invoice_answers_400(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, number="INV-9")
    payment = report(world, invoice.id)
    assert world["reviewer"].post(f"/payments/{payment['id']}/approval/", {"version": 1}).status_code == 200
    response = world["owner"].post(
        "/payments/manual/",
        {"invoice_id": str(invoice.id), "payment_method": "bank_transfer", "transaction_reference": "TRF-2"},
    )
    message = "Invoice INV-9 is paid already; there is nothing left to pay."
    assert response.get_json(force=True) == {
        "type": "urn:billing-portal:error:invoice_already_paid",
        "title": "Bad Request",
        "status": 400,
        "detail": message,
        "success": False,
        "code": "invoice_already_paid",
        "errors": [{"field": "invoice_id", "code": "invoice_already_paid", "message": message}],
        "request_id": response.headers["X-Request-ID"],
    }


@pytest.mark.parametrize(("state", "code"), [("draft", "invoice_draft"), ("void", "invoice_void")])
def test_other_invoices_that_cannot_be_paid(state: str, code: str, world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, issued=False)
    if state == "void":
        make.void(invoice)
    body = {"invoice_id": str(invoice.id), "payment_method": "bank_transfer", "transaction_reference": "x"}
    assert problem(world["owner"].post("/payments/manual/", body)) == (400, code, [("invoice_id", code)])


def test_another_accounts_invoice_and_an_absent_one_answer_the_same_bytes(world: World, make: Factory) -> None:
    foreign = make.invoice(world.globex, "500")
    absent = make.payment(foreign, world.users["stranger"]).id
    body = {"payment_method": "bank_transfer", "transaction_reference": "x"}
    answers = [
        world["owner"].post("/payments/manual/", body | {"invoice_id": str(invoice_id)})
        for invoice_id in (foreign.id, absent)
    ]
    assert problem(answers[0]) == (404, "not_found", [])
    assert without_id(answers[0]) == without_id(answers[1])


def test_another_accounts_payment_is_not_there_on_any_route(world: World, make: Factory) -> None:
    foreign = make.payment(make.invoice(world.globex, "500"), world.users["stranger"]).id
    absent = make.invoice(world.globex, "500").id
    for method, path, body in (
        ("GET", "/payments/{}/", None),
        ("POST", "/payments/{}/cancellation/", {}),
        ("GET", "/invoices/{}/", None),
    ):
        answers = [
            world["owner"].raw(method, "/api/v1/billing" + path.format(id_), json=body)
            for id_ in (foreign, absent, "xyz", "00000000-0000-0000-0000-000000000000")
        ]
        assert problem(answers[0]) == (404, "not_found", [])
        assert {without_id(answer) for answer in answers} == {without_id(answers[0])}


def test_missing_fields_are_all_named(world: World) -> None:
    bodies: list[dict[str, Any] | None] = [{}, None]
    for body in bodies:
        assert problem(world["owner"].post("/payments/manual/", body)) == (
            400,
            "invalid_input",
            [("invoice_id", "required"), ("payment_method", "required"), ("transaction_reference", "required")],
        )


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"extra": 1, "status": "succeeded"}, [("extra", "unknown_field"), ("status", "unknown_field")]),
        ({"account_id": "x"}, [("account_id", "unknown_field")]),
        ({"amount": "1.00"}, [("amount", "unknown_field")]),
        ({"invoice_id": "7"}, [("invoice_id", "invalid")]),
        ({"invoice_id": 7}, [("invoice_id", "invalid")]),
        ({"invoice_id": None}, [("invoice_id", "null")]),
        ({"payment_method": ["bank_transfer"]}, [("payment_method", "invalid_type")]),
        ({"transaction_reference": 7}, [("transaction_reference", "invalid_type")]),
        ({"notes": {"a": 1}}, [("notes", "invalid_type")]),
        ({"reference": "other"}, [("reference", "invalid")]),
    ],
)
def test_fields_that_are_wrong_are_named(
    change: dict[str, Any], errors: list[tuple[str, str]], world: World, make: Factory
) -> None:
    body = {"invoice_id": str(make.invoice(world.account).id), "payment_method": "bank_transfer",
            "transaction_reference": "TRF-1"}  # fmt: skip
    assert problem(world["owner"].post("/payments/manual/", body | change)) == (400, "invalid_input", errors)
    assert world["owner"].get("/payments/").get_json()["data"] == []


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"payment_method": "card"}, "payment_method_not_available", "payment_method"),
        ({"payment_method": "x" * 10_000}, "payment_method_not_available", "payment_method"),
        ({"transaction_reference": ""}, "required", "transaction_reference"),
        ({"transaction_reference": "x" * 10_000}, "too_long", "transaction_reference"),
        ({"transaction_reference": "a\x00b"}, "control_characters", "transaction_reference"),
        ({"notes": "4111 1111 1111 1111"}, "card_number", "notes"),
        ({"notes": "x" * 2001}, "too_long", "notes"),
    ],
)
def test_what_the_domain_refuses_is_said_at_its_field(
    change: dict[str, Any], code: str, field: str, world: World, make: Factory
) -> None:
    body = {"invoice_id": str(make.invoice(world.account).id), "payment_method": "bank_transfer",
            "transaction_reference": "TRF-1"}  # fmt: skip
    response = world["owner"].post("/payments/manual/", body | change)
    assert problem(response) == (400, code, [(field, code)])
    assert b"4111" not in response.data


def test_reference_is_another_word(world: World, make: Factory) -> None:
    body = {"invoice_id": str(make.invoice(world.account).id), "payment_method": "bank_transfer", "reference": "TRF-1"}
    response = world["owner"].post("/payments/manual/", body)
    assert (response.status_code, response.get_json()["data"]["transaction_reference"]) == (201, "TRF-1")


def test_a_list_shows_the_accounts_payments_only(world: World, make: Factory) -> None:
    mine = report(world, make.invoice(world.account).id)
    make.payment(make.invoice(world.globex, "500"), world.users["stranger"])
    response = world["viewer"].get("/payments/", status="pending_approval")
    body = response.get_json()
    assert body == {
        "success": True,
        "data": [mine | {"allowed_actions": []}],
        "pagination": {"next": None, "previous": None, "page_size": 20},
        "request_id": response.headers["X-Request-ID"],
    }


def test_filters(world: World, make: Factory) -> None:
    first = report(world, make.invoice(world.account, number="INV-A").id, "ALPHA-1")
    second = report(world, make.invoice(world.account, number="INV-B").id, "BETA-2")
    world["reviewer"].post(f"/payments/{first['id']}/approval/", {"version": 1})

    def found(**query: Any) -> list[str]:
        body = world["owner"].get("/payments/", **query).get_json()
        return [row["transaction_reference"] for row in body["data"]]

    assert found() == ["BETA-2", "ALPHA-1"]
    assert found(status="completed") == ["ALPHA-1"]
    assert found(status=["succeeded", "pending_approval"]) == ["BETA-2", "ALPHA-1"]
    assert found(status="failed") == []
    assert found(invoice_id=second["invoice_id"]) == ["BETA-2"]
    assert found(payment_method="local_wallet") == []
    assert found(q="beta2") == ["BETA-2"]
    assert found(q="inv-a") == ["ALPHA-1"]
    assert found(q="%") == []
    assert found(created_from=second["created_at"]) == ["BETA-2"]
    assert found(created_to=second["created_at"]) == ["ALPHA-1"]
    assert found(created_from="2020-01-01T00:00:00+05:30", q="ALPHA 1") == ["ALPHA-1"]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("status=done", [("status", "invalid")]),
        ("status=", [("status", "invalid")]),
        ("invoice_id=7", [("invoice_id", "invalid")]),
        ("created_from=yesterday", [("created_from", "invalid")]),
        ("created_from=2026-01-01T00:00:00", [("created_from", "invalid")]),
        ("page_size=0", [("page_size", "invalid")]),
        ("page_size=101", [("page_size", "invalid")]),
        ("page_size=ten", [("page_size", "invalid_type")]),
        ("page_size=1&page_size=2", [("page_size", "repeated")]),
        ("stauts=failed", [("stauts", "unknown_field")]),
        ("account_id=1", [("account_id", "unknown_field")]),
        ("q=" + "x" * 201, [("q", "invalid")]),
        ("q=a%00b&payment_method=%00", [("q", "control_characters"), ("payment_method", "control_characters")]),
    ],
)
def test_bad_queries_are_refused(query: str, errors: list[tuple[str, str]], world: World) -> None:
    assert problem(world["owner"].raw("GET", f"/api/v1/billing/payments/?{query}")) == (400, "invalid_input", errors)


def test_pages_are_stable_while_payments_come_in(world: World, make: Factory) -> None:
    for number in range(5):
        report(world, make.invoice(world.account).id, f"TRF-{number}")

    def page(url: str) -> tuple[list[str], dict[str, Any]]:
        body = world["owner"].raw("GET", url).get_json()
        return [row["transaction_reference"] for row in body["data"]], body["pagination"]

    rows, links = page("/api/v1/billing/payments/?page_size=2&status=pending_approval")
    assert (rows, links["previous"], links["page_size"]) == (["TRF-4", "TRF-3"], None, 2)
    report(world, make.invoice(world.account).id, "TRF-5")
    rows, links = page(links["next"])
    assert rows == ["TRF-2", "TRF-1"]
    last, last_links = page(links["next"])
    assert (last, last_links["next"]) == (["TRF-0"], None)
    back, _ = page(links["previous"])
    assert back == ["TRF-4", "TRF-3"]


def test_another_accounts_cursor_opens_nothing(world: World, make: Factory) -> None:
    for _ in range(3):
        make.payment(make.invoice(world.globex, "500"), world.users["stranger"])
    theirs = world["stranger"].get("/payments/", page_size=1).get_json()["pagination"]["next"]
    assert world["owner"].raw("GET", theirs).get_json()["data"] == []


def test_a_payments_history_hides_staff_from_customers(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account, credits=3).id)
    approved = world["reviewer"].post(
        f"/payments/{payment['id']}/approval/", {"version": 1, "same_text_reason": "not needed"}
    )
    assert approved.get_json()["data"]["allowed_actions"] == []

    def events(who: str) -> list[tuple[str, str | None, str, str, str | None]]:
        body = world[who].get(f"/payments/{payment['id']}/").get_json()
        names = ("action", "from_status", "to_status", "actor", "reason")
        return [tuple(event[name] for name in names) for event in body["data"]["events"]]

    assert events("owner") == [
        ("submit", None, "pending_approval", "you", None),
        ("approve", "pending_approval", "succeeded", "our staff", None),
    ]
    assert events("member")[0][3] == "Olga Owner"
    assert [step[3] for step in events("admin")] == ["Olga Owner", "Rita Reviewer"]
