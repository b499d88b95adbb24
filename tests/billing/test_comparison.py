"""A typed reference beside the expected one: what differs, character by character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.payments.comparison import Comparison, compare

EXPECTED = "RF18 5390 0754 7034"


def marked(found: Comparison) -> tuple[str, str]:
    """Both references, what differs in brackets."""
    sides = (found.typed, found.expected)
    typed, expected = ("".join(f"[{one.text}]" if one.differs else one.text for one in side) for side in sides)
    return typed, expected


@pytest.mark.parametrize(
    ("typed", "expected", "in_words"),
    [
        ("rf18-539007547034", EXPECTED, []),
        ("RF18 5390 0754 7[9]34", "RF18 5390 0754 7[0]34", ["9 instead of 0"]),
        ("RF18 5390 0754 70[43]", "RF18 5390 0754 70[34]", ["43 instead of 34"]),
        ("RF18 5[93]0 0754 70[43]", "RF18 5[39]0 0754 70[34]", ["93 instead of 39", "43 instead of 34"]),
        ("RF18 5390 0754 703", "RF18 5390 0754 703[4]", ["4 is missing"]),
        ("RF18 5390 0754 7034[ 5]", EXPECTED, ["5 is too much"]),
    ],
)
def test_what_differs_is_marked_and_said(typed: str, expected: str, in_words: list[str]) -> None:
    found = compare(typed.replace("[", "").replace("]", ""), EXPECTED)
    assert (found.differences, found.is_alike) == (in_words, True)
    assert marked(found)[1] == expected
    assert marked(found)[0].replace(" [", "[ ") == typed


def test_a_digit_that_moved_far_is_missing_there_and_too_much_here() -> None:
    found = compare("RF18 3900 7547 0345", EXPECTED)
    assert found.differences == ["5 is missing", "5 is too much"]


def test_another_reference_is_not_marked_all_over() -> None:
    found = compare("SEPA-20261126-0042", EXPECTED)
    assert (marked(found), found.is_alike) == (("SEPA-20261126-0042", EXPECTED), False)


@given(st.text(max_size=40), st.text("RF0123456789 ", max_size=30))
def test_no_character_is_lost(typed: str, expected: str) -> None:
    found = compare(typed, expected)
    assert "".join(piece.text for piece in found.typed) == typed
    assert "".join(piece.text for piece in found.expected) == expected
