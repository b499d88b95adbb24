"""Accounts, users, invoices and methods: made and changed by staff."""

import pytest
from flask import Flask

from portal.billing.methods.models import PaymentMethodConfig
from portal.billing.methods.queries import all_methods
from tests.admin.conftest import World
from tests.factories import Factory
from tests.pages import Page, Pages

NEW_ACCOUNT = {
    "number": "C-9",
    "name": "Initech",
    "country": "US",
    "currency": "USD",
    "locale": "en-US",
    "timezone": "UTC",
}
NEW_USER = {
    "name": "Ian",
    "email": "ian@acme.example",
    "account": "C-1",
    "role": "member",
    "password": "correct horse battery",
}
LINE = {"lines-0-description": "Support", "lines-0-quantity": "2.5", "lines-0-unit_price": "10.00"}
NEW_INVOICE = {"number": "INV-9", "account": "C-1", "credits": "100"} | LINE
METHOD = {
    "display_name": "Wire", "instructions": "Send it.", "currencies": "EUR, USD", "position": "3", "is_enabled": "y",
    "details-0-label": "IBAN", "details-0-value": "DE02 1203 0000 0000 2020 51",
}  # fmt: skip
BAD_TEXTS = ["a\x00b", "x" * 10_000, "\u202eevil"]


def test_an_account_is_made_and_changed(admin: Pages) -> None:
    made = admin.post("/admin/accounts/new", NEW_ACCOUNT)
    page = admin.follow(made)
    assert (made.status, page.h1) == (303, "Initech")
    assert "Initech (C-9) now has an account." in page.notices[0]
    changed = admin.post(
        f"{made.location}edit", {"name": "Initech Ltd", "locale": "en-GB", "timezone": "Europe/London"}
    )
    assert admin.follow(changed).h1 == "Initech Ltd"
    assert "Europe/London" in admin.get(made.location).text


@pytest.mark.parametrize(
    ("field", "value"),
    [("number", ""), ("number", "C-1"), ("country", ""), ("country", "ZZ"), ("currency", "eur"), ("locale", "xx-YY-zz"),
     ("timezone", "Mars"), ("timezone", "\x00"), *(("name", text) for text in BAD_TEXTS)],
)  # fmt: skip
def test_a_bad_account_is_refused_at_its_field_and_kept(admin: Pages, field: str, value: str) -> None:
    page = admin.post("/admin/accounts/new", NEW_ACCOUNT | {field: value})
    assert page.status in (400, 409)
    assert list(page.field_errors) == [field]
    assert all(page.values[name] == text for name, text in NEW_ACCOUNT.items() if name != field)


def test_an_accounts_methods_are_set_at_the_account(admin: Pages, world: World) -> None:
    address = f"/admin/accounts/{world.acme.id}/"
    saved = admin.post(f"{address}methods/bank_transfer", {"is_allowed": "y", "is_default": "y", "label": "Our bank"})
    assert "Available: Our bank (default)." in admin.follow(saved).text
    page = admin.post(f"{address}methods/bank_transfer", {"is_default": "y", "label": "kept"})
    assert (page.status, list(page.field_errors)) == (400, ["is_default"])
    assert "kept" in page.root.one("input", id="bank_transfer-label").attributes["value"]
    for text in BAD_TEXTS:
        page = admin.post(f"{address}methods/bank_transfer", {"is_allowed": "y", "label": text})
        assert list(page.field_errors) == ["label"]
    assert admin.post(f"{address}methods/gold", {}).status == 404
    assert admin.post(f"{address}methods/bank_transfer", {}).status == 303
    assert "None is available" in admin.get(address).text


