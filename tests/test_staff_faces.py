"""One operation, three callers, of staff: what their pages do and what their API does leave the same rows."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import Account, User
from portal.billing.invoices.models import Invoice, InvoiceLine
from portal.billing.methods.models import AccountPaymentMethod, PaymentMethodConfig
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import Caller
from tests.factories import Factory
from tests.pages import Pages

_UNLIKE = {"id", "account_id", "invoice_id", "payment_reference", "created_at", "disabled_at", "password_hash"}
ACCOUNT = {"number": "C-9", "name": "Initech", "country": "FR", "currency": "EUR", "locale": "fr", "timezone": "UTC"}
USER = {"email": "new@portal.example", "name": "Nora New", "password": "plain herons wade"}
METHOD = {"display_name": "Wallet", "instructions": "Scan.", "limit_currency": "EUR", "minimum": "1.00"}
INVOICE = {"number": "R-1", "currency": "EUR", "issue_date": "2026-11-01", "due_date": "2026-11-30"}
Request = tuple[str, dict[str, Any]]


class World:
    """One of everything, and an admin at both faces."""

    def __init__(self, app: Flask) -> None:
        make = Factory(app)
        self.app, self.method = app, make.method()
        self.account = make.account("Acme", number="C-1")
        self.user = make.user("viewer", self.account, email="viewer@acme.example")
        self.draft = make.invoice(self.account, issued=False, number="DRAFT")
        self.admin, self.reviewer = make.user("admin", name="Ada"), make.user("reviewer", name="Rita")
        self.callers = {user.id: Caller(app, make.token(user)) for user in (self.admin, self.reviewer)}

    def act(self, face: str, user: User, page: Request, api: tuple[str, str, dict[str, Any]]) -> int:
        """Send the form or the body; the status, a success counting alike."""
        if face == "html":
            return Pages(self.app).sign_in(user).post(f"/admin{page[0]}", page[1]).status
        status = self.callers[user.id].send(*api).status_code
        return {200: 303, 201: 303}.get(status, status)

    def rows(self) -> list[Any]:
        """All that staff manage, and what the audit log says of it, but for ids, times and the face."""
        with self.app.app_context(), across_accounts():
            found: list[Any] = []
            for model in (Account, User, Invoice, InvoiceLine, PaymentMethodConfig, AccountPaymentMethod):
                columns: list[Any] = [c for c in model.__table__.columns if c.key not in _UNLIKE]
                found.append(sorted(repr(tuple(row)) for row in session.execute(select(*columns))))
            said = select(AuditEntry.action, AuditEntry.actor_label, AuditEntry.changes).where(
                AuditEntry.action.not_like("session%"), AuditEntry.action.not_like("request%"),
                AuditEntry.action.not_like("token%"), AuditEntry.action.not_like("second_factor%"),
            )  # fmt: skip
            return [*found, [tuple(row) for row in session.execute(said.order_by(AuditEntry.id))]]


def lines(quantity: str = "2") -> tuple[dict[str, Any], dict[str, Any]]:
    """One line, as the form and as the API has it."""
    line = {"description": "Support", "quantity": quantity, "unit_price": "10.00"}
    return {f"lines-0-{name}": value for name, value in line.items()}, {"lines": [line]}


Operation = Callable[[World], tuple[User, Request, tuple[str, str, dict[str, Any]]]]
OPERATIONS: dict[str, Operation] = {
    "an account": lambda w: (w.admin, ("/accounts/new", ACCOUNT), ("POST", "/accounts/", ACCOUNT)),
    "an account whose number is taken": lambda w: (
        w.admin, ("/accounts/new", ACCOUNT | {"number": "C-1"}), ("POST", "/accounts/", ACCOUNT | {"number": "C-1"}),
    ),
    "an account by a reviewer": lambda w: (
        w.reviewer, ("/accounts/new", ACCOUNT), ("POST", "/accounts/", ACCOUNT),
    ),
    "an account's change": lambda w: (
        w.admin, (f"/accounts/{w.account.id}/edit", {"name": "Acme AG", "locale": "de", "timezone": "UTC"}),
        ("PATCH", f"/accounts/{w.account.id}/", {"name": "Acme AG", "locale": "de"}),
    ),
    "an account's method": lambda w: (
        w.admin, (f"/accounts/{w.account.id}/methods/local_wallet",
                  {"is_allowed": "y", "is_default": "y", "label": "Ours"}),
        ("PUT", f"/accounts/{w.account.id}/payment-methods/local_wallet/",
         {"is_allowed": True, "is_default": True, "label": "Ours"}),
    ),
    "a user": lambda w: (
        w.admin, ("/users/new", USER | {"role": "owner", "account": "C-1"}),
        ("POST", f"/accounts/{w.account.id}/users/", USER | {"role": "owner"}),
    ),
    "a user of staff": lambda w: (
        w.admin, ("/users/new", USER | {"role": "admin"}), ("POST", "/users/", USER | {"role": "admin"}),
    ),
    "a role": lambda w: (
        w.admin, (f"/users/{w.user.id}/role", {"role": "owner"}),
        ("PUT", f"/users/{w.user.id}/role/", {"role": "owner"}),
    ),
    "one's own lock-out": lambda w: (
        w.admin, (f"/users/{w.admin.id}/deactivation", {}), ("POST", f"/users/{w.admin.id}/deactivation/", {}),
    ),
    "a lock-out": lambda w: (
        w.admin, (f"/users/{w.user.id}/deactivation", {}), ("POST", f"/users/{w.user.id}/deactivation/", {}),
    ),
    "an invoice": lambda w: (
        w.admin, ("/invoices/new", INVOICE | {"account": "C-1", "credits": "3"} | lines()[0]),
        ("POST", f"/accounts/{w.account.id}/invoices/", INVOICE | {"credits": 3} | lines()[1]),
    ),
    "an invoice of nothing": lambda w: (
        w.admin, ("/invoices/new", INVOICE | {"account": "C-1"} | lines("0")[0]),
        ("POST", f"/accounts/{w.account.id}/invoices/", INVOICE | lines("0")[1]),
    ),
    "an issue": lambda w: (
        w.admin, (f"/invoices/{w.draft.id}/issue", {}), ("POST", f"/invoices/{w.draft.id}/issue/", {}),
    ),
    "an issue by a reviewer": lambda w: (
        w.reviewer, (f"/invoices/{w.draft.id}/issue", {}), ("POST", f"/invoices/{w.draft.id}/issue/", {}),
    ),
    "a voiding": lambda w: (
        w.admin, (f"/invoices/{w.draft.id}/voiding", {"reason": "twice"}),
        ("POST", f"/invoices/{w.draft.id}/voiding/", {"reason": "twice"}),
    ),
    "a method": lambda w: (
        w.admin, ("/methods/new", METHOD | {"country": "DE", "method": "local_wallet", "currencies": "usd, EUR",
                                            "is_enabled": "y", "position": "2"}),
        ("POST", "/payment-method-configs/", METHOD | {"country": "DE", "method": "local_wallet",
                                                       "currencies": ["USD", "EUR"], "position": 2}),
    ),
    "a method's change": lambda w: (
        w.admin, (f"/methods/{w.method.id}/", METHOD | {"details-0-label": "IBAN", "details-0-value": "DE1",
                                                        "position": "0"}),
        ("PUT", f"/payment-method-configs/{w.method.id}/",
         METHOD | {"details": [{"label": "IBAN", "value": "DE1"}], "is_enabled": False}),
    ),
    "a method's end": lambda w: (
        w.admin, (f"/methods/{w.method.id}/deactivation", {}),
        ("POST", f"/payment-method-configs/{w.method.id}/deactivation/", {}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_both_faces_of_staff_do_and_refuse_the_same(operation: str, new_app: Callable[[], Flask]) -> None:
    left = []
    for face in ("html", "json"):
        world = World(new_app())
        left.append((world.act(face, *OPERATIONS[operation](world)), world.rows()))
    assert left[0] == left[1]
