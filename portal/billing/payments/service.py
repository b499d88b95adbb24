"""Payments: the only writer of a status. Each function is one unit: lock, look, write, append the history.

Locks are taken in the order invoice, payment, account, so that two units never wait for each other.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.accounts.models import Account
from portal.billing.credits import service as credits
from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.service import Step, book, lock_invoice, take_back, void_locked_invoice
from portal.billing.methods.queries import get_available_payment_methods
from portal.billing.payments import refusals
from portal.billing.payments.announcements import announce_step
from portal.billing.payments.doubts import doubt_about
from portal.billing.payments.figures import is_own
from portal.billing.payments.lanes import Lane, facts_of
from portal.billing.payments.letters import write_of_step
from portal.billing.payments.models import UQ_BOOKED_REFERENCE, UQ_GATEWAY_REFERENCE, Payment, PaymentEvent
from portal.billing.payments.paid_on import refuse_impossible_day
from portal.billing.payments.proofs.service import add_proof
from portal.billing.payments.references import normalize_reference, read_reference
from portal.billing.payments.states import (
    DECISIONS,
    LIVE_STATUSES,
    OPEN_STATUSES,
    TRANSITIONS,
    Action,
    Status,
    find_transition,
    permission_of,
)
from portal.foundation import audit, clock, freetext
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import flush_or_refuse, locked, session, transaction
from portal.foundation.files.cleaning import CleanFile
from portal.foundation.ids import new_id
from portal.foundation.refusals import NotFound
from portal.foundation.tenancy import across_accounts

MAX_NOTES = MAX_REASON = 2000


def create_manual_payment(
    *,
    by: Actor,
    invoice_id: UUID,
    payment_method: str,
    transaction_reference: str,
    notes: str = "",
    paid_on: date | None = None,
    reference_confirmed: bool = False,
    proof: CleanFile | None = None,
) -> Payment:
    """Report that the invoice's outstanding amount was sent. The payment waits for approval, its proof beside it.

    Raises Invalid, NotFound for an invoice out of scope, and Conflict where the invoice has an open payment or the
    reference stands on another live payment of the account and method. A reference that is in doubt (``doubts.py``) is
    refused too, unless ``reference_confirmed`` says that it is right.
    """
    by.must(permission_of(Action.SUBMIT))
    reference = read_reference(transaction_reference)
    notes = freetext.clean(notes, field="notes", most=MAX_NOTES, label="The notes", lines=True)
    freetext.refuse_card_number(notes, field="notes")
    with transaction():
        invoice = lock_invoice(invoice_id)
        _refuse_unless_payable(invoice)
        account = locked(Account, invoice.account_id)
        if account is None:
            raise NotFound()
        _refuse_unless_method_fits(account, invoice, payment_method)
        refuse_impossible_day(paid_on, account)
        _refuse_used_reference(invoice, payment_method, normalize_reference(reference))
        doubt = None if reference_confirmed else doubt_about(reference, invoice)
        if doubt is not None:
            raise doubt
        payment = Payment(
            account_id=invoice.account_id,
            invoice_id=invoice.id,
            amount_minor=invoice.outstanding.minor,
            currency=invoice.currency,
            payment_method=payment_method,
            transaction_reference=reference,
            normalized_reference=normalize_reference(reference),
            paid_on=paid_on,
            notes=notes,
            submitted_by=by.user_id,
        )
        _begin(payment, Action.SUBMIT, by)
        if proof is not None:
            add_proof(payment, proof, by=by)
    return payment


def approve_payment(
    payment_id: UUID, *, by: Actor, version: int, same_text_reason: str = "", only_clear: bool = False
) -> Payment:
    """Book the payment: the invoice's amount paid grows, and the credits are granted when its total is covered.

    Raises Conflict where it changed since ``version``, where its reference is booked for another payment and
    ``same_text_reason`` does not say why this is another transfer with the same text, or, where ``only_clear`` is
    asked for, where it is not a clear case any more.
    """
    reason = _read_reason(same_text_reason, "same_text_reason")
    by.must(permission_of(Action.APPROVE))
    with transaction():
        invoice, payment = _lock(payment_id)
        _check(payment, Action.APPROVE, by, version)
        if only_clear:
            _refuse_unless_clear(payment)
        booked = _booked_with_same_reference(payment)
        if booked is not None and not reason:
            raise refusals.reference_booked(booked)
        payment.same_text_reason = reason or None  # also where none is booked yet: another may be under way
        _move(payment, Action.APPROVE, by, reason=payment.same_text_reason)
        session.flush()
        _book(invoice, payment, by)
    return payment


def reject_payment(payment_id: UUID, *, by: Actor, version: int, reason: str) -> Payment:
    """Refuse the payment. The customer reads the reason."""
    by.must(permission_of(Action.REJECT))
    reason = _required_reason(reason)
    with transaction():
        _, payment = _lock(payment_id)
        _check(payment, Action.REJECT, by, version)
        payment.failure_reason = reason
        _move(payment, Action.REJECT, by, reason=reason)
    return payment


def cancel_payment(payment_id: UUID, *, by: Actor, version: int | None = None) -> Payment:
    """Withdraw a payment that nobody decided on yet."""
    by.must(permission_of(Action.CANCEL))
    with transaction():
        _, payment = _lock(payment_id)
        _check(payment, Action.CANCEL, by, version)
        _move(payment, Action.CANCEL, by)
    return payment


def refund_payment(payment_id: UUID, *, by: Actor, version: int, reason: str) -> Payment:
    """Give a booked payment back: amount paid and credits are taken back, by new rows of the ledger."""
    by.must(permission_of(Action.REFUND))
    reason = _required_reason(reason)
    by.must_confirm()
    with transaction():
        invoice, payment = _lock(payment_id)
        _check(payment, Action.REFUND, by, version)
        _move(payment, Action.REFUND, by, reason=reason)
        session.flush()
        if take_back(invoice, _last_step(payment), by=by):
            credits.reverse(by=by, account_id=payment.account_id, payment_id=payment.id, invoice_id=invoice.id)
    return payment


def start_payment(*, by: Actor, invoice_id: UUID, payment_method: str, transaction_reference: str) -> Payment:
    """Begin a gateway's payment of the outstanding amount. Raises Conflict for a reference that it gave before."""
    by.must(permission_of(Action.START))
    with transaction():
        invoice = lock_invoice(invoice_id)
        _refuse_unless_payable(invoice)
        _refuse_replayed_reference(payment_method, transaction_reference)
        payment = Payment(
            account_id=invoice.account_id,
            invoice_id=invoice.id,
            amount_minor=invoice.outstanding.minor,
            currency=invoice.currency,
            payment_method=payment_method,
            transaction_reference=transaction_reference,
        )
        _begin(payment, Action.START, by)
    return payment


