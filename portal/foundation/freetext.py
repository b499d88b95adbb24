"""Text that people typed: cleaned of what nobody can see, and refused where it carries what must not be kept."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from stdnum import iso11649, luhn

from portal.foundation.refusals import Invalid

# Card networks by their first digits, with the lengths of their numbers (ISO/IEC 7812-1 and the networks' own tables).
_NETWORKS = (
    (re.compile(r"4"), {13, 16, 19}),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),  # Mastercard
    (re.compile(r"3[47]"), {15}),  # American Express
    (re.compile(r"6011|64[4-9]|65"), {16, 17, 18, 19}),  # Discover, RuPay
    (re.compile(r"30[0-5]|36|3[89]"), {14, 15, 16, 17, 18, 19}),  # Diners Club
    (re.compile(r"35(?:2[89]|[3-8])"), {16, 17, 18, 19}),  # JCB
    (re.compile(r"62|81"), {16, 17, 18, 19}),  # UnionPay
    (re.compile(r"50(?:18|20|38)|5893|6304|67(?:59|6[1-3])"), {13, 14, 15, 16, 17, 18, 19}),  # Maestro
    (re.compile(r"220[0-4]"), {16, 17, 18, 19}),  # Mir
)
_LONGEST = 10_000
"""Characters that are looked through for card numbers: twice what the portal keeps of any text."""
_SEPARATOR = r"[ .\-/\u00a0\u2009-\u2015]"
_DIGIT_RUNS = re.compile(rf"[0-9]+(?:{_SEPARATOR}{{1,3}}[0-9]+)*")
# One in some five thousand UUIDs (RFC 9562) holds what would pass for a card number; banks' end-to-end ids are such.
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b", re.IGNORECASE)
# So does one in some hundred of invoices' payment references (ISO 11649). Their own check digits tell them apart.
_REFERENCE = re.compile(rf"\bRF[0-9]{{2}}(?:{_SEPARATOR}?[0-9]){{15}}\b", re.IGNORECASE)
# Marks that turn the direction of the text around them: they make a page show something other than what is stored.
_DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Unicode's categories of what shows nothing by itself: blanks, breaks, joiners, and marks, which want a letter.
_UNSEEN = ("Cc", "Cf", "Mn", "Zl", "Zp", "Zs")
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters of Hangul and a pattern of Braille that are empty."""


def clean(value: str, *, field: str, most: int, label: str, lines: bool = False) -> str:
    """The text without outer blanks, in Unicode's composed form. Raises Invalid for control characters or over-length.

    ``most`` counts characters. ``lines`` allows line breaks and tabs.
    """
    text = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if len(text) > most:
        raise Invalid(
            "too_long",
            f"{label} must not be longer than {most} characters; this has {len(text)}.",
            field=field,
        )
    allowed = "\n\t" if lines else ""
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in allowed for c in text) or _DIRECTION_MARKS.search(text):
        raise Invalid(
            "control_characters",
            f"{label} contains characters that cannot be shown. Type it by hand.",
            field=field,
        )
    return text


def required(value: str, *, field: str, most: int, label: str, lines: bool = False) -> str:
    """Like ``clean``, and raises Invalid where nothing is left that can be seen."""
    text = clean(value, field=field, most=most, label=label, lines=lines)
    if not is_seen(text):
        raise Invalid("required", f"{label} is missing.", field=field)
    return text


def is_seen(text: str) -> bool:
    """Whether the text has a character that shows something by itself."""
    return any(unicodedata.category(c) not in _UNSEEN and c not in _FILLERS for c in text)


def mask_card_numbers(text: str) -> str:
    """The text with a dot for each digit of whatever looks like a card number: a form may show that much again.

    What is longer than any text that the portal keeps is cut off: nobody else has to wait until all is looked through.
    """
    text = text[:_LONGEST]
    plain = _plain(text)
    for run in _digit_runs(plain):
        if _holds_card_number(run.group()):
            text = plain = plain[: run.start()] + re.sub("[0-9]", "•", run.group()) + plain[run.end() :]
    return text


def refuse_card_number(text: str, *, field: str) -> None:
    """Raise Invalid where the text holds a payment card number, in one piece or in groups. The message keeps it out.

    The text is one that ``clean`` took: of a longer one the end is not looked at.
    """
    for run in _digit_runs(_plain(text)):
        if _holds_card_number(run.group()):
            message = "This looks like a card number. The portal never keeps one: take it out and send the form again."
            raise Invalid("card_number", message, field=field)


def _plain(text: str) -> str:
    """The text with ASCII digits for those of other widths. One letter can become eighteen."""
    return unicodedata.normalize("NFKC", text[:_LONGEST])[:_LONGEST]


def _digit_runs(plain: str) -> Iterator[re.Match[str]]:
    """Digits with what may stand between them, not of UUIDs and references; each at its own place in the text."""
    return _DIGIT_RUNS.finditer(_REFERENCE.sub(_reference_crossed_out, _UUID.sub(_uuid_crossed_out, plain)))


def _uuid_crossed_out(uuid: re.Match[str]) -> str:
    """Without a letter it is rather a number in groups."""
    text = uuid.group()
    return "x" * len(text) if re.search("[a-f]", text, re.IGNORECASE) else text


def _reference_crossed_out(reference: re.Match[str]) -> str:
    text = reference.group()
    return "x" * len(text) if iso11649.is_valid(re.sub(_SEPARATOR, "", text)) else text


def _holds_card_number(run: str) -> bool:
    return any(_is_card_number(digits) for digits in _joined(re.findall("[0-9]+", run)))


def _joined(groups: list[str]) -> Iterator[str]:
    """Neighbouring groups as one number, as far as a card number is long (13 to 19 digits)."""
    for start in range(len(groups)):
        digits = ""
        for group in islice(groups, start, start + 19):
            digits += group
            if len(digits) > 19:
                break
            if len(digits) >= 13:
                yield digits


def _is_card_number(digits: str) -> bool:
    is_of_a_network = any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _NETWORKS)
    return is_of_a_network and luhn.is_valid(digits)
