"""What webhooks are told of a payment's step: the payment as the API shows it, without what people wrote as notes.

A gateway's own steps are told when there are gateways; that their money was counted, ``invoice.paid`` says already.
"""

from portal.billing.invoices.models import Invoice
from portal.billing.payments.models import Payment
from portal.billing.payments.states import Action
from portal.foundation.db import session
from portal.webhooks.event_types import EventType
from portal.webhooks.outbox import announce

TOLD = {
    Action.SUBMIT: EventType.PAYMENT_SUBMITTED,
    Action.APPROVE: EventType.PAYMENT_APPROVED,
    Action.REJECT: EventType.PAYMENT_REJECTED,
    Action.CANCEL: EventType.PAYMENT_CANCELLED,
    Action.REFUND: EventType.PAYMENT_REFUNDED,
}
_AS_THEY_ARE = (
    "id", "account_id", "invoice_id", "amount", "currency", "payment_method", "status", "transaction_reference",
    "paid_on", "failure_reason", "version", "created_at", "updated_at", "decided_at",
)  # fmt: skip


def announce_step(payment: Payment, action: Action) -> None:
    """Tell of the step that the payment has just taken. Its invoice is locked, and so in the session already."""
    if action not in TOLD:
        return
    invoice = session.get_one(Invoice, payment.invoice_id)
    data = {name: getattr(payment, name) for name in _AS_THEY_ARE} | {"invoice_number": invoice.number}
    announce(TOLD[action], account_id=payment.account_id, subject_id=payment.id, data=data)
