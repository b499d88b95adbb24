"""Whatever is sent to whatever route: an answer with words, never a failure of ours."""

import json
from typing import Any

import pytest
from flask import Flask

from portal.accounts.models import User
from portal.foundation.ids import new_id
from tests.api.conftest import BASE
from tests.factories import Factory
from tests.pages import Pages

NASTY = {
    "nothing": "",
    "blanks": " \t ",
    "long": "x" * 10_000,
    "nul": "a\x00b",
    "controls": "\x1b[31m\r\nSet-Cookie: x=1",
    "right to left": "\u202eevil\u2066",
    "emoji": "🧾👩‍👩‍👧",
    "digits of other scripts": "٣²１",
    "a huge number": "9" * 5000,
    "negative": "-1",
    "not a number": "NaN",
    "sql": "' OR 1=1 --",
    "markup": "<script>alert(1)</script>",
    "a format": "%s{0}{{7*7}}",
    "an id": "018f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f",
}
VALUES: dict[str, Any] = NASTY | {
    "null": None, "true": True, "float": 1.5, "list": [1], "object": {"a": {"b": []}}, "big": 2**70, "minus zero": -0.0,
}  # fmt: skip
FIELDS = (
    "account", "account_id", "amount", "country", "created_from", "created_to", "credits", "currencies", "currency",
    "current_password", "cursor", "days", "details-0-label", "details-0-value", "details-²-label", "display_name",
    "due_date", "email", "instructions", "invoice_id", "is_allowed", "is_default", "issue_date", "label",
    "limit_currency",
    "lines-0-description", "lines-0-quantity", "lines-0-unit_price", "lines-²-quantity", "locale", "maximum", "method",
    "minimum", "name", "notes", "number", "page_size", "password", "payment_method", "position", "q", "reason",
    "reference", "role", "same_text_reason", "status", "subject", "timezone", "transaction_reference", "version",
)  # fmt: skip
FILTERS = ("q", "status", "cursor", "account", "currency", "country", "payment_method", "created_from", "next")
BODY = ("invoice_id", "payment_method", "transaction_reference", "reference", "notes", "version", "reason")
QUERY = ("status", "invoice_id", "payment_method", "created_from", "created_to", "q", "cursor", "page_size")
# Signing out would end the test's session; the rest of what changes the signed-in person needs their password. Probes
# read nothing, and answer machines.
LEFT_OUT = {"web.sign_out", "static", "probes.alive", "probes.ready", "probes.figures"}


class Everybody:
    """One of everything, and who may see it."""

    def __init__(self, app: Flask, make: Factory) -> None:
        self.app = app
        account = make.account()
        method = make.method()
        self.users: dict[str, User] = {"owner": make.user("owner", account), "admin": make.user("admin")}
        invoice, draft = make.invoice(account), make.invoice(account, issued=False)
        payment = make.payment(make.invoice(account), self.users["owner"])
        self.tokens = {who: make.token(user) for who, user in self.users.items()}
        self.ids = {
            "account_id": account.id, "invoice_id": invoice.id, "draft_id": draft.id, "payment_id": payment.id,
            "user_id": make.user("viewer", account).id, "method_id": method.id, "token_id": new_id(),
        }  # fmt: skip

    def routes(self, method: str) -> list[tuple[str, str]]:
        """Endpoints with their addresses, filled with what is there."""
        found = []
        for rule in self.app.url_map.iter_rules():
            if method in (rule.methods or set()) and rule.endpoint not in LEFT_OUT:
                values = {name: self.ids.get(name, "bank_transfer") for name in rule.arguments}
                with self.app.test_request_context():
                    _, address = rule.build(values) or ("", "")
                found.append((rule.endpoint, address))
        return found


@pytest.fixture
def everybody(app: Flask, make: Factory) -> Everybody:
    return Everybody(app, make)


@pytest.mark.parametrize("kind", sorted(NASTY))
@pytest.mark.parametrize("who", ["owner", "admin"])
def test_pages_by_form_and_by_address(who: str, kind: str, everybody: Everybody) -> None:
    pages = Pages(everybody.app).sign_in(everybody.users[who])
    text = NASTY[kind]
    for endpoint, address in everybody.routes("GET"):
        if not endpoint.startswith("api."):
            for field in (
                "q",
                "status",
                "cursor",
                "account",
                "currency",
                "country",
                "payment_method",
                "created_from",
                "next",
            ):
                assert pages.get(address, **{field: text}).status < 500
    for endpoint, address in everybody.routes("POST"):
        if not endpoint.startswith("api."):
            assert pages.post(address, dict.fromkeys(FIELDS, text)).status < 500, endpoint


@pytest.mark.parametrize("kind", sorted(VALUES))
@pytest.mark.parametrize("who", ["owner", "admin"])
def test_the_api_by_body_and_by_query(who: str, kind: str, everybody: Everybody) -> None:
    client = everybody.app.test_client()
    headers = {"Authorization": f"Bearer {everybody.tokens[who]}"}
    value = VALUES[kind]
    good = {
        "invoice_id": str(everybody.ids["invoice_id"]), "payment_method": "bank_transfer",
        "transaction_reference": "T-1", "version": 1, "reason": "x",
    }  # fmt: skip
    for endpoint, address in everybody.routes("POST"):
        if endpoint.startswith("api."):
            for field in (
                "invoice_id",
                "payment_method",
                "transaction_reference",
                "reference",
                "notes",
                "version",
                "reason",
            ):
                body = json.dumps({**good, field: value})
                answer = client.post(address, data=body, content_type="application/json", headers=headers)
                assert answer.status_code < 500, (endpoint, field)
                assert answer.get_json(force=True)["success"] is (answer.status_code < 400)
    for endpoint, address in everybody.routes("GET"):
        if address.startswith(BASE):
            for field in (
                "status",
                "invoice_id",
                "payment_method",
                "created_from",
                "created_to",
                "q",
                "cursor",
                "page_size",
            ):
                answer = client.get(address, query_string={field: str(value)}, headers=headers)
                assert answer.status_code < 500, (endpoint, field)