def test_a_user_is_made_and_signs_in(app: Flask, admin: Pages, world: World, make: Factory) -> None:
    made = admin.post("/admin/users/new", NEW_USER)
    assert "Ian can sign in as ian@acme.example." in admin.follow(made).notices[0]
    assert "correct horse battery" not in admin.get(made.location).response.text
    ian = Pages(app)
    ian.get("/login")
    assert ian.post("/login", {"email": "ian@acme.example", "password": NEW_USER["password"]}).status == 303
    assert admin.post(f"{made.location}deactivation").status == 303
    assert ian.get("/payments/").status == 302
    assert "Locked out" in admin.get(made.location).text
    admin.post(f"{made.location}activation")
    assert "May sign in" in admin.get(made.location).text


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "no address"), ("email", "olga@acme.example"), ("email", "a\x00@b.example"), ("account", "C-404"),
     ("account", "\x00"), ("role", "admin"), ("role", "king"), ("role", ""), ("password", "short"),
     ("password", "x" * 10_000), ("password", ""), ("password", "portal-demo"),
     *(("name", text) for text in BAD_TEXTS)],
)  # fmt: skip
def test_a_bad_user_is_refused_at_its_field_and_kept(admin: Pages, field: str, value: str) -> None:
    page = admin.post("/admin/users/new", NEW_USER | {field: value})
    assert page.status in (400, 409)
    assert list(page.field_errors) == [field]
    kept = {name: text for name, text in NEW_USER.items() if name not in (field, "password")}
    assert {name: page.values[name] for name in kept} == kept
    assert page.values["password"] == ""


def test_role_and_password_change_and_nobody_changes_their_own_role(admin: Pages, world: World) -> None:
    user = f"/admin/users/{world.owner.id}/"
    assert "has a new role" in admin.follow(admin.post(f"{user}role", {"role": "viewer"})).notices[0]
    assert list(admin.post(f"{user}role", {"role": "admin"}).field_errors) == ["role"]
    assert list(admin.post(f"{user}password", {"password": "short"}).field_errors) == ["password"]
    assert admin.post(f"{user}password", {"password": "another horse battery"}).status == 303
    own = f"/admin/users/{world.admin.id}/"
    assert admin.get(own).buttons == []
    assert [admin.post(f"{own}{what}", {"role": "reviewer"}).status for what in ("role", "deactivation")] == [409, 409]


def test_an_invoice_is_drafted_issued_and_withdrawn(admin: Pages, reviewer: Pages) -> None:
    made = admin.post(
        "/admin/invoices/new", NEW_INVOICE | {"lines-1-description": "Discount", "lines-1-unit_price": "-5"}
    )
    page = admin.follow(made)
    assert page.h1.replace("\u00a0", " ") == "Invoice INV-9 20.00 EUR for Acme GmbH"
    assert page.title.startswith("Invoice INV-9, Acme GmbH, 20.00 EUR")
    assert "Outstanding –" in page.text  # nobody owes a draft
    assert page.rows[-1][-1] == "20.00 EUR".replace(" ", "\u00a0") or page.rows[-1][-1] == "20.00 EUR"
    assert page.buttons == ["Issue invoice", "Void invoice"]
    assert reviewer.get(made.location).buttons == []
    assert "is issued" in admin.follow(admin.post(f"{made.location}issue")).notices[0]
    again = admin.post(f"{made.location}issue")
    assert (again.status, "was issued before" in again.notices[0]) == (409, True)
    assert list(admin.post(f"{made.location}voiding", {"reason": ""}).field_errors) == ["reason"]
    for text in BAD_TEXTS:
        assert list(admin.post(f"{made.location}voiding", {"reason": text}).field_errors) == ["reason"]
    void = admin.follow(admin.post(f"{made.location}voiding", {"reason": "by mistake"}))
    assert "is void" in void.notices[0]
    assert void.notices[1].startswith("Voided by Ada Admin , ")
    assert void.notices[1].endswith(" by mistake")
    assert ("Payment reference" in void.text, "None yet." in void.text) == (False, False)
    assert reviewer.get(made.location).notices[0].endswith(" by mistake")


