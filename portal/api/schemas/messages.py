"""What webhooks tell: as the API shows it, without what depends on who reads, and without people's notes."""

from portal.api.schemas.accounts import CreditTransactionOut
from portal.api.schemas.invoices import InvoiceOut
from portal.api.schemas.payments import PaymentOut
from portal.api.schemas.values import Id, Out, Text


class PaymentMessageOut(PaymentOut):
    """A payment, as webhooks tell of it."""

    optional = frozenset()

    account_id = Id()

    class Meta(Out.Meta):
        exclude = ("payment_id", "notes", "allowed_actions")


class InvoiceMessageOut(InvoiceOut):
    """An invoice, as webhooks tell of it."""

    optional = frozenset()

    account_id = Id()

    class Meta(Out.Meta):
        exclude = ("external_id", "is_overdue")


class CreditsMessageOut(CreditTransactionOut):
    """One row of the ledger of credits, as webhooks tell of it."""

    account_id = Id()

    class Meta(Out.Meta):
        exclude = ("invoice_number",)


class TestMessageOut(Out):
    """What a test sends: nothing has happened."""

    endpoint_id = Id()
    message = Text("This is a test. Nothing has happened.")


OF_KIND = {
    "payment": PaymentMessageOut, "invoice": InvoiceMessageOut, "credits": CreditsMessageOut, "webhook": TestMessageOut,
}  # fmt: skip
"""By what stands before the dot of an event's type."""
