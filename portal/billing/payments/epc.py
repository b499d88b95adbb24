"""What a banking app reads from a QR code: a SEPA credit transfer (EPC069-12, version 002)."""

from dataclasses import dataclass
from decimal import Decimal

from stdnum import bic, iban

from portal.billing.invoices.models import Invoice
from portal.billing.methods.queries import AvailableMethod

_NAME_LABELS = {"account holder", "account name", "account title", "beneficiary", "recipient", "payee", "kontoinhaber"}
_MOST_NAME, _MOST_BYTES, _MOST_CENTS = 70, 200, 99_999_999_999
"""Characters of the name, and bytes of all that people wrote, so that the code stays within its 331."""
_EEA = {
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
}  # fmt: skip
_SEPA = _EEA | {"AD", "AL", "CH", "GB", "GI", "MC", "MD", "ME", "MK", "RS", "SM", "VA"}
"""First letters of the IBANs that SEPA credit transfers reach (EPC409-09); beyond the EEA they need a BIC too."""


@dataclass(frozen=True, slots=True)
class EpcTransfer:
    """The fields of the code. Either ``reference`` (ISO 11649) or ``text`` says what the money is for."""

    name: str
    iban: str
    bic: str
    amount: Decimal
    reference: str | None
    text: str | None


def epc_transfer(method: AvailableMethod, invoice: Invoice) -> EpcTransfer | None:
    """The transfer that pays the invoice; None unless it is in euros, and the details name one account and its holder.

    A code that is not there costs a minute of typing; one that names a wrong account costs the money.
    """
    names = [value for label, value in method.details if label.strip().casefold() in _NAME_LABELS]
    ibans = [iban.compact(value) for _, value in method.details if iban.is_valid(value)]
    bics = [bic.compact(value) for label, value in method.details if "bic" in label.casefold() and bic.is_valid(value)]
    if method.method != "bank_transfer" or invoice.currency != "EUR" or (len(names), len(ibans)) != (1, 1):
        return None
    text = "" if invoice.payment_reference else invoice.number
    is_short = len(names[0]) <= _MOST_NAME and len((names[0] + text).encode()) <= _MOST_BYTES
    if (
        not is_short
        or ibans[0][:2] not in (_SEPA if len(bics) == 1 else _EEA)
        or not 0 < invoice.outstanding.minor <= _MOST_CENTS
    ):
        return None
    return EpcTransfer(
        name=names[0],
        iban=ibans[0],
        bic=bics[0] if len(bics) == 1 else "",
        amount=Decimal(invoice.outstanding.decimal_string()),
        reference=invoice.payment_reference,
        text=text or None,
    )
