"""A step of a payment: its status, its event, and who hears of it. Nothing else writes a status."""

from typing import Any

from portal.billing.invoices.service import Step
from portal.billing.payments import refusals
from portal.billing.payments.announcements import announce_step
from portal.billing.payments.letters import write_of_step
from portal.billing.payments.models import UQ_BOOKED_REFERENCE, UQ_GATEWAY_REFERENCE, Payment, PaymentEvent
from portal.billing.payments.states import DECISIONS, TRANSITIONS, Action, Status
from portal.foundation import audit, clock
from portal.foundation.actor import Actor
from portal.foundation.db import flush_or_refuse, session
from portal.foundation.ids import new_id


def begin(payment: Payment, action: Action, by: Actor) -> None:
    """The first step of a payment that is new. Raises Conflict as ``move`` does."""
    payment.version = 0
    _write(payment, None, action, by, None)


def move(payment: Payment, action: Action, by: Actor, *, reason: str | None = None) -> None:
    """The next step. Raises Conflict where another payment with its reference was booked meanwhile."""
    _write(payment, Status(payment.status), action, by, reason)


def _write(payment: Payment, status: Status | None, action: Action, by: Actor, reason: str | None) -> None:
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
    changes: dict[str, Any] = {"status": (status.value if status else None, to.value)}
    if reason:
        changes["reason"] = reason
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


def last_step(payment: Payment) -> Step:
    """The payment's last step, as the ledger of money books it."""
    return Step(
        event_id=payment.last_event_id,
        payment_id=payment.id,
        version=payment.version,
        status=payment.status,
        amount=payment.amount,
    )
