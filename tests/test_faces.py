"""One operation, three callers: what a page does and what the API does leave the same rows, and are refused alike."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import Account, User
from portal.billing.credits.models import CreditTransaction
from portal.billing.invoices.models import Invoice
from portal.billing.payments.models import Payment, PaymentEvent
from portal.foundation import clock
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import Caller
from tests.factories import Factory
from tests.pages import Pages

REFERENCE, NOTES, REASON = "TRF-1", "from our account", "Nothing arrived."
WRONG = "RF00 1234 5678"


class Faces:
    """The same people on both faces. Each method does one operation, by ``face``, and answers the HTTP status."""

    def __init__(self, app: Flask, face: str, make: Factory) -> None:
        self.face = face
        self.pages: dict[UUID, Pages] = {}
        self.callers: dict[UUID, Caller] = {}
        self.app, self.make = app, make

    def send(self, user: User, page: str, form: dict[str, Any], path: str, body: dict[str, Any]) -> int:
        """POST the form to the page, or the body to the API's path."""
        if self.face == "html":
            pages = self.pages.get(user.id) or self.pages.setdefault(user.id, Pages(self.app).sign_in(user))
            return pages.post(page, form).status
        caller = self.callers.get(user.id) or self.callers.setdefault(user.id, Caller(self.app, self.make.token(user)))
        return caller.post(path, body).status_code

    def report(self, user: User, invoice: Invoice, **change: object) -> int:
        values: dict[str, Any] = {
            "payment_method": "bank_transfer",
            "transaction_reference": REFERENCE,
            "notes": NOTES,
        } | change
        body = values | {"invoice_id": str(invoice.id)}
        form = values | {"doubted_reference": values["transaction_reference"]}  # as the page has it beside its box
        return self.send(user, f"/invoices/{invoice.id}/payment", form, "/payments/manual/", body)

    def another_of(self, invoice: Invoice) -> Invoice:
        """Another invoice of the same account."""
        with self.app.app_context(), across_accounts():
            account = session.get_one(Account, invoice.account_id)
        return self.make.invoice(account)

    def decide(self, user: User, payment: Payment, action: str, version: int = 1, **more: str) -> int:
        prefix = "" if user.account_id else "/admin"
        values = {"version": str(version)} | more
        page = f"{prefix}/payments/{payment.id}/{action}"
        return self.send(user, page, values, f"/payments/{payment.id}/{action}/", {"version": version} | more)


def rows(app: Flask) -> list[tuple[Any, ...]]:
    """All that an operation leaves behind, but for ids, times and the face."""
    with app.app_context(), across_accounts():
        payment = session.execute(
            select(
                Payment.status, Payment.version, Payment.amount_minor, Payment.currency, Payment.payment_method,
                Payment.paid_on, Payment.transaction_reference, Payment.notes, Payment.failure_reason,
                Payment.decided_by.is_not(None),
            ).order_by(Payment.id)
        ).all()  # fmt: skip
        events = session.execute(
            select(
                PaymentEvent.action, PaymentEvent.from_status, PaymentEvent.to_status, PaymentEvent.actor_label,
                PaymentEvent.reason, PaymentEvent.version,
            ).order_by(PaymentEvent.id)
        ).all()  # fmt: skip
        ledger = session.execute(
            select(CreditTransaction.amount, CreditTransaction.cause).order_by(CreditTransaction.id)
        ).all()
        invoices = session.execute(select(Invoice.status, Invoice.amount_paid_minor).order_by(Invoice.id)).all()
    return [tuple(row) for table in (payment, events, ledger, invoices) for row in table]


def days_from_now(number: int) -> date:
    return clock.today() + timedelta(days=number)


