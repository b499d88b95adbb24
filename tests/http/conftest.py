"""Browsers to attack."""

from typing import Any

import pytest
from flask import Flask

from portal.accounts.models import User
from tests.factories import Factory
from tests.http.browsers import World
from tests.pages import Pages
from tests.scenes import Scene


def one_of_everything(make: Factory) -> tuple[dict[str, User], dict[str, Any]]:
    """Users, and the ids of what they act on by the names that routes have for them."""
    account = make.account()
    method = make.method()
    users = {"owner": make.user("owner", account), "admin": make.user("admin"), "victim": make.user("viewer", account)}
    payment = make.payment(make.invoice(account), users["owner"])
    return users, {
        "account_id": account.id, "invoice_id": make.invoice(account).id, "payment_id": payment.id,
        "user_id": users["victim"].id, "method_id": method.id, "draft_id": make.invoice(account, issued=False).id,
        "method": "bank_transfer",
    }  # fmt: skip


@pytest.fixture
def scene() -> Scene:
    return one_of_everything


@pytest.fixture
def world(app: Flask, there: Any) -> World:
    users, ids = there
    made = World(app, users, ids)
    for who in ("owner", "admin"):
        pages = Pages(app).sign_in(users[who])
        pages.get("/profile/")
        made.browsers[who], made.tokens[who] = pages._client, pages._csrf_token
    return made
