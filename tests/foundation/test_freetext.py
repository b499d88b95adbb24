"""Text that people typed."""

import sys

import pytest

from portal.foundation.freetext import clean, mask_card_numbers, refuse_card_number, required
from portal.foundation.refusals import Invalid


def refused(text: str, **more: object) -> str | None:
    try:
        required(text, field="notes", most=100, label="The notes", **more)  # type: ignore[arg-type]
    except Invalid as refusal:
        assert [error.field for error in refusal.errors] == ["notes"]
        return refusal.code
    return None


def test_text_without_a_card_number_stays_as_it_is() -> None:
    for text in (
        "TRF 48174841-3049-4058-a44f-6f0a9d645570",
        "Send “Authorization: Bearer …”",
        "１２３ ½ ﬁ",
        "",
        "no card: 4111 1111 1111 1112 …",
    ):
        assert mask_card_numbers(text) == text


def test_outer_blanks_go_and_accents_are_composed() -> None:
    assert clean("  Mu\u0308ller \n", field="notes", most=100, label="The notes") == "Müller"


@pytest.mark.parametrize("text", ["Rent, November", "家賃 11月", "إيجار نوفمبر", "🧾 paid 👍🏽", "a\u200db"])
def test_words_of_all_scripts_are_kept(text: str) -> None:
    assert required(text, field="notes", most=100, label="The notes") == text


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\x7fb", "a\x85b", "\ud800", "a\u202eb", "a\u2066b", "a\nb"])
def test_what_cannot_be_shown_is_refused(text: str) -> None:
    assert refused(text) == "control_characters"


def test_lines_are_kept_where_they_make_sense() -> None:
    assert required("one\r\ntwo", field="notes", most=100, label="The notes", lines=True) == "one\ntwo"


def test_length_counts_characters() -> None:
    assert refused("ü" * 100) is None
    assert refused("ü" * 101) == "too_long"


@pytest.mark.parametrize("text", ["", "   ", "\u2003\n", "\u200b", "\ufeff \u2060\u00ad", "\u3164\u2800\ufe0f"])
def test_nothing_is_not_enough(text: str) -> None:
    assert refused(text, lines=True) == "required"


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111",
        "my card 4111 1111 1111 1111 expires 12/27",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "card:4111111111111111.",
        "41111111-1111-1111-8111-111111111111",  # no letter: written like a UUID, but none
        "４１１１１１１１１１１１１１１１",
        "3782 822463 10005",
        "5555555555554444",
        "2223003122003222",
        "6011111111111117",
        "3530111333300000",
        "30569309025904",
        "6200000000000005",
        "4222222222222",
        "Nr. 12 4111 1111 1111 1111",
        "RF00 3782 8224 6310 005",  # the check digits are wrong: written like a payment reference, but none
        "RF4111111111111111",
    ],
)
def test_card_numbers_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        refuse_card_number(text, field="notes")
    assert refusal.value.code == "card_number"
    assert "1111" not in refusal.value.message


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # wrong check digit
        "9999999999999995",  # no issuer
        "IBAN DE89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19",
        "TRF-2026-000123 of 2026-11-24",
        "+49 30 901820",
        "41111111111111111111",  # twenty digits
        "48174841-3049-4058-a44f-6f0a9d645570",  # a UUID
        "48174841-3049-4058-A44F-6F0A9D645570",
        "RF81231109348281064",  # a payment reference with right check digits
        "sent with rf81 2311 0934 8281 064, thanks",
    ],
)
def test_other_numbers_are_kept(text: str) -> None:
    refuse_card_number(text, field="notes")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("my card 4111 1111 1111 1111, thanks", "my card •••• •••• •••• ••••, thanks"),
        ("４１１１１１１１１１１１１１１１", "•" * 16),
        ("TRF-2026-000123", "TRF-2026-000123"),
    ],
)
def test_what_a_form_may_show_again(text: str, masked: str) -> None:
    assert mask_card_numbers(text) == masked


@pytest.mark.parametrize("piece", ["0-", "4-", "4 - ", "a-", "４", "\ufdfa", "4111 1111 1111 1112 ", "0-0-a"])
def test_a_megabyte_is_looked_through_as_soon_as_what_the_portal_keeps(piece: str) -> None:
    def steps(text: str) -> int:
        """Calls of functions that are written in Python or C, as a measure of time that no other work disturbs."""
        count = 0

        def note(_frame: object, event: str, _what: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            mask_card_numbers(text)
        finally:
            sys.setprofile(None)
        return count

    kept = piece * (10_000 // len(piece))
    assert steps(piece * (1_000_000 // len(piece))) <= steps(kept) * 1.01 + 10


def test_a_card_number_is_masked_between_letters_that_change_their_length() -> None:
    text = "ﬃﬃ 4111111111111111 e\u0301e\u0301e\u0301e\u0301"
    assert mask_card_numbers(text) == "ffiffi •••••••••••••••• éééé"
