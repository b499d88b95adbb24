"""Where a payment stands and what comes next, in words for the customer: the same on the page and by the API."""

from dataclasses import dataclass

from portal.billing.invoices.figures import InvoiceRow, InvoiceStatus
from portal.billing.invoices.models import Invoice
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.models import Payment
from portal.billing.payments.states import Status
from portal.foundation.access import Permission
from portal.foundation.actor import Actor

_PROVIDER = ("The payment provider is working on it.", "The result will stand here.")
# What the status says, and what comes next; where the invoice can be paid again, that comes next.
_WORDS = {
    Status.PENDING: _PROVIDER,
    Status.PROCESSING: _PROVIDER,
    Status.PENDING_APPROVAL: (
        "We are looking for your money.",
        (
            "Our staff compare what you reported with what arrived. "
            "Nothing more is needed from you; the result will stand here."
        ),
    ),
    Status.SUCCEEDED: ("Your money arrived.", "It is counted towards invoice {number}."),
    Status.FAILED: ("This payment was not accepted.", ""),
    Status.REFUNDED: ("This payment was given back.", "It no longer counts towards invoice {number}."),
    Status.CANCELLED: ("This payment was withdrawn.", ""),
}
_AGAIN = {
    Status.FAILED: "Check what you sent, and report it again.",
    Status.CANCELLED: "You can pay the invoice another time.",
}


@dataclass(frozen=True, slots=True)
class Tracking:
    """Where the payment stands, and what comes next: empty where nothing does."""

    stands: str
    comes_next: str
    can_pay_again: bool
    """Whether what comes next is that the reader reports another payment of the invoice."""


def stands(payment: PaymentRow) -> str:
    """Where the payment stands, whoever reads it."""
    return _WORDS[Status(payment.status)][0]


def tracking(payment: Payment | PaymentRow, invoice: Invoice | InvoiceRow, reader: Actor) -> Tracking:
    """The payment of this invoice as it stands for this reader."""
    status = Status(payment.status)
    said, comes_next = _WORDS[status]
    again = status in _AGAIN and invoice.status == InvoiceStatus.OPEN and reader.may(Permission.PAYMENT_SUBMIT)
    return Tracking(said, _AGAIN[status] if again else comes_next.format(number=invoice.number), again)
