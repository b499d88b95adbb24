"""What webhooks are told of an invoice."""

from collections.abc import Sequence

from portal.billing.invoices.models import Invoice
from portal.webhooks.event_types import EventType
from portal.webhooks.outbox import announce, announce_first, event_values

_AS_THEY_ARE = (
    "id", "account_id", "number", "status", "currency", "total", "amount_paid", "outstanding", "credits", "issue_date",
    "due_date", "payment_reference",
)  # fmt: skip


def announce_invoice(type: EventType, invoice: Invoice) -> None:
    """Tell of what was done to the invoice. The caller holds its lock."""
    announce(type, account_id=invoice.account_id, subject_id=invoice.id, data=_told(invoice))


def announce_issued(invoices: Sequence[Invoice]) -> None:
    """Tell of invoices that were made and issued in one go: nothing was told of them before."""
    events = [
        event_values(EventType.INVOICE_ISSUED, account_id=one.account_id, subject_id=one.id, data=_told(one))
        for one in invoices
    ]
    if events:
        announce_first(events)


def _told(invoice: Invoice) -> dict[str, object]:
    """The invoice as the API shows it in lists."""
    return {name: getattr(invoice, name) for name in _AS_THEY_ARE}
