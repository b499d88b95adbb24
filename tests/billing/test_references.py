"""When two references are the same."""

import pytest

from portal.billing.payments.references import normalize_reference, read_reference
from portal.foundation.refusals import Invalid


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("TRF-1", "trf1"),
        ("TRF 1", "TRF\u00a01"),
        ("TRF–1", "TRF—1"),
        ("ＴＲＦ１", "TRF1"),
        ("TR\u200bF1", "TRF1"),
        ("TR\ufeffF1", "TRF1"),
        ("TR\u00adF1", "TRF1"),
        ("STRASSE", "straße"),
        ("ﬁ-1", "FI1"),
        ("T\tRF1", "TRF1"),
        ("ТRF-АВС", "TRF-ABC".replace("C", "С")),  # Cyrillic Te, A, Ve, Es
        ("ΤRF-ΑΒΕ", "TRF-ABE"),  # Greek Tau, Alpha, Beta, Epsilon
    ],
)
def test_same(one: str, two: str) -> None:
    assert normalize_reference(one) == normalize_reference(two)


@pytest.mark.parametrize(
    ("one", "two"), [("TRF1", "TRF2"), ("12", "1234"), ("TRF/1", "TRF1"), ("TRF.1", "TRF1"), ("O1", "01"), ("ä", "a")]
)
def test_different(one: str, two: str) -> None:
    assert normalize_reference(one) != normalize_reference(two)


@pytest.mark.parametrize("text", ["TRF-1", "ŞİŞLİ", "ﬃ", "Ⅳ", "ǅ", "ПЛАТЁЖ 7", "ΠΛΗΡΩΜΗ"])
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize_reference(text)
    assert normalize_reference(once) == once


@pytest.mark.parametrize(
    "unseen", ["\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\u2065", "\ufff0", "\ue000", "\U000e0000"]
)
def test_what_shows_nothing_is_in_no_reference(unseen: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_reference(f"TRF{unseen}4711")
    assert refusal.value.code == "control_characters"


def test_a_reference_is_as_long_as_the_database_keeps_it_whatever_its_letters_become() -> None:
    assert normalize_reference("\ufdfa") == "صلىاللهعليهوسلم"
    assert read_reference("\ufdfa" * 18) == "\ufdfa" * 18
    with pytest.raises(Invalid) as refusal:
        read_reference("\ufdfa" * 19)
    assert refusal.value.code == "control_characters"
