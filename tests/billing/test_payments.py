"""Reporting and deciding on payments."""

from typing import Any

import pytest
from sqlalchemy import func, select

from portal.accounts.models import Account
from portal.billing.credits.models import CreditTransaction
from portal.billing.credits.queries import balance
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.service import issue_invoice
from portal.billing.methods.service import set_account_method
from portal.billing.payments import service
from portal.billing.payments.models import Payment, PaymentEvent
from portal.foundation.access import Role
from portal.foundation.actor import Actor
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal
from portal.foundation.tenancy import account_scope, across_accounts
from tests.billing.conftest import World
from tests.factories import SYSTEM, Factory, acting

pytestmark = pytest.mark.usefixtures("domain")


def report(world: World, invoice: Invoice, reference: str = "TRF-1", **more: Any) -> Payment:
    """What the owner's form does."""
    with account_scope(world.account.id):
        return service.create_manual_payment(
            by=acting(world.owner),
            invoice_id=invoice.id,
            transaction_reference=reference,
            **({"payment_method": "bank_transfer"} | more),
        )


def approve(world: World, payment: Payment, **more: Any) -> Payment:
    with across_accounts():
        return service.approve_payment(payment.id, by=acting(world.reviewer), version=payment.version, **more)


def ledger(account: Account) -> list[tuple[int, int, str]]:
    with across_accounts():
        rows = session.scalars(
            select(CreditTransaction).where(CreditTransaction.account_id == account.id).order_by(CreditTransaction.seq)
        )
        return [(row.amount, row.balance_after, row.cause) for row in rows]


def invoice_now(invoice: Invoice) -> tuple[str, int]:
    with across_accounts():
        session.expire_all()
        found = session.get_one(Invoice, invoice.id)
        return found.status, found.amount_paid_minor


def counts() -> tuple[int, int, int, int]:
    """Rows of payments, events, ledger and audit."""
    with across_accounts():
        tables = (Payment, PaymentEvent, CreditTransaction, AuditEntry)
        rows = [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
        return rows[0], rows[1], rows[2], rows[3]


def test_a_report_waits_for_approval(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, "49.00")
    payment = report(world, invoice, "  TRF\u00a07781 ", notes="from our DE account")
    assert (payment.status, payment.amount.decimal_string(), payment.currency) == ("pending_approval", "49.00", "EUR")
    assert (payment.transaction_reference, payment.normalized_reference) == ("TRF\u00a07781", "trf7781")
    assert (payment.notes, payment.version, payment.submitted_by) == ("from our DE account", 1, world.owner.id)
    assert invoice_now(invoice) == ("open", 0)
    (event,) = make.payment_now(payment).events
    assert (event.from_status, event.to_status, event.actor_label, event.face) == (
        None, "pending_approval", "Olga Owner", "test",
    )  # fmt: skip


def test_approval_pays_the_invoice_and_grants_credits_once(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, "49.00", credits=500)
    payment = report(world, invoice)
    approved = approve(world, payment)
    assert (approved.status, approved.version, approved.decided_by) == ("succeeded", 2, world.reviewer.id)
    assert invoice_now(invoice) == ("paid", 4900)
    assert ledger(world.account) == [(500, 500, "grant")]
    before = counts()
    with pytest.raises(Conflict) as refusal:
        approve(world, payment)
    assert refusal.value.code == "payment_already_decided"
    assert refusal.value.details == {"current_status": "succeeded", "current_version": 2}
    assert refusal.value.message.startswith("This payment was approved by you on 20")
    assert counts() == before


def test_a_stale_decision_names_who_decided(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account))
    approved = approve(world, payment)
    with across_accounts(), pytest.raises(Conflict) as refusal:
        service.reject_payment(payment.id, by=acting(world.admin), version=payment.version, reason="no money")
    when = f"{approved.decided_at:%Y-%m-%d at %H:%M} UTC"
    assert refusal.value.message == (
        f"This payment was approved by Rita Reviewer on {when}. Nothing was changed by you."
    )


def test_customers_do_not_read_the_names_of_staff(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account))
    approve(world, payment)
    with account_scope(world.account.id), pytest.raises(Conflict) as refusal:
        service.cancel_payment(payment.id, by=acting(world.owner), version=1)
    assert "by our staff on" in refusal.value.message
    assert "Rita" not in refusal.value.message


def test_a_refund_takes_amount_and_credits_back_by_new_rows(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, "49.00", credits=500)
    approved = approve(world, report(world, invoice))
    with across_accounts():
        refunded = service.refund_payment(
            approved.id, by=acting(world.admin), version=approved.version, reason="paid twice"
        )
    assert (refunded.status, refunded.version) == ("refunded", 3)
    assert invoice_now(invoice) == ("open", 0)
    assert ledger(world.account) == [(500, 500, "grant"), (-500, 0, "reversal")]
    again = approve(world, report(world, invoice, "TRF-1"))
    assert again.status == "succeeded"
    assert ledger(world.account)[-1] == (500, 500, "grant")
    with account_scope(world.account.id):
        assert balance(world.account.id) == 500