def process_payment(payment_id: UUID, *, by: Actor) -> Payment:
    """The gateway works on the payment: it cannot be withdrawn any more."""
    by.must(permission_of(Action.START))
    with transaction():
        _, payment = _lock(payment_id)
        _check(payment, Action.START, by, None)
        _move(payment, Action.START, by)
    return payment


def settle_payment(payment_id: UUID, *, by: Actor) -> Payment:
    """The gateway has the money: book the payment."""
    by.must(permission_of(Action.SETTLE))
    with transaction():
        invoice, payment = _lock(payment_id)
        _check(payment, Action.SETTLE, by, None)
        _move(payment, Action.SETTLE, by)
        session.flush()
        _book(invoice, payment, by)
    return payment


def fail_payment(payment_id: UUID, *, by: Actor, reason: str) -> Payment:
    """The gateway could not get the money."""
    by.must(permission_of(Action.FAIL))
    reason = _required_reason(reason)
    with transaction():
        _, payment = _lock(payment_id)
        _check(payment, Action.FAIL, by, None)
        payment.failure_reason = reason
        _move(payment, Action.FAIL, by, reason=reason)
    return payment


def void_invoice(invoice_id: UUID, *, by: Actor, reason: str) -> Invoice:
    """Withdraw an invoice that nobody paid or is paying. Raises Conflict where somebody does."""
    by.must(Permission.INVOICE_MANAGE)
    with transaction():
        invoice = lock_invoice(invoice_id)
        first = _open_payment(invoice)
        if first is not None:
            raise refusals.open_payment_exists(invoice, first)
        void_locked_invoice(invoice, by=by, reason=reason)
    return invoice


def _refuse_unless_payable(invoice: Invoice) -> None:
    if invoice.status != InvoiceStatus.OPEN:
        raise refusals.invoice_not_payable(invoice)
    first = _open_payment(invoice)
    if first is not None:
        raise refusals.open_payment_exists(invoice, first)


def _open_payment(invoice: Invoice) -> Payment | None:
    return session.scalar(select(Payment).where(Payment.invoice_id == invoice.id, Payment.status.in_(OPEN_STATUSES)))


def _refuse_unless_method_fits(account: Account, invoice: Invoice, method: str) -> None:
    available = {found.method: found for found in get_available_payment_methods(account)}
    chosen = available.get(method)
    if chosen is None or not chosen.is_manual:
        raise refusals.method_not_available(method)
    if not chosen.takes(invoice.outstanding):
        raise refusals.method_does_not_take(chosen.name, invoice)


def _refuse_used_reference(invoice: Invoice, method: str, normalized: str) -> None:
    first = session.scalar(
        select(Payment).where(
            Payment.account_id == invoice.account_id,
            Payment.payment_method == method,
            Payment.normalized_reference == normalized,
            Payment.status.in_(LIVE_STATUSES),
        )
    )
    if first is not None:
        raise refusals.reference_used(first)


def _refuse_replayed_reference(method: str, reference: str) -> None:
    given = (Payment.payment_method == method, Payment.transaction_reference == reference)
    with across_accounts():
        if session.scalar(select(Payment.id).where(*given, Payment.normalized_reference.is_(None))):
            raise refusals.gateway_reference_used()


