"""An owner and an admin in their browsers, with one of everything that can be acted on; and what attackers look at."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import Client, TestResponse

from portal.accounts.models import User
from portal.foundation.ids import new_id
from portal.http.gate import SAFE_METHODS
from tests.api.conftest import BASE
from tests.matrix.table import LET_IN
from tests.matrix.visitors import FORM, body_of

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
TOLD = {"csrf_failed": "its form is no longer valid", "cross_site": "Another site asked for this."}
"""What pages say for the codes of the API."""
OWN_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}


@dataclass
class World:
    """One of everything that can be acted on, and a browser's session of an owner and of an admin."""

    app: Flask
    users: dict[str, User]
    ids: dict[str, Any]
    browsers: dict[str, Client] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def routes(self, method: str) -> list[str]:
        """The addresses of all routes of this method, filled with what there is; the sign-out last."""
        found = [self._path(rule) for rule in self._rules() if method in (rule.methods or ())]
        return sorted(found, key=lambda address: address == "/logout")

    def changes(self, who: str) -> list[tuple[str, str]]:
        """Address and method of whatever may change something and lets them in; the sign-out last."""
        rules = [(rule, method) for rule in self._rules() for method in (rule.methods or set()) - SAFE_METHODS]
        found = [(self._path(rule), method) for rule, method in rules if who in LET_IN[rule.endpoint, method]]
        return sorted(found, key=lambda change: (change[0] == "/logout", change))

    def send(self, who: str, path: str, method: str = "POST", *, token: str | None = "", **more: Any) -> TestResponse:
        """A request that is in order, with the session's own CSRF token, another one, or (None) without."""
        headers = dict(more.pop("headers", {}))
        sent = self.tokens[who] if token == "" else token
        if is_api_path(path):
            headers |= {} if sent is None else {"X-CSRFToken": sent}
            more |= {} if "data" in more or "json" in more else {"json": self._body(method, path)}
        else:
            form = FORM | {"access": "everything"}
            more.setdefault("data", form | ({} if sent is None else {"csrf_token": sent}))
        return self.browsers[who].open(path, method=method, headers=headers, **more)

    def _body(self, method: str, path: str) -> dict[str, Any]:
        report = {"invoice_id": str(self.ids["invoice_id"]), "payment_method": "bank_transfer", "reference": "T-9"}
        return report if path.endswith("/manual/") else body_of(method, path)

    def _rules(self) -> list[Rule]:
        return [rule for rule in self.app.url_map.iter_rules() if rule.endpoint != "static"]

    def _path(self, rule: Rule) -> str:
        with self.app.test_request_context():
            built = rule.build({name: self.ids.get(name, new_id()) for name in rule.arguments})
        assert built is not None
        return built[1]


def refusal_of(answer: TestResponse) -> str:
    """The code of the refusal, on a page by what it says; an empty word where it is none of ``TOLD``."""
    if answer.content_type == "application/problem+json":
        return str(answer.get_json()["code"])
    return next((code for code, words in TOLD.items() if words in answer.text), "")


def csrf_token(client: Client, path: str = "/login") -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).text)
    assert found
    return found.group(1)


def is_signed_in(client: Client) -> bool:
    return client.get("/profile/").status_code == 200


def is_api_path(address: str) -> bool:
    return address.startswith(BASE)
