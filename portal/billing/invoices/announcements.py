"""What webhooks are told of an invoice."""

from portal.billing.invoices.models import Invoice
from portal.webhooks.event_types import EventType
from portal.webhooks.outbox import announce

_AS_THEY_ARE = (
    "id", "account_id", "number", "status", "currency", "total", "amount_paid", "outstanding", "credits", "issue_date",
    "due_date",
)  # fmt: skip


def announce_invoice(type: EventType, invoice: Invoice) -> None:
    """Tell of what was done to the invoice. The caller holds its lock."""
    announce(type, account_id=invoice.account_id, subject_id=invoice.id, data=told(invoice))


def told(invoice: Invoice) -> dict[str, object]:
    """The invoice as the API shows it in lists."""
    return {name: getattr(invoice, name) for name in _AS_THEY_ARE}
