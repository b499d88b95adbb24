"""What must hold before a payment is taken or moved, looked at while its invoice is locked. Each raises a Refusal."""

from sqlalchemy import select

from portal.accounts.models import Account
from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.models import Invoice
from portal.billing.methods.queries import get_available_payment_methods
from portal.billing.payments import refusals
from portal.billing.payments.figures import Lane, is_own
from portal.billing.payments.lanes import facts_of
from portal.billing.payments.models import Payment
from portal.billing.payments.queries import open_payment_of
from portal.billing.payments.states import LIVE_STATUSES, Action, Status, find_transition
from portal.foundation.actor import Actor
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts


def refuse_unless_payable(invoice: Invoice) -> None:
    """An invoice is paid while it is open, by one payment at a time."""
    if invoice.status != InvoiceStatus.OPEN:
        raise refusals.invoice_not_payable(invoice)
    refuse_open_payment(invoice)


def refuse_open_payment(invoice: Invoice) -> None:
    """An invoice has one open payment at most."""
    first = open_payment_of(invoice.id)
    if first is not None:
        raise refusals.open_payment_exists(invoice, first)


def refuse_unless_method_fits(account: Account, invoice: Invoice, method: str) -> None:
    """The method must be on offer to the account, manual, and take the invoice's outstanding amount."""
    available = {found.method: found for found in get_available_payment_methods(account)}
    chosen = available.get(method)
    if chosen is None or not chosen.is_manual:
        raise refusals.method_not_available(method)
    if not chosen.takes(invoice.outstanding):
        raise refusals.method_does_not_take(chosen.name, invoice)


def refuse_used_reference(invoice: Invoice, method: str, normalized: str) -> None:
    """An account reports a transfer once, however it is spelt."""
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


def refuse_replayed_reference(method: str, reference: str) -> None:
    """A gateway gives each payment a reference of its own."""
    given = (Payment.payment_method == method, Payment.transaction_reference == reference)
    with across_accounts():
        if session.scalar(select(Payment.id).where(*given, Payment.normalized_reference.is_(None))):
            raise refusals.gateway_reference_used()


def refuse_booked_reference(payment: Payment) -> None:
    """One transfer is booked once, whoever's invoice it is for."""
    with across_accounts():
        booked = session.scalar(
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
    if booked is not None:
        raise refusals.reference_booked(booked)


def refuse_unless_clear(payment: Payment) -> None:
    """What was a clear case on somebody's page may be one no more."""
    with across_accounts():
        if facts_of(payment.id).lane != Lane.CLEAR:
            raise refusals.not_clear()


def refuse_unless_allowed(payment: Payment, action: Action, by: Actor, version: int | None) -> None:
    """The action must follow from this version of the payment, and some need other eyes than those who reported it."""
    if version is not None and version != payment.version:
        raise refusals.moved_on(payment, by)
    transition = find_transition(Status(payment.status), action)
    if transition is None:
        raise refusals.not_allowed_now(payment, action, by)
    if transition.needs_other_eyes and is_own(payment, by):
        raise refusals.own_payment()
