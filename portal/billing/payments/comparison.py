"""A typed reference against the expected one, character by character, for people who look for the slip."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from portal.billing.payments.references import normalize_reference

_LIKENESS = 0.6
"""From here on it is the same reference with slips; below, another one, in which marks would only confuse."""
_FEW = 4
"""Of the same length, and so many places differ at most: digits were swapped or mistaken, none is missing."""
Stretch = tuple[int, int, int, int]
"""Where both differ: begin and end in the typed one, and in the expected one."""


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
    stretches = _differing([c for _, c in ours], [c for _, c in theirs])
    if stretches is None:
        return Comparison([Piece(typed, False)], [Piece(expected, False)], [], is_alike=False)
    wrong: set[int] = set()
    missing: set[int] = set()
    said = []
    for begin, end, other_begin, other_end in stretches:
        mine, others = ours[begin:end], theirs[other_begin:other_end]
        wrong.update(place for place, _ in mine)
        missing.update(place for place, _ in others)
        said.append(_in_words("".join(typed[place] for place, _ in mine), "".join(expected[p] for p, _ in others)))
    return Comparison(list(_pieces(typed, wrong)), list(_pieces(expected, missing)), said, is_alike=True)


def _differing(ours: list[str], theirs: list[str]) -> list[Stretch] | None:
    """The stretches that differ, in order; None where the two are not alike."""
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    if matcher.ratio() < _LIKENESS:
        return None
    if len(ours) == len(theirs):
        places = [place for place, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
        if len(places) <= _FEW:
            begins = [place for place in places if place - 1 not in places]
            ends = [place + 1 for place in places if place + 1 not in places]
            return [(begin, end, begin, end) for begin, end in zip(begins, ends, strict=True)]
    return [(begin, end, first, last) for kind, begin, end, first, last in matcher.get_opcodes() if kind != "equal"]


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
