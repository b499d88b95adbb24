"""Staff's one box: what is found by which text, what leads straight there, and what nobody is shown."""

import pytest

from portal.billing.invoices.payment_reference import in_groups
from tests.admin.conftest import World
from tests.factories import Factory
from tests.pages import Page, Pages

KINDS = ("Payments by reference", "Invoices", "Payments of this amount", "Invoices of this total")


def found(page: Page) -> dict[str, list[str]]:
    """The first cells by kind, of the kinds that there are; of accounts and users the names."""
    assert page.status == 200
    tables = {kind: [row[0] for row in page.rows_of(f"{kind} (table)")] for kind in KINDS}
    lists = {kind: [item.all("a")[0].text for item in section.all("li")] for kind in ("accounts", "users")
             for section in page.root.all("section", aria_labelledby=kind)}  # fmt: skip
    return {kind: rows for kind, rows in (tables | lists).items() if rows}


def search(visitor: Pages, q: str) -> dict[str, list[str]]:
    return found(visitor.get("/admin/search/", q=q))


def test_references_and_numbers_are_found_by_how_they_begin(reviewer: Pages, world: World, make: Factory) -> None:
    make.payment(make.invoice(world.acme, number="INV-10"), world.owner, "SEPA-77-b")
    make.payment(make.invoice(world.globex, "500", number="INV-11"), world.globex_owner, "Ｓepa 77 a")
    make.payment(make.invoice(world.acme, number="OTHER-INV-1"), world.owner, "xSEPA-77")
    assert {kind: sorted(rows) for kind, rows in search(reviewer, "sepa77").items()} == {
        "Payments by reference": ["SEPA-77-b", "Ｓepa 77 a"]
    }
    assert search(reviewer, "inv-1") == {"Invoices": ["INV-11", "INV-10"]}
    assert search(reviewer, "%%") == search(reviewer, "77") == {}


@pytest.mark.parametrize("by", ["number", "reference", "external id", "id"])
def test_what_names_one_invoice_leads_there(reviewer: Pages, world: World, make: Factory, by: str) -> None:
    wanted = make.invoice(world.acme, number="INV-1", external_id="ERP-7")
    make.invoice(world.acme, number="INV-12")
    text = {"number": "inv-1", "reference": in_groups(str(wanted.payment_reference)).lower(), "external id": "ERP-7",
            "id": str(wanted.id)}[by]  # fmt: skip
    answer = reviewer.get("/admin/search/", q=text)
    assert (answer.status, answer.location) == (302, f"/admin/invoices/{wanted.id}/")


def test_an_invoice_that_is_named_twice_is_one(reviewer: Pages, world: World, make: Factory) -> None:
    invoice = make.invoice(world.acme, number="X-1", external_id="X-1")
    assert reviewer.get("/admin/search/", q="X-1").location == f"/admin/invoices/{invoice.id}/"


def test_what_only_begins_like_a_payment_reference_is_shown(reviewer: Pages, world: World, make: Factory) -> None:
    """The invoice's number goes on behind it."""
    make.invoice(world.acme, number="RF18-2026-7")
    assert search(reviewer, "RF18-2026") == {"Invoices": ["RF18-2026-7"]}


def test_what_names_one_payment_or_account_leads_there(reviewer: Pages, world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.acme), world.owner, "SEPA-7")
    make.payment(make.invoice(world.acme), world.owner, "SEPA-70")
    for text, address in (
        ("ｓｅｐａ 7", f"/admin/payments/{payment.id}/"),
        (str(payment.id), f"/admin/payments/{payment.id}/"),
        ("c-1", f"/admin/accounts/{world.acme.id}/"),
        ("globex", f"/admin/accounts/{world.globex.id}/"),
    ):
        assert reviewer.get("/admin/search/", q=text).location == address


def test_what_names_two_things_shows_both(reviewer: Pages, world: World, make: Factory) -> None:
    """Customers like to give the invoice's number as their reference."""
    invoice = make.invoice(world.acme, number="INV-9")
    make.payment(invoice, world.owner, "INV 9")
    assert search(reviewer, "INV-9") == {"Payments by reference": ["INV 9"], "Invoices": ["INV-9"]}


def test_amounts(reviewer: Pages, world: World, make: Factory) -> None:
    make.payment(make.invoice(world.acme, "1250.00", number="EUR-1"), world.owner, "euros")
    make.payment(make.invoice(world.globex, "1250", number="JPY-1"), world.globex_owner, "yen")
    make.invoice(world.acme, "1.25", number="CENTS")
    both = {"Payments of this amount": ["yen", "euros"], "Invoices of this total": ["JPY-1", "EUR-1"]}
    euros = {"Payments of this amount": ["euros"], "Invoices of this total": ["EUR-1"]}
    assert search(reviewer, "1,250") == search(reviewer, "1250") == both
    assert search(reviewer, "1.250,00") == search(reviewer, "eur 1 250") == search(reviewer, "1250.00EUR") == euros
    assert search(reviewer, "1250 USD") == {}
    listed = reviewer.get(reviewer.get("/admin/search/", q="1,250").links["All payments of this amount"])
    assert [row[0] for row in listed.rows] == ["yen", "euros"]
    assert reviewer.get("/admin/invoices/", amount="much").field_errors == {
        "amount": "Write it like 49.00 or 49.00 EUR."
    }


def test_people_are_found_by_those_who_may_see_them(reviewer: Pages, admin: Pages, world: World) -> None:
    assert search(admin, "acme.example") == {"users": ["Olga Owner"]}
    assert admin.get("/admin/search/", q="Olga@acme.example").location == f"/admin/users/{world.owner.id}/"
    assert search(reviewer, "acme.example") == search(reviewer, "olga@acme.example") == {}


def test_of_each_kind_the_newest(reviewer: Pages, world: World, make: Factory) -> None:
    for number in range(7):
        make.payment(make.invoice(world.acme, number=f"N-{number}"), world.owner, f"ABC-{number}")
    page = reviewer.get("/admin/search/", q="abc")
    assert found(page)["Payments by reference"] == [f"ABC-{number}" for number in (6, 5, 4, 3, 2)]
    assert found(reviewer.get("/admin/search/", q="n-"))["Invoices"] == [f"N-{number}" for number in (6, 5, 4, 3, 2)]
    assert len(reviewer.get(page.links["All payments with this in the reference"]).rows) == 7


def test_what_cannot_be_searched_for_is_said(reviewer: Pages) -> None:
    assert "Type into the box above" in reviewer.get("/admin/search/").text
    for text, said in (
        ("x", "Type at least 2 characters."),
        ("a\x00b", "This contains characters that cannot be shown. Type it by hand."),
        ("4111 1111 1111 1111", "This looks like a card number."),
    ):
        page = reviewer.get("/admin/search/", q=text)
        assert page.status == 400
        assert [notice[: len(said)] for notice in page.notices] == [said]
        assert "4111" not in page.response.text
