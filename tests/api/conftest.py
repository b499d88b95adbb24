"""Callers of the API: a program with a token, and what it gets back."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts.models import Account, User
from tests.description import keeps_the_promise
from tests.factories import Factory
from tests.scenes import Scene

BASE = "/api/v1/billing"


class Caller:
    """Calls with a token, or with none."""

    def __init__(self, app: Flask, token: str | None = None) -> None:
        self._app, self._client = app, app.test_client()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **query: Any) -> TestResponse:
        """GET; ``path`` behind the base."""
        return self._promised(self._client.get(BASE + path, query_string=query, headers=self._headers))

    def post(self, path: str, body: Any = None) -> TestResponse:
        """POST a JSON body, or none."""
        return self.send("POST", path, body)

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        """Any method with a JSON body, or none."""
        if body is not None:
            more |= {"data": json.dumps(body), "content_type": "application/json"}
        return self.raw(method, BASE + path, **more)

    def raw(self, method: str, path: str, **more: Any) -> TestResponse:
        """Any request at all."""
        headers = self._headers | more.pop("headers", {})
        return self._promised(self._client.open(path, method=method, headers=headers, **more))

    def _promised(self, response: TestResponse) -> TestResponse:
        keeps_the_promise(self._app, response)
        return response


@dataclass
class World:
    """Two accounts, staff, and a caller for each."""

    app: Flask
    account: Account
    globex: Account
    users: dict[str, User]
    callers: dict[str, Caller] = field(default_factory=dict)

    def __getitem__(self, who: str) -> Caller:
        return self.callers[who]


def everybody(make: Factory) -> tuple[Account, Account, dict[str, User], dict[str, str]]:
    """Both accounts, users and their tokens."""
    make.method()
    acme, globex = make.account("Acme GmbH"), make.account("Globex KK", "JP", "JPY")
    users = {
        "owner": make.user("owner", acme, name="Olga Owner"),
        "member": make.user("member", acme, name="Max Member"),
        "viewer": make.user("viewer", acme, name="Vera Viewer"),
        "stranger": make.user("owner", globex, name="Gina Globex"),
        "reviewer": make.user("reviewer", name="Rita Reviewer"),
        "admin": make.user("admin", name="Ada Admin"),
    }
    return acme, globex, users, {who: make.token(user) for who, user in users.items()}


@pytest.fixture
def scene() -> Scene:
    return everybody


@pytest.fixture
def world(app: Flask, there: Any) -> World:
    """``owner``, ``member``, ``viewer`` of Acme, ``stranger`` of Globex, ``reviewer``, ``admin`` and ``nobody``."""
    acme, globex, users, tokens = there
    callers = {who: Caller(app, token) for who, token in tokens.items()} | {"nobody": Caller(app)}
    return World(app, acme, globex, users, callers)


def without_id(response: TestResponse) -> bytes:
    """The answer's bytes but for the request id."""
    raw: bytes = response.data
    return raw.replace(response.headers["X-Request-ID"].encode(), b"")


def problem(response: TestResponse) -> tuple[int, str, list[tuple[str, str]]]:
    """Status, code and the codes at fields, of an answer that is a well-formed problem."""
    body: dict[str, Any] = response.get_json(force=True)
    assert response.content_type == "application/problem+json"
    assert body["status"] == response.status_code
    assert body["success"] is False
    assert body["type"] == f"urn:billing-portal:error:{body['code']}"
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert body["title"]
    assert body["detail"]
    return response.status_code, body["code"], [(error["field"], error["code"]) for error in body["errors"]]


def report(world: World, invoice_id: object, reference: str = "TRF-1", **more: Any) -> dict[str, Any]:
    """The payment that the owner reports for the invoice."""
    body = {"invoice_id": str(invoice_id), "payment_method": "bank_transfer", "transaction_reference": reference} | more
    response = world["owner"].post("/payments/manual/", body)
    assert response.status_code == 201, response.data
    data: dict[str, Any] = response.get_json()["data"]
    return data
