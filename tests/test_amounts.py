"""Amounts that are none, at every place that takes one: refused at their field, and nothing is written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts.models import Account
from portal.billing.methods.models import PaymentMethodConfig
from tests.api.conftest import Caller
from tests.cli.test_import import HEADER
from tests.contents import state
from tests.factories import Factory
from tests.http.browsers import on_sqlite
from tests.pages import Page, Pages

TEXTS = [
    ("1e18", "EUR"), ("0.005", "EUR"), ("1,000", "EUR"), ("１２.００", "EUR"), ("NaN", "EUR"), ("1e3", "EUR"),
    (str(2**63), "EUR"), ("10000000000000.01", "EUR"), ("true", "EUR"), ("−0", "EUR"), ("49.001", "EUR"),
    ("49.0", "JPY"),
]  # fmt: skip
VALUES: tuple[Any, ...] = (True, 2**63, 1e18, 0.005, -1, float("nan"), None)
"""What JSON can hold beside texts."""


@dataclass
class World:
    """An admin as a program and in a browser, an account for each currency, and a method to change."""

    app: Flask
    api: Caller
    pages: Pages
    accounts: dict[str, Account]
    method: PaymentMethodConfig
    file: Path


@pytest.fixture
def world(app: Flask, make: Factory, tmp_path: Path) -> World:
    admin = make.user("admin")
    accounts = {"EUR": make.account(), "JPY": make.account("Globex", "JP", "JPY")}
    caller, pages = Caller(app, make.token(admin)), Pages(app).sign_in(admin)
    pages.get("/profile/")
    return World(app, caller, pages, accounts, make.method(), tmp_path / "in.csv")


def told(answer: TestResponse) -> list[str]:
    """The fields at which the API refuses; its code where it names none."""
    body = answer.get_json(force=True)
    refusal = body if answer.status_code != 200 else body["data"][0].get("error", {"errors": []})
    return [field["field"].rpartition(".")[2] for field in refusal["errors"]] or [refusal["code"]]


def shown(page: Page) -> list[str]:
    return [name.rpartition("-")[2] for name in page.field_errors]


def invoice(unit_price: Any = "49", **more: Any) -> dict[str, Any]:
    return {"number": "N-1", "lines": [{"description": "Support", "unit_price": unit_price}], "issue": True} | more


def invoice_by_api(world: World, currency: str, **values: Any) -> list[str]:
    return told(world.api.post(f"/accounts/{world.accounts[currency].id}/invoices/", invoice(**values)))


def invoice_put_by_api(world: World, currency: str, **values: Any) -> list[str]:
    path = f"/accounts/{world.accounts[currency].id}/invoices/by-external-id/X-1/"
    return told(world.api.send("PUT", path, invoice(**values)))


def invoices_by_api(world: World, currency: str, **values: Any) -> list[str]:
    item = invoice(**values) | {"account_id": str(world.accounts[currency].id)}
    return told(world.api.post("/invoices/bulk/", {"items": [item]}))


def invoice_by_form(world: World, currency: str, unit_price: str = "49", credits: str = "0") -> list[str]:
    line = {"lines-0-description": "Support", "lines-0-unit_price": unit_price}
    form = {"number": "N-1", "account": world.accounts[currency].number, "credits": credits}
    return shown(world.pages.post("/admin/invoices/new", form | line))


def invoice_by_import(world: World, currency: str, unit_price: str = "49", credits: str = "0") -> list[str]:
    row = f"C-9,Initech,DE,{currency},N-1,2026-11-01,2026-11-15"
    world.file.write_text(f'{HEADER}\n{row},"{credits}",Support,1,"{unit_price}"\n')
    result = world.app.test_cli_runner().invoke(args=["import", str(world.file)])
    return re.findall(r"line 2, (\w+):", result.output)


def limits_by_api(world: World, currency: str, **limits: Any) -> list[str]:
    method = {"country": "DE", "method": "bank_transfer", "display_name": "Bank", "limit_currency": currency}
    return told(world.api.post("/payment-method-configs/", method | limits))


def limits_put_by_api(world: World, currency: str, **limits: Any) -> list[str]:
    settings = {"display_name": "Bank", "limit_currency": currency, "is_enabled": True}
    return told(world.api.send("PUT", f"/payment-method-configs/{world.method.id}/", settings | limits))


def limits_by_form(world: World, currency: str, **limits: str) -> list[str]:
    method = {"country": "DE", "method": "bank_transfer", "display_name": "Bank", "limit_currency": currency}
    return shown(world.pages.post("/admin/methods/new", method | {"position": "1"} | limits))


def limits_by_form_of_one(world: World, currency: str, **limits: str) -> list[str]:
    settings = {"display_name": "Bank", "limit_currency": currency, "position": "1"}
    return shown(world.pages.post(f"/admin/methods/{world.method.id}/", settings | limits))


Place = Callable[..., list[str]]
ISSUING: list[Place] = [invoice_by_api, invoice_put_by_api, invoices_by_api, invoice_by_import]
OF_INVOICES: list[Place] = [*ISSUING, invoice_by_form]
OF_LIMITS: list[Place] = [limits_by_api, limits_put_by_api, limits_by_form, limits_by_form_of_one]
PRICES = [(place, "unit_price") for place in OF_INVOICES]
LIMITS = [(place, name) for place in OF_LIMITS for name in ("minimum", "maximum")]
CREDITS = [(place, "credits") for place in OF_INVOICES]


@on_sqlite
@pytest.mark.parametrize(("place", "field"), [*PRICES, *LIMITS, *CREDITS])
def test_texts_that_are_no_amount(place: Place, field: str, world: World) -> None:
    before = state(world.app)
    for text, currency in TEXTS:
        assert (text, place(world, currency, **{field: text})) == (text, [field])
    assert state(world.app) == before


@on_sqlite
@pytest.mark.parametrize(
    ("place", "field"), [(place, field) for place, field in [*PRICES, *LIMITS, *CREDITS] if "api" in place.__name__]
)
def test_json_that_is_no_amount(place: Place, field: str, world: World) -> None:
    before = state(world.app)
    for value in VALUES:
        expected = "malformed_json" if value != value else field  # NaN is no JSON
        assert (value, place(world, "EUR", **{field: value})) == (value, [expected])
    assert state(world.app) == before


@pytest.mark.parametrize(("place", "field"), [*LIMITS, *CREDITS])
def test_limits_and_credits_are_not_negative(place: Place, field: str, world: World) -> None:
    """Nor nothing with a minus before it, which says that something else was meant."""
    before = state(world.app)
    texts = ("-1", "-0") if field == "credits" else ("-1", "-0", "-0.00")
    for value in (-1,) if field == "credits" and "api" in place.__name__ else texts:
        assert (value, place(world, "EUR", **{field: value})) == (value, [field])
    assert state(world.app) == before


@pytest.mark.parametrize("place", OF_LIMITS)
def test_a_largest_amount_of_nothing_is_no_limit(place: Place, world: World) -> None:
    """A method that takes nothing is one that is switched off."""
    before = state(world.app)
    for text in ("0", "0.00"):
        assert (text, place(world, "EUR", minimum="0", maximum=text)) == (text, ["maximum"])
    assert state(world.app) == before


def test_what_to_do_instead_of_a_largest_amount_of_nothing_is_said(world: World) -> None:
    words = "Nothing could be paid with this method then. Switch it off instead."
    settings = {"display_name": "Bank", "limit_currency": "EUR", "maximum": "0", "is_enabled": True}
    refusal = world.api.send("PUT", f"/payment-method-configs/{world.method.id}/", settings).get_json()
    assert refusal["errors"] == [{"field": "maximum", "code": "invalid_limits", "message": words}]
    form = {"display_name": "Bank", "limit_currency": "EUR", "position": "1", "maximum": "0"}
    assert world.pages.post(f"/admin/methods/{world.method.id}/", form).field_errors == {"maximum": words}


@pytest.mark.parametrize("place", ISSUING)
def test_nothing_and_less_are_not_asked_for(place: Place, world: World) -> None:
    """A price may be zero, or below for a discount; what somebody is asked to pay is neither."""
    before = state(world.app)
    for price in ("-1", "0", "-0"):
        field = "unit_price" if place is invoice_by_import else "lines"
        assert (price, place(world, "EUR", unit_price=price)) == (price, [field])
    assert state(world.app) == before


def test_a_draft_of_nothing_stays_a_draft(world: World) -> None:
    before = state(world.app)
    form = {"number": "N-1", "account": world.accounts["EUR"].number, "lines-0-description": "Support"}
    less = world.pages.post("/admin/invoices/new", form | {"lines-0-unit_price": "-1"})
    assert (less.status, "The lines add up to less than nothing" in less.text) == (400, True)
    assert state(world.app) == before
    draft = world.pages.post("/admin/invoices/new", form | {"lines-0-unit_price": "-0"})
    assert world.pages.post(f"{draft.location}issue").status == 400
    assert "Draft" in world.pages.get(draft.location).text