def test_an_invoice_that_is_being_paid_is_not_withdrawn(admin: Pages, world: World, make: Factory) -> None:
    invoice = make.invoice(world.acme)
    make.payment(invoice, world.owner)
    page = admin.post(f"/admin/invoices/{invoice.id}/voiding", {"reason": "kept"})
    assert (page.status, page.values["reason"]) == (409, "kept")
    assert "still open" in page.notices[0]


def test_lines_are_added_without_javascript(admin: Pages) -> None:
    page = admin.get("/admin/invoices/new", account="C-1")
    assert (page.values["account"], page.values["lines-2-description"]) == ("C-1", "")
    page = admin.post("/admin/invoices/new", NEW_INVOICE | {"add_line": "Add a line"})
    assert (page.status, page.values["lines-0-description"], page.values["lines-1-description"]) == (200, "Support", "")
    assert page.field_errors == {}
    many = {f"lines-{n}-description": "x" for n in range(150)} | {
        "lines-²-description": "x",
        f"lines-{'9' * 5000}-quantity": "1",
    }
    assert "lines-100-description" not in admin.post("/admin/invoices/new", many | {"add_line": "1"}).values


@pytest.mark.parametrize(
    ("field", "value"),
    [("number", ""), ("account", "C-404"), ("currency", "XYZ"), ("credits", "many"), ("credits", "9" * 5000),
     ("credits", "²"), ("issue_date", "soon"), ("lines-0-description", ""), ("lines-0-quantity", "0"),
     ("lines-0-quantity", "²"), ("lines-0-unit_price", "1.234"), ("lines-0-unit_price", "1,00"),
     *((name, text) for text in BAD_TEXTS for name in ("number", "account", "lines-0-description"))],
)  # fmt: skip
def test_a_bad_invoice_is_refused_at_its_field_and_kept(admin: Pages, field: str, value: str) -> None:
    page = admin.post("/admin/invoices/new", NEW_INVOICE | {field: value})
    assert page.status == 400
    assert list(page.field_errors) == [field]
    assert all(page.values[name] == text for name, text in NEW_INVOICE.items() if name != field)


def test_an_invoice_without_lines_or_with_a_taken_number_is_refused(admin: Pages, world: World, make: Factory) -> None:
    page = admin.post("/admin/invoices/new", {"number": "INV-9", "account": "C-1"})
    assert (page.status, "An invoice has 1 to 1000 lines." in page.text) == (400, True)
    make.invoice(world.acme, number="INV-9")
    page = admin.post("/admin/invoices/new", NEW_INVOICE)
    assert (page.status, list(page.field_errors)) == (409, ["number"])
    late = admin.post("/admin/invoices/new", NEW_INVOICE | {"issue_date": "2026-02-02", "due_date": "2026-02-01"})
    assert list(late.field_errors) == ["due_date"]


def methods(app: Flask) -> list[PaymentMethodConfig]:
    with app.app_context():
        return list(all_methods())


def test_a_method_is_made_changed_and_switched(app: Flask, admin: Pages, reviewer: Pages) -> None:
    made = admin.post("/admin/methods/new", METHOD | {"country": "DE", "method": "bank_transfer"})
    assert "Wire is saved for Germany." in admin.follow(made).notices[0]
    german = next(method for method in methods(app) if method.country == "DE")
    assert (german.currencies, german.details) == (["EUR", "USD"], [["IBAN", "DE02 1203 0000 0000 2020 51"]])
    address = f"/admin/methods/{german.id}/"
    page = admin.get(address)
    assert (page.values["details-0-label"], page.values["currencies"], page.values["position"]) == (
        "IBAN",
        "EUR, USD",
        "3",
    )
    saved = admin.post(address, METHOD | {"display_name": "Wire transfer", "minimum": "5", "limit_currency": "EUR"})
    assert "Wire transfer is saved." in admin.follow(saved).notices[0]
    assert next(method for method in methods(app) if method.country == "DE").min_minor == 500
    off = admin.post(f"{address}deactivation")
    assert "Wire transfer is off for Germany." in admin.follow(off).notices[0]
    admin.post(f"{address}activation")
    assert next(method for method in methods(app) if method.country == "DE").is_enabled
    shown = reviewer.get("/admin/methods/")
    assert ("Wire transfer" in shown.text, shown.buttons, "Edit" in shown.links) == (True, [], False)


