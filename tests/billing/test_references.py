"""When two references are the same."""

import pytest

from portal.billing.payments.references import normalize_reference


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
