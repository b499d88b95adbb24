"""Eight writers at once on one SQLite file: nothing is lost, doubled or refused for being busy."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

from flask import Flask
from sqlalchemy import func, select

from portal.accounts.models import User
from portal.billing.credits.models import CreditTransaction
from portal.billing.invoices.models import Invoice
from portal.billing.payments import service
from portal.billing.payments.models import Payment, PaymentEvent
from portal.foundation.db import session
from portal.foundation.refusals import Refusal
from portal.foundation.tenancy import account_scope, across_accounts
from tests.billing.conftest import World
from tests.factories import Factory, acting

WRITERS = 8
INVOICES = 40


def test_eight_writers_submit_and_decide_at_once(app: Flask, world: World, make: Factory) -> None:
    invoices = [make.invoice(world.account, "10.00", credits=7).id for _ in range(INVOICES)]
    start = Barrier(WRITERS)

    def write(_writer: int) -> Counter[str]:
        start.wait()
        outcomes: Counter[str] = Counter()
        for position, invoice_id in enumerate(invoices):
            outcomes[submit(app, world.owner, invoice_id, f"TRF-{position}")] += 1
            outcomes[approve(app, world.reviewer, invoice_id)] += 1
        return outcomes

    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = sum(pool.map(write, range(WRITERS)), Counter[str]())
    assert (outcomes["submitted"], outcomes["approved"]) == (INVOICES, INVOICES)
    assert set(outcomes) <= {
        "submitted", "approved", "open_payment_exists", "invoice_already_paid", "payment_already_decided", "none",
    }  # fmt: skip
    assert sum(outcomes.values()) == 2 * WRITERS * INVOICES
    with app.app_context(), across_accounts():
        assert session.scalar(select(func.count()).select_from(Payment)) == INVOICES
        assert session.scalar(select(func.count()).select_from(PaymentEvent)) == 2 * INVOICES
        ledger = session.execute(
            select(CreditTransaction.seq, CreditTransaction.balance_after).order_by(CreditTransaction.seq)
        )
        assert [tuple(row) for row in ledger] == [(seq, 7 * seq) for seq in range(1, INVOICES + 1)]
        figures = session.execute(select(Invoice.status, Invoice.amount_paid_minor).distinct()).all()
        assert [tuple(row) for row in figures] == [("paid", 1000)]


def submit(app: Flask, owner: User, invoice_id: UUID, reference: str) -> str:
    with app.app_context(), account_scope(owner.account_id or invoice_id):
        try:
            service.create_manual_payment(
                by=acting(owner), invoice_id=invoice_id, payment_method="bank_transfer", transaction_reference=reference
            )
        except Refusal as refusal:
            return refusal.code
        return "submitted"


def approve(app: Flask, reviewer: User, invoice_id: UUID) -> str:
    with app.app_context(), across_accounts():
        payment = session.scalar(select(Payment).where(Payment.invoice_id == invoice_id))
        if payment is None:
            return "none"
        try:
            service.approve_payment(payment.id, by=acting(reviewer), version=1)
        except Refusal as refusal:
            return refusal.code
        return "approved"