def _booked_with_same_reference(payment: Payment) -> Payment | None:
    with across_accounts():
        return session.scalar(
            select(Payment)
            .where(
                Payment.payment_method == payment.payment_method,
                Payment.normalized_reference == payment.normalized_reference,
                Payment.status == Status.SUCCEEDED,
                Payment.id != payment.id,
            )
            .order_by(Payment.id)
            .limit(1)
        )


def _refuse_unless_clear(payment: Payment) -> None:
    with across_accounts():
        if facts_of(payment.id).lane != Lane.CLEAR:
            raise refusals.not_clear()


def _lock(payment_id: UUID) -> tuple[Invoice, Payment]:
    """The payment in scope and its invoice, both locked and read afresh, the invoice first. Raises NotFound."""
    invoice_id = session.scalar(select(Payment.invoice_id).where(Payment.id == payment_id))
    if invoice_id is None:
        raise NotFound()
    invoice = lock_invoice(invoice_id)
    statement = select(Payment).where(Payment.id == payment_id).with_for_update(of=Payment, key_share=True)
    return invoice, session.scalars(statement.execution_options(populate_existing=True)).one()


def _check(payment: Payment, action: Action, by: Actor, version: int | None) -> None:
    """Raise unless this actor may take the action on this version of the payment."""
    if version is not None and version != payment.version:
        raise refusals.moved_on(payment, by)
    transition = find_transition(Status(payment.status), action)
    if transition is None:
        raise refusals.not_allowed_now(payment, action, by)
    if transition.needs_other_eyes and is_own(payment, by):
        raise refusals.own_payment()


def _begin(payment: Payment, action: Action, by: Actor) -> None:
    payment.version = 0
    _step(payment, None, action, by, None)


def _move(payment: Payment, action: Action, by: Actor, *, reason: str | None = None) -> None:
    _step(payment, Status(payment.status), action, by, reason)


def _step(payment: Payment, status: Status | None, action: Action, by: Actor, reason: str | None) -> None:
    """Write the status and its event: the one place that does."""
    to = TRANSITIONS[status, action].to
    payment.status = to.value
    payment.version += 1
    payment.updated_at = clock.now()
    if status is None:
        payment.created_at = payment.updated_at
    if action in DECISIONS:
        payment.decided_by, payment.decided_at = by.user_id, payment.updated_at
    payment.id = payment.id or new_id()
    event = PaymentEvent(
        id=new_id(),
        account_id=payment.account_id,
        payment_id=payment.id,
        version=payment.version,
        from_status=status.value if status else None,
        to_status=to.value,
        action=action.value,
        actor_id=by.user_id,
        actor_label=by.label,
        actor_role=by.role.value,
        face=by.face,
        reason=reason,
        request_id=by.request_id,
        at=payment.updated_at,
    )
    payment.last_event_id = event.id
    if to is Status.SUCCEEDED:
        payment.booking_id = event.id
    elif to is Status.REFUNDED:
        payment.refund_id = event.id
    session.add(payment)
    # The payment first: its event references it at once, it references its event at the commit. Here, too, the
    # database finds that another with the same reference was booked since we looked.
    flush_or_refuse(
        {
            UQ_BOOKED_REFERENCE: refusals.reference_booked(None),
            UQ_GATEWAY_REFERENCE: refusals.gateway_reference_used(),
        }
    )
    session.add(event)
    changes: dict[str, Any] = {"status": (status.value if status else None, to.value)} | (
        {"reason": reason} if reason else {}
    )
    if status is None:
        changes |= audit.differences({}, _audited(payment))
    audit.record(by, f"payment.{action}", "payment", payment.id, account_id=payment.account_id, **changes)
    announce_step(payment, action)
    write_of_step(payment, action, reason)


def _audited(payment: Payment) -> dict[str, object]:
    """What the audit log says of a new payment. Its notes are left out: people write there what they like."""
    return {
        "amount": str(payment.amount),
        "payment_method": payment.payment_method,
        "transaction_reference": payment.transaction_reference,
        "paid_on": payment.paid_on,
        "invoice_id": payment.invoice_id,
    }


def _book(invoice: Invoice, payment: Payment, by: Actor) -> None:
    """Count a succeeded payment, and grant the invoice's credits when it covers the total."""
    if book(invoice, _last_step(payment), by=by) and invoice.grant_id:
        credits.grant(
            invoice.grant_id,
            by=by,
            account_id=payment.account_id,
            payment_id=payment.id,
            invoice_id=invoice.id,
            amount=invoice.credits,
        )


def _last_step(payment: Payment) -> Step:
    return Step(
        event_id=payment.last_event_id,
        payment_id=payment.id,
        version=payment.version,
        status=payment.status,
        amount=payment.amount,
    )


def _read_reason(text: str, field: str) -> str:
    reason = freetext.clean(text, field=field, most=MAX_REASON, label="The reason", lines=True)
    freetext.refuse_card_number(reason, field=field)
    return reason


def _required_reason(text: str) -> str:
    reason = _read_reason(text, "reason")
    return freetext.required(reason, field="reason", most=MAX_REASON, label="The reason", lines=True)
