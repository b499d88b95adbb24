"""A typed reference against the expected one, character by character, for people who look for the slip."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from portal.billing.payments.references import normalize_reference

_LIKENESS = 0.6
"""From here on it is the same reference with slips; below, another one, in which marks would only confuse."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a reference, and whether it differs from the other one."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both references in pieces, and their differences in words."""

    typed: list[Piece]
    expected: list[Piece]
    differences: list[str]
    is_alike: bool
    """Whether they are one reference with slips in it, or none; else nothing is marked."""


def compare(typed: str, expected: str) -> Comparison:
    """Blanks, dashes and case do not count, as in the comparison of whole references."""
    ours, theirs = _compared(typed), _compared(expected)
    matcher = SequenceMatcher(None, [c for _, c in ours], [c for _, c in theirs], autojunk=False)
    if matcher.ratio() < _LIKENESS:
        return Comparison([Piece(typed, False)], [Piece(expected, False)], [], is_alike=False)
    wrong: set[int] = set()
    missing: set[int] = set()
    said = []
    for kind, begin, end, other_begin, other_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        mine, others = ours[begin:end], theirs[other_begin:other_end]
        wrong.update(place for place, _ in mine)
        missing.update(place for place, _ in others)
        said.append(_in_words("".join(typed[place] for place, _ in mine), "".join(expected[p] for p, _ in others)))
    return Comparison(list(_pieces(typed, wrong)), list(_pieces(expected, missing)), said, is_alike=True)


def _compared(text: str) -> list[tuple[int, str]]:
    """The characters that count, each as it is compared, with their places."""
    return [(place, form) for place, c in enumerate(text) if (form := normalize_reference(c))]


def _in_words(typed: str, expected: str) -> str:
    if not typed:
        return f"{expected} is missing"
    return f"{typed} instead of {expected}" if expected else f"{typed} is too much"


def _pieces(text: str, marked: set[int]) -> Iterator[Piece]:
    begin = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or (place in marked) != (begin in marked):
            yield Piece(text[begin:place], begin in marked)
            begin = place
