"""Where a payment stands and what comes next, in words for the customer: the same on the page and by the API."""

from dataclasses import dataclass

from portal.billing.invoices.figures import InvoiceRow, InvoiceStatus
from portal.billing.invoices.models import Invoice
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.models import Payment
from portal.billing.payments.states import Status
from portal.foundation.access import Permission
from portal.foundation.actor import Actor

_SHOWN_HERE = "We will show the outcome here."
# What the status says, and what comes next; where the invoice can be paid again, that comes next.
_WORDS = {
    Status.PENDING: ("We are waiting for the payment provider.", _SHOWN_HERE),
    Status.PROCESSING: ("The payment provider is processing it.", _SHOWN_HERE),
    Status.PENDING_APPROVAL: (
        "We are checking your payment.",
        "We compare your report with the money that arrived, and show the outcome here. You need to do nothing more.",
    ),
    Status.SUCCEEDED: ("Your payment succeeded.", "It counts towards invoice {number}."),
    Status.FAILED: ("This payment was not accepted.", ""),
    Status.REFUNDED: ("This payment was refunded.", "It no longer counts towards invoice {number}."),
    Status.CANCELLED: ("This payment was withdrawn.", "If you sent the money all the same, please tell us."),
}
_AGAIN = {
    Status.FAILED: "Correct your report and send it again.",
    Status.CANCELLED: (
        "You can pay the invoice again. If you sent the money all the same, report it: do not send it twice."
    ),
}


@dataclass(frozen=True, slots=True)
class Tracking:
    """Where the payment stands, and what comes next: empty where nothing does."""

    stands: str
    comes_next: str
    can_pay_again: bool
    """Whether what comes next is that the reader reports another payment of the invoice."""


def tracking(payment: Payment | PaymentRow, invoice: Invoice | InvoiceRow, reader: Actor) -> Tracking:
    """The payment of this invoice as it stands for this reader."""
    status = Status(payment.status)
    said, comes_next = _WORDS[status]
    again = status in _AGAIN and invoice.status == InvoiceStatus.OPEN and reader.may(Permission.PAYMENT_SUBMIT)
    return Tracking(said, _AGAIN[status] if again else comes_next.format(number=invoice.number), again)
