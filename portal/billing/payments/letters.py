"""Who is written to about a payment's step: its account's owners, and whoever reported it."""

from portal.accounts.recipients import concerned
from portal.billing.invoices.models import Invoice
from portal.billing.payments.models import Payment
from portal.billing.payments.states import Action
from portal.foundation.db import session
from portal.mail.kinds import Kind
from portal.mail.outbox import post

WRITTEN = {
    Action.SUBMIT: Kind.PAYMENT_REPORTED,
    Action.APPROVE: Kind.PAYMENT_APPROVED,
    Action.REJECT: Kind.PAYMENT_REJECTED,
    Action.REFUND: Kind.PAYMENT_REFUNDED,
}


def write_of_step(payment: Payment, action: Action, reason: str | None) -> None:
    """Write of the step that the payment has just taken. Its invoice is locked, and so in the session already."""
    kind = WRITTEN.get(action)
    if kind is None:
        return
    data = {
        "invoice_number": session.get_one(Invoice, payment.invoice_id).number,
        "amount": payment.amount,
        "transaction_reference": payment.transaction_reference,
        "reason": reason or "",
    }
    to = concerned(payment.account_id, kind, beside=payment.submitted_by)
    post(kind, *to, subject_id=payment.id, data=data)
