"""The reference that a transfer for an invoice carries: a creditor reference with check digits (ISO 11649, ``RF…``)."""

from uuid import UUID

from stdnum import iso11649
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_97_10


def payment_reference(invoice_id: UUID) -> str:
    """``RF``, two check digits and 15 digits of the invoice's id, without blanks.

    Digits, because wallets and phones take nothing else; of the id, because it needs no counter that all writers share.
    """
    body = f"{invoice_id.int % 2**62 % 10**15:015d}"
    return f"RF{mod_97_10.calc_check_digits(f'{body}RF')}{body}"


def in_groups(reference: str) -> str:
    """As it is printed, in groups of four: ``RF18 5390 0754 7034``."""
    return str(iso11649.format(reference))


def compact(reference: str) -> str:
    """As it is kept: in capitals, without blanks and dashes."""
    return str(iso11649.compact(reference))


def is_creditor_reference(text: str) -> bool:
    """Whether it claims to be such a reference, right or wrong: ``RF``, two digits, and something after them."""
    claimed = compact(text)
    return claimed[:2] == "RF" and claimed[2:4].isdigit() and len(claimed) > 4 and claimed.isalnum()


def has_right_check_digits(text: str) -> bool:
    """Whether check digits, length and alphabet are right."""
    try:
        iso11649.validate(text)
    except ValidationError:
        return False
    return True
