"""What webhooks tell of."""

from enum import StrEnum


class EventType(StrEnum):
    """Something that happened to a payment, an invoice or an account's credits."""

    PAYMENT_SUBMITTED = "payment.submitted"
    PAYMENT_APPROVED = "payment.approved"
    PAYMENT_REJECTED = "payment.rejected"
    PAYMENT_CANCELLED = "payment.cancelled"
    PAYMENT_REFUNDED = "payment.refunded"
    INVOICE_ISSUED = "invoice.issued"
    INVOICE_PAID = "invoice.paid"
    INVOICE_VOIDED = "invoice.voided"
    CREDITS_CHANGED = "credits.changed"


TEST = "webhook.test"
"""What a test sends. Nobody chooses it: it goes to the endpoint that is tried, whatever that listens to."""
