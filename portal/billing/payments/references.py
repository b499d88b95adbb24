"""Transaction references: kept as typed, compared without what people and banks change on the way."""

import re
import unicodedata

from portal.foundation import freetext
from portal.foundation.refusals import Invalid

MAX_LENGTH = 140
"""Characters of remittance information in one SEPA credit transfer (EPC rulebook, AT-05)."""
MAX_NORMALIZED = 2 * MAX_LENGTH
"""Characters of a reference in the form in which it is compared: one letter can become eighteen."""
_DROPPED = {"Pd", "Cf", "Zs", "Mn", "Me"}
"""Unicode categories that do not tell two references apart: dashes, invisible marks, spaces, and lone accents."""
# What takes a letter's place and shows nothing (Unicode's Default_Ignorable_Code_Point beyond _DROPPED, and blanks that
# are symbols), or what a reader's fonts make of it (Private_Use): no bank writes it, and one reference looks like two.
_UNSEEN = re.compile(
    "[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U0001d159\U00013441\U00013442"
    "\U000e0000\U000e0002-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
    "\ue000-\uf8ff\U000f0000-\U0010ffff]"
)

# Letters that look like Latin ones, at least as capitals (Unicode UTS #39, confusables), after folding their case.
_LOOK_ALIKES = str.maketrans(
    "авеёзікмнорстухѕјԛԝһӏ" + "αβεζηικμνορτυχϲ",
    "abee3ikmhopctyxsjqwhl" + "abezhikmnoptyxc",
)


def read_reference(text: str) -> str:
    """The reference, cleaned. Raises Invalid where it is missing, too long, unprintable or a card number."""
    field = "transaction_reference"
    reference = freetext.required(text, field=field, most=MAX_LENGTH, label="The transaction reference")
    normalized = normalize_reference(reference)
    if _UNSEEN.search(reference) or len(normalized) > MAX_NORMALIZED:
        message = "The transaction reference contains characters that no bank writes. Type it by hand."
        raise Invalid("control_characters", message, field=field)
    if not normalized:
        message = "The transaction reference needs letters or digits: copy it from your bank or wallet."
        raise Invalid("required", message, field=field)
    freetext.refuse_card_number(reference, field=field)
    return reference


def normalize_reference(text: str) -> str:
    """The form in which two references are the same: any case, blanks, dashes, invisible, full-width, look-alikes."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(_LOOK_ALIKES)
    return "".join(c for c in folded if unicodedata.category(c) not in _DROPPED and not c.isspace())
