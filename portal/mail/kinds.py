"""What people are written to about."""

from enum import StrEnum


class Kind(StrEnum):
    """Why somebody gets a mail. ``letters`` has the words of each."""

    PAYMENT_REPORTED = "payment_reported"
    PAYMENT_APPROVED = "payment_approved"
    PAYMENT_REJECTED = "payment_rejected"
    PAYMENT_REFUNDED = "payment_refunded"
    INVOICE_ISSUED = "invoice_issued"
    DIGEST = "digest"
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105  (no password)
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGED = "email_changed"


OF_PAYMENTS = (Kind.PAYMENT_REPORTED, Kind.PAYMENT_APPROVED, Kind.PAYMENT_REJECTED, Kind.PAYMENT_REFUNDED)
CHOSEN = frozenset({*OF_PAYMENTS, Kind.INVOICE_ISSUED, Kind.DIGEST})
"""What people may do without. All else is about their access, and always written."""
