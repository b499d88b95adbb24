"""Payments: what can be done with them. Each function is one unit: lock, look (``checks``), take the step (``steps``).

Locks are taken in the order invoice, payment, account, so that two units never wait for each other.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import select

from portal.accounts.models import Account
from portal.billing.credits import service as credits
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.service import book, lock_invoice, take_back, void_locked_invoice
from portal.billing.payments.checks import (
    refuse_booked_reference,
    refuse_open_payment,
    refuse_replayed_reference,
    refuse_unless_allowed,
    refuse_unless_clear,
    refuse_unless_method_fits,
    refuse_unless_payable,
    refuse_used_reference,
)
from portal.billing.payments.doubts import doubt_about
from portal.billing.payments.models import Payment
from portal.billing.payments.paid_on import refuse_impossible_day
from portal.billing.payments.proofs.service import add_proof
from portal.billing.payments.references import normalize_reference, read_reference
from portal.billing.payments.states import Action, permission_of
from portal.billing.payments.steps import begin, last_step, move
from portal.foundation import freetext
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import lock_or_refuse, locked, session, transaction
from portal.foundation.files.cleaning import CleanFile
from portal.foundation.refusals import NotFound

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
        refuse_unless_payable(invoice)
        account = lock_or_refuse(Account, invoice.account_id)
        refuse_unless_method_fits(account, invoice, payment_method)
        refuse_impossible_day(paid_on, account)
        refuse_used_reference(invoice, payment_method, normalize_reference(reference))
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
        begin(payment, Action.SUBMIT, by)
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
        invoice, payment = _lock_for(Action.APPROVE, payment_id, by, version)
        if only_clear:
            locked(Account, payment.account_id)  # what is clear hangs on what the account has booked and got back
            refuse_unless_clear(payment)
        if not reason:
            refuse_booked_reference(payment)
        payment.same_text_reason = reason or None  # also where none is booked yet: another may be under way
        move(payment, Action.APPROVE, by, reason=payment.same_text_reason)
        session.flush()
        _book(invoice, payment, by)
    return payment


def reject_payment(payment_id: UUID, *, by: Actor, version: int, reason: str) -> Payment:
    """Refuse the payment. The customer reads the reason."""
    by.must(permission_of(Action.REJECT))
    reason = _required_reason(reason)
    with transaction():
        _, payment = _lock_for(Action.REJECT, payment_id, by, version)
        payment.failure_reason = reason
        move(payment, Action.REJECT, by, reason=reason)
    return payment


def cancel_payment(payment_id: UUID, *, by: Actor, version: int | None = None) -> Payment:
    """Withdraw a payment that nobody decided on yet."""
    by.must(permission_of(Action.CANCEL))
    with transaction():
        _, payment = _lock_for(Action.CANCEL, payment_id, by, version)
        move(payment, Action.CANCEL, by)
    return payment


def refund_payment(payment_id: UUID, *, by: Actor, version: int, reason: str) -> Payment:
    """Give a booked payment back: amount paid and credits are taken back, by new rows of the ledger."""
    by.must(permission_of(Action.REFUND))
    reason = _required_reason(reason)
    by.must_confirm()
    with transaction():
        invoice, payment = _lock_for(Action.REFUND, payment_id, by, version)
        locked(Account, payment.account_id)  # before it is less that the account has booked: clear cases hang on it
        move(payment, Action.REFUND, by, reason=reason)
        session.flush()
        if take_back(invoice, last_step(payment), by=by):
            credits.reverse(by=by, account_id=payment.account_id, payment_id=payment.id, invoice_id=invoice.id)
    return payment


def start_payment(*, by: Actor, invoice_id: UUID, payment_method: str, transaction_reference: str) -> Payment:
    """Begin a gateway's payment of the outstanding amount. Raises Conflict for a reference that it gave before."""
    by.must(permission_of(Action.START))
    with transaction():
        invoice = lock_invoice(invoice_id)
        refuse_unless_payable(invoice)
        refuse_replayed_reference(payment_method, transaction_reference)
        payment = Payment(
            account_id=invoice.account_id,
            invoice_id=invoice.id,
            amount_minor=invoice.outstanding.minor,
            currency=invoice.currency,
            payment_method=payment_method,
            transaction_reference=transaction_reference,
        )
        begin(payment, Action.START, by)
    return payment


def process_payment(payment_id: UUID, *, by: Actor) -> Payment:
    """The gateway works on the payment: it cannot be withdrawn any more."""
    by.must(permission_of(Action.START))
    with transaction():
        _, payment = _lock_for(Action.START, payment_id, by)
        move(payment, Action.START, by)
    return payment


def settle_payment(payment_id: UUID, *, by: Actor) -> Payment:
    """The gateway has the money: book the payment."""
    by.must(permission_of(Action.SETTLE))
    with transaction():
        invoice, payment = _lock_for(Action.SETTLE, payment_id, by)
        move(payment, Action.SETTLE, by)
        session.flush()
        _book(invoice, payment, by)
    return payment


def fail_payment(payment_id: UUID, *, by: Actor, reason: str) -> Payment:
    """The gateway could not get the money."""
    by.must(permission_of(Action.FAIL))
    reason = _required_reason(reason)
    with transaction():
        _, payment = _lock_for(Action.FAIL, payment_id, by)
        payment.failure_reason = reason
        move(payment, Action.FAIL, by, reason=reason)
    return payment


def void_invoice(invoice_id: UUID, *, by: Actor, reason: str) -> Invoice:
    """Withdraw an invoice that nobody paid or is paying. Raises Conflict where somebody does."""
    by.must(Permission.INVOICE_MANAGE)
    with transaction():
        invoice = lock_invoice(invoice_id)
        refuse_open_payment(invoice)
        void_locked_invoice(invoice, by=by, reason=reason)
    return invoice


def _lock_for(action: Action, payment_id: UUID, by: Actor, version: int | None = None) -> tuple[Invoice, Payment]:
    """The payment in scope and its invoice, both locked and read afresh, the invoice first.

    Raises NotFound, and a Refusal unless this actor may take the action on this version of the payment.
    """
    invoice_id = session.scalar(select(Payment.invoice_id).where(Payment.id == payment_id))
    if invoice_id is None:
        raise NotFound()
    invoice = lock_invoice(invoice_id)
    statement = select(Payment).where(Payment.id == payment_id).with_for_update(of=Payment, key_share=True)
    payment = session.scalars(statement.execution_options(populate_existing=True)).one()
    refuse_unless_allowed(payment, action, by, version)
    return invoice, payment


def _book(invoice: Invoice, payment: Payment, by: Actor) -> None:
    """Count a succeeded payment, and grant the invoice's credits when it covers the total."""
    if book(invoice, last_step(payment), by=by) and invoice.grant_id:
        credits.grant(
            invoice.grant_id,
            by=by,
            account_id=payment.account_id,
            payment_id=payment.id,
            invoice_id=invoice.id,
            amount=invoice.credits,
        )


def _read_reason(text: str, field: str) -> str:
    reason = freetext.clean(text, field=field, most=MAX_REASON, label="The reason", lines=True)
    freetext.refuse_card_number(reason, field=field)
    return reason if freetext.is_seen(reason) else ""


def _required_reason(text: str) -> str:
    reason = _read_reason(text, "reason")
    return freetext.required(reason, field="reason", most=MAX_REASON, label="The reason", lines=True)
