"""An owner and an admin in their browsers, with one of everything that can be acted on; and what attackers look at."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from portal.accounts.models import User
from portal.foundation.ids import new_id
from tests.api.conftest import BASE

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
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
        found = []
        for rule in self.app.url_map.iter_rules():
            if method in (rule.methods or set()) and rule.endpoint != "static":
                values = {name: self.ids.get(name, new_id()) for name in rule.arguments}
                with self.app.test_request_context():
                    found.append((rule.build(values) or ("", ""))[1])
        return sorted(found, key=lambda address: address == "/logout")

    def send(self, who: str, path: str, *, token: str | None = "", **more: Any) -> TestResponse:
        """POST with the session's own CSRF token, another one, or (None) without."""
        headers = dict(more.pop("headers", {}))
        sent = self.tokens[who] if token == "" else token
        if "/api/" in path:
            headers |= {} if sent is None else {"X-CSRFToken": sent}
            body = {"version": 1, "reason": "x", "invoice_id": str(self.ids["invoice_id"]),
                                     "payment_method": "bank_transfer", "reference": "T-9"}  # fmt: skip
            more |= {} if "data" in more or "json" in more else {"json": body}
        else:
            form = {"version": "1", "reason": "x", "name": "x", "payment_method": "bank_transfer"}
            form["access"] = "everything"
            more.setdefault("data", form | ({} if sent is None else {"csrf_token": sent}))
        return self.browsers[who].post(path, headers=headers, **more)


def csrf_token(client: Client, path: str = "/login") -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).text)
    assert found
    return found.group(1)


def is_signed_in(client: Client) -> bool:
    return client.get("/profile/").status_code == 200


def is_api_path(address: str) -> bool:
    return address.startswith(BASE)
