"""What speaks against a reference that somebody typed. It may still be what their bank says, so they are asked."""

from portal.billing.invoices.models import Invoice
from portal.billing.invoices.payment_reference import has_right_check_digits, is_creditor_reference
from portal.billing.invoices.queries import find_by_payment_reference
from portal.billing.payments import refusals
from portal.billing.payments.references import normalize_reference
from portal.foundation.refusals import Conflict, Invalid


def doubt_about(reference: str, invoice: Invoice) -> Invalid | Conflict | None:
    """Why a transfer for the invoice hardly carries this: it has wrong check digits, or is another invoice's reference.

    Only invoices of the same account are looked at, and of them only those that the account may see.
    """
    text = normalize_reference(reference)
    if not is_creditor_reference(text):
        return None
    if not has_right_check_digits(text):
        return refusals.wrong_check_digits()
    other = find_by_payment_reference(text, account_id=invoice.account_id)
    return refusals.reference_of_other_invoice(other) if other and other.id != invoice.id else None