def test_details_are_added_without_javascript(admin: Pages) -> None:
    page = admin.post("/admin/methods/new", METHOD | {"add_detail": "1"})
    assert (page.status, page.values["details-0-label"], page.values["details-1-label"]) == (200, "IBAN", "")


@pytest.mark.parametrize(
    ("field", "value"),
    [("country", "ZZ"), ("method", "gold"), ("method", ""), ("display_name", ""), ("currencies", "EUR, XXX"),
     ("limit_currency", "XXX"), ("minimum", "1"), ("position", ""), ("position", "first"), ("position", "-1"),
     ("position", "9" * 5000), *((name, text) for text in BAD_TEXTS for name in ("display_name", "instructions"))],
)  # fmt: skip
def test_a_bad_method_is_refused_at_its_field_and_kept(admin: Pages, field: str, value: str) -> None:
    whole = METHOD | {"country": "DE", "method": "bank_transfer"}
    page = admin.post("/admin/methods/new", whole | {field: value})
    assert page.status == 400
    assert list(page.field_errors) == ["limit_currency" if field == "minimum" else field]
    kept = {name: text for name, text in whole.items() if name not in (field, "is_enabled")}
    assert {name: page.values[name] for name in kept} == kept


def test_a_half_detail_or_a_second_row_of_a_country_is_refused(admin: Pages) -> None:
    whole = METHOD | {"country": "DE", "method": "bank_transfer"}
    page = admin.post("/admin/methods/new", whole | {"details-0-value": ""})
    assert (page.status, "A detail's value is missing." in page.text) == (400, True)
    assert admin.post("/admin/methods/new", whole).status == 303
    page = admin.post("/admin/methods/new", whole)
    assert (page.status, list(page.field_errors)) == (409, ["method"])


def test_an_account_page_shows_what_hangs_on_it(reviewer: Pages, world: World, make: Factory) -> None:
    make.approved(make.payment(make.invoice(world.acme, credits=500), world.owner, "TRF-7"), world.admin)
    page: Page = reviewer.get(f"/admin/accounts/{world.acme.id}/")
    assert all(word in page.text for word in ("500", "TRF-7", "Olga Owner", "C-1", "Germany"))
    assert (page.buttons, "Edit" in page.links) == ([], False)


def test_pages_show_what_the_back_office_calls_them(reviewer: Pages, make: Factory) -> None:
    account = make.account("Initech", external_id="erp-7")
    invoice = make.invoice(account, external_id="erp-8")
    assert "External id erp-7" in reviewer.get(f"/admin/accounts/{account.id}/").text
    assert "External id erp-8" in reviewer.get(f"/admin/invoices/{invoice.id}/").text


def test_an_account_keeps_formats_that_the_form_does_not_offer(admin: Pages, make: Factory) -> None:
    account = make.account("Initech", locale="sw-KE", timezone="Africa/Kampala")
    page = admin.get(f"/admin/accounts/{account.id}/edit")
    assert (page.values["locale"], page.values["timezone"]) == ("sw-KE", "Africa/Kampala")
    assert admin.post(f"/admin/accounts/{account.id}/edit", page.values).status == 303
    crumbs = page.root.one("nav", aria_label="Where you are").all("li")
    assert [step.text for step in crumbs] == ["Accounts", "Initech", "Edit"]
    assert "Africa/Kampala" in admin.get(f"/admin/accounts/{account.id}/").text