def test_a_rejection_tells_why_and_frees_the_invoice(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, credits=5)
    payment = report(world, invoice)
    with across_accounts():
        rejected = service.reject_payment(
            payment.id, by=acting(world.reviewer), version=1, reason=" No such transfer arrived. "
        )
    assert (rejected.status, rejected.failure_reason) == ("failed", "No such transfer arrived.")
    assert (invoice_now(invoice), ledger(world.account)) == (("open", 0), [])
    assert report(world, invoice).status == "pending_approval"


@pytest.mark.parametrize("reason", ["", "  \n "])
@pytest.mark.parametrize("action", ["reject", "refund"])
def test_a_reason_is_obligatory(action: str, reason: str, world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account))
    act = service.reject_payment if action == "reject" else service.refund_payment
    with across_accounts(), pytest.raises(Invalid) as refusal:
        act(payment.id, by=acting(world.admin), version=1, reason=reason)
    assert [(error.field, error.code) for error in refusal.value.errors] == [("reason", "required")]


def test_one_open_payment_per_invoice(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    first = report(world, invoice, "TRF-1")
    before = counts()
    with pytest.raises(Conflict) as refusal:
        report(world, invoice, "TRF-2")
    assert (refusal.value.code, refusal.value.details) == ("open_payment_exists", {"payment_id": str(first.id)})
    assert counts() == before
    with account_scope(world.account.id):
        service.cancel_payment(first.id, by=acting(world.member))
    assert report(world, invoice, "TRF-2").status == "pending_approval"


@pytest.mark.parametrize(
    ("state", "code"), [("draft", "invoice_draft"), ("paid", "invoice_already_paid"), ("void", "invoice_void")]
)
def test_only_open_invoices_are_paid(state: str, code: str, world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, issued=state != "draft")
    if state == "paid":
        approve(world, report(world, invoice))
    if state == "void":
        with across_accounts():
            service.void_invoice(invoice.id, by=SYSTEM, reason="sent by mistake")
    with pytest.raises(Invalid) as refusal:
        report(world, invoice, "TRF-2")
    assert [(error.field, error.code) for error in refusal.value.errors] == [("invoice_id", code)]


SAME = ["trf-2026-7", "TRF 2026 7", "ＴＲＦ－2026－7", "Trf\u200b2026\u20117", "TRF20267", "TRF–2026—7"]


@pytest.mark.parametrize("again", SAME)
def test_the_same_reference_twice_is_refused_naming_the_first(again: str, world: World, make: Factory) -> None:
    first = report(world, make.invoice(world.account, number="INV-A"), "TRF-2026-7")
    with pytest.raises(Conflict) as refusal:
        report(world, make.invoice(world.account), again)
    assert (refusal.value.code, refusal.value.details) == ("reference_already_used", {"payment_id": str(first.id)})
    assert "for invoice INV-A" in refusal.value.message


def test_the_same_reference_by_another_method_or_after_a_failure_is_taken(world: World, make: Factory) -> None:
    make.method("local_wallet")
    first = report(world, make.invoice(world.account), "TRF-1")
    assert (
        report(world, make.invoice(world.account), "TRF-1", payment_method="local_wallet").status == "pending_approval"
    )
    with account_scope(world.account.id):
        service.cancel_payment(first.id, by=acting(world.owner))
    assert report(world, make.invoice(world.account), "TRF-1").status == "pending_approval"


def test_a_reference_of_another_account_is_taken_and_booked_twice_only_with_a_reason(
    world: World, make: Factory
) -> None:
    globex = make.account("Globex")
    other = make.payment(make.invoice(globex, number="INV-G"), make.user("owner", globex), "TRF-9")
    mine = report(world, make.invoice(world.account), "trf 9")
    approve(world, other)
    for nothing in ("", " \u200b\u2800"):
        with pytest.raises(Conflict) as refusal:
            approve(world, mine, same_text_reason=nothing)
        told = (refusal.value.code, refusal.value.details)
        assert told == ("reference_already_booked", {"payment_id": str(other.id)})
        assert "Globex, invoice INV-G" in refusal.value.message
    assert make.payment_now(mine).status == "pending_approval"
    booked = approve(world, mine, same_text_reason="two lines on the statement of 3 May")
    assert (booked.status, booked.same_text_reason) == ("succeeded", "two lines on the statement of 3 May")
    assert make.payment_now(booked).events[-1].reason == "two lines on the statement of 3 May"


def test_foreign_and_absent_are_answered_alike(world: World, make: Factory) -> None:
    globex = make.account("Globex")
    theirs = make.invoice(globex)
    payment = make.payment(theirs, make.user("owner", globex))
    refusals: list[Refusal] = []
    for invoice_id in (theirs.id, payment.id):
        with account_scope(world.account.id), pytest.raises(NotFound) as refusal:
            service.create_manual_payment(
                by=acting(world.owner), invoice_id=invoice_id, payment_method="bank_transfer", transaction_reference="x"
            )
        refusals.append(refusal.value)
    for payment_id in (payment.id, theirs.id):
        with account_scope(world.account.id), pytest.raises(NotFound) as refusal:
            service.cancel_payment(payment_id, by=acting(world.owner))
        refusals.append(refusal.value)
    assert {(r.code, r.message, tuple(r.errors)) for r in refusals} == {
        ("not_found", "There is nothing here, or it is not yours.", ())
    }


def test_nobody_decides_on_their_own_payment(world: World, make: Factory) -> None:
    payment = report(world, make.invoice(world.account))
    same_person = Actor(world.owner.id, None, Role.ADMIN, "Olga, promoted", "test")
    same_account = Actor(world.reviewer.id, world.account.id, Role.REVIEWER, "Rita, moonlighting", "test")
    for actor in (same_person, same_account):
        assert payment.allowed_actions(actor) == ["cancel"]
        with across_accounts(), pytest.raises(Forbidden) as refusal:
            service.approve_payment(payment.id, by=actor, version=1)
        assert refusal.value.code == "own_payment"
    assert make.payment_now(payment).status == "pending_approval"


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("", "required"),
        ("   ", "required"),
        ("--- \u200b", "required"),
        ("x" * 141, "too_long"),
        ("x" * 10_000, "too_long"),
        ("TRF\x00", "control_characters"),
        ("TRF\u202e9", "control_characters"),
        ("4111 1111 1111 1111", "card_number"),
    ],
)
def test_bad_references_are_refused_at_their_field(reference: str, code: str, world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    with pytest.raises(Invalid) as refusal:
        report(world, invoice, reference)
    assert [(error.field, error.code) for error in refusal.value.errors] == [("transaction_reference", code)]
    assert counts()[:3] == (0, 0, 0)


def test_methods_that_do_not_fit_are_refused(world: World, make: Factory) -> None:
    make.method("local_wallet", currencies=["EUR"], limit_currency="EUR", minimum="10.00", maximum="100.00")
    small, large = make.invoice(world.account, "9.99"), make.invoice(world.account, "100.01")
    dollars, fits = make.invoice(world.account, "50.00", currency="USD"), make.invoice(world.account, "100.00")
    for invoice in (small, large, dollars):
        with pytest.raises(Invalid) as refusal:
            report(world, invoice, payment_method="local_wallet")
        assert [(e.field, e.code) for e in refusal.value.errors] == [("payment_method", "payment_method_not_available")]
    with account_scope(world.account.id), pytest.raises(Invalid) as refusal:
        report(world, fits, payment_method="card")
    assert refusal.value.code == "payment_method_not_available"
    with across_accounts():
        set_account_method(
            world.account.id, "bank_transfer", by=acting(world.admin), is_allowed=False, is_default=False
        )
    with pytest.raises(Invalid) as refusal:
        report(world, fits)
    assert refusal.value.code == "payment_method_not_available"
    assert report(world, fits, payment_method="local_wallet").payment_method == "local_wallet"


def test_who_may_not_make_void_learns_nothing_of_an_open_payment(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    make.payment(invoice, world.owner)
    with account_scope(world.account.id), pytest.raises(Forbidden):
        service.void_invoice(invoice.id, by=acting(world.viewer), reason="mistake")


def test_an_invoice_under_payment_is_not_made_void(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    payment = report(world, invoice)
    with across_accounts(), pytest.raises(Conflict) as refusal:
        service.void_invoice(invoice.id, by=SYSTEM, reason="mistake")
    assert (refusal.value.code, refusal.value.details) == ("open_payment_exists", {"payment_id": str(payment.id)})
    approve(world, payment)
    with across_accounts(), pytest.raises(Conflict) as refusal:
        service.void_invoice(invoice.id, by=SYSTEM, reason="mistake")
    assert refusal.value.code == "invoice_not_open"


def test_a_free_invoice_cannot_be_issued(world: World, make: Factory) -> None:
    draft = make.invoice(world.account, "0.00", issued=False)
    with across_accounts(), pytest.raises(Invalid) as refusal:
        issue_invoice(draft.id, by=SYSTEM)
    assert refusal.value.code == "invoice_asks_nothing"


def test_each_step_is_audited_in_the_same_unit(world: World, make: Factory) -> None:
    payment = approve(world, report(world, make.invoice(world.account, credits=3)))
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.subject_id == payment.id).order_by(AuditEntry.id)
    ).all()
    assert [(entry.action, entry.actor_label, entry.changes["status"]) for entry in entries] == [
        ("payment.submit", "Olga Owner", [None, "pending_approval"]),
        ("payment.approve", "Rita Reviewer", ["pending_approval", "succeeded"]),
    ]
