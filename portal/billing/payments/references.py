"""Transaction references: kept as typed, compared without what people and banks change on the way."""

import unicodedata

from portal.foundation import freetext
from portal.foundation.refusals import Invalid

MAX_LENGTH = 140
"""Characters of remittance information in one SEPA credit transfer (EPC rulebook, AT-05)."""
_DROPPED = {"Pd", "Cf", "Zs", "Mn", "Me"}
"""Unicode categories that do not tell two references apart: dashes, invisible marks, spaces, and lone accents."""

# Letters that look like Latin ones, at least as capitals (Unicode UTS #39, confusables), after folding their case.
_LOOK_ALIKES = str.maketrans(
    "авеёзікмнорстухѕјԛԝһӏ" + "αβεζηικμνορτυχϲ",
    "abee3ikmhopctyxsjqwhl" + "abezhikmnoptyxc",
)


def read_reference(text: str, *, field: str = "transaction_reference") -> str:
    """The reference, cleaned. Raises Invalid where it is missing, too long, unprintable or a card number."""
    reference = freetext.required(text, field=field, most=MAX_LENGTH, label="The transaction reference")
    if not normalize_reference(reference):
        message = "The transaction reference needs letters or digits: copy it from your bank or wallet."
        raise Invalid("required", message, field=field)
    freetext.refuse_card_number(reference, field=field)
    return reference


def normalize_reference(text: str) -> str:
    """The form in which two references are the same: any case, blanks, dashes, invisible, full-width, look-alikes."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(_LOOK_ALIKES)
    return "".join(c for c in folded if unicodedata.category(c) not in _DROPPED and not c.isspace())