Operation = Callable[[Faces, dict[str, User], Invoice, Any], int]
OPERATIONS: dict[str, tuple[bool, Operation]] = {
    "report": (False, lambda faces, who, invoice, _: faces.report(who["owner"], invoice)),
    "report without reference": (
        False, lambda faces, who, invoice, _: faces.report(who["owner"], invoice, transaction_reference=""),
    ),
    "report a card number": (
        False, lambda faces, who, invoice, _: faces.report(who["owner"], invoice, notes="4111 1111 1111 1111"),
    ),
    "report by a method that is not there": (
        False, lambda faces, who, invoice, _: faces.report(who["owner"], invoice, payment_method="card"),
    ),
    "report when it was paid": (
        False, lambda faces, who, invoice, _: faces.report(who["owner"], invoice, paid_on=str(clock.today())),
    ),
    "report that it was paid next week": (
        False, lambda faces, who, invoice, _: faces.report(who["owner"], invoice, paid_on=str(days_from_now(7))),
    ),
    "report that it was paid years ago": (
        False, lambda faces, who, invoice, _: faces.report(who["owner"], invoice, paid_on=str(days_from_now(-800))),
    ),
    "report on a day that is none": (
        False, lambda faces, who, invoice, _: faces.report(who["owner"], invoice, paid_on="2026-02-30"),
    ),
    "report wrong check digits": (
        False, lambda faces, who, invoice, _: faces.report(who["owner"], invoice, transaction_reference=WRONG),
    ),
    "report wrong check digits that are right": (
        False, lambda faces, who, invoice, _: faces.report(
            who["owner"], invoice, transaction_reference=WRONG, reference_confirmed=True,
        ),
    ),
    "report another invoice's reference": (
        False, lambda faces, who, invoice, _: faces.report(
            who["owner"], invoice, transaction_reference=faces.another_of(invoice).payment_reference,
        ),
    ),
    "report as a viewer": (False, lambda faces, who, invoice, _: faces.report(who["viewer"], invoice)),
    "report as a stranger": (False, lambda faces, who, invoice, _: faces.report(who["stranger"], invoice)),
    "report as staff": (False, lambda faces, who, invoice, _: faces.report(who["reviewer"], invoice)),
    "report twice": (True, lambda faces, who, invoice, _: faces.report(who["owner"], invoice)),
    "withdraw": (True, lambda faces, who, _, payment: faces.decide(who["member"], payment, "cancellation")),
    "withdraw as a viewer": (True, lambda faces, who, _, payment: faces.decide(who["viewer"], payment, "cancellation")),
    "withdraw as a stranger": (
        True, lambda faces, who, _, payment: faces.decide(who["stranger"], payment, "cancellation"),
    ),
    "withdraw as staff": (True, lambda faces, who, _, payment: faces.decide(who["reviewer"], payment, "cancellation")),
    "approve": (True, lambda faces, who, _, payment: faces.decide(who["reviewer"], payment, "approval")),
    "approve another version": (
        True, lambda faces, who, _, payment: faces.decide(who["reviewer"], payment, "approval", version=2),
    ),
    "reject": (
        True, lambda faces, who, _, payment: faces.decide(who["reviewer"], payment, "rejection", reason=REASON),
    ),
    "reject without a reason": (
        True, lambda faces, who, _, payment: faces.decide(who["reviewer"], payment, "rejection", reason=" "),
    ),
    "refund what is not booked": (
        True, lambda faces, who, _, payment: faces.decide(who["admin"], payment, "refund", reason=REASON),
    ),
    "refund as a reviewer": (
        True, lambda faces, who, _, payment: faces.decide(who["reviewer"], payment, "refund", reason=REASON),
    ),
}  # fmt: skip


def people(make: Factory) -> tuple[Account, dict[str, User]]:
    """One account's people, staff, and somebody of another account, by role."""
    account, globex = make.account(), make.account("Globex")
    who = {role: make.user(role, account, name=role) for role in ("owner", "member", "viewer")}
    who |= {role: make.user(role, name=role) for role in ("reviewer", "admin")}
    return account, who | {"stranger": make.user("owner", globex, name="stranger")}


def outcome(app: Flask, face: str, operation: str) -> tuple[int, list[tuple[Any, ...]]]:
    """The status, a success counting alike, and all rows afterwards."""
    make = Factory(app)
    make.method()
    account, who = people(make)
    reported, act = OPERATIONS[operation]
    invoice = make.invoice(account, "49.00", credits=5)
    payment = make.payment(invoice, who["owner"], REFERENCE) if reported else None
    status = act(Faces(app, face, make), who, invoice, payment)
    return {200: 303, 201: 303}.get(status, status), rows(app)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_both_faces_do_and_refuse_the_same(operation: str, new_app: Callable[[], Flask]) -> None:
    html, json = (outcome(new_app(), face, operation) for face in ("html", "json"))
    assert html == json


def test_a_refund_is_the_same_on_both_faces(new_app: Callable[[], Flask]) -> None:
    left = []
    for face in ("html", "json"):
        app = new_app()
        make = Factory(app)
        make.method()
        account, who = people(make)
        payment = make.approved(make.payment(make.invoice(account, credits=5), who["owner"]), who["reviewer"])
        status = Faces(app, face, make).decide(who["admin"], payment, "refund", version=2, reason=REASON)
        left.append((status in (200, 303), rows(app)))
    assert left[0] == left[1]
    assert left[0][1][-2:] == [(-5, "reversal"), ("open", 0)]
