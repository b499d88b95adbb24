"""Money: exact, in the currency's own digits, and never of two currencies at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.foundation.money import EXPONENTS, MAX_MINOR, Money, exponent
from portal.foundation.refusals import Invalid


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("49.00", "EUR", 4900),
        ("49", "EUR", 4900),
        ("49.5", "EUR", 4950),
        ("500", "JPY", 500),
        ("1.250", "KWD", 1250),
        ("0.0001", "CLF", 1),
        ("-12.34", "USD", -1234),
        ("0", "EUR", 0),
        ("10000000000000.00", "EUR", MAX_MINOR),
    ],
)
def test_amounts_are_read_exactly(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("49.001", "EUR", "too_many_decimals"),
        ("500.0", "JPY", "too_many_decimals"),
        ("1,000", "EUR", "invalid_amount"),
        ("0.005", "EUR", "too_many_decimals"),
        ("1e3", "EUR", "invalid_amount"),
        ("1e18", "EUR", "invalid_amount"),
        (str(2**63), "EUR", "invalid_amount"),
        ("−0", "EUR", "invalid_amount"),
        ("true", "EUR", "invalid_amount"),
        ("NaN", "EUR", "invalid_amount"),
        ("Infinity", "EUR", "invalid_amount"),
        ("", "EUR", "invalid_amount"),
        (" 1", "EUR", "invalid_amount"),
        ("1.", "EUR", "invalid_amount"),
        (".5", "EUR", "invalid_amount"),
        ("+5", "EUR", "invalid_amount"),
        ("--5", "EUR", "invalid_amount"),
        ("1\n", "EUR", "invalid_amount"),
        ("１２", "EUR", "invalid_amount"),
        ("٣", "EUR", "invalid_amount"),
        ("99999999999999999", "EUR", "invalid_amount"),
        ("10000000000000.01", "EUR", "amount_too_large"),
        ("1.00", "XXX", "unknown_currency"),
        ("1.00", "eur", "unknown_currency"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, currency: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        Money.parse(text, currency)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (4900, "EUR", "49.00"),
        (5, "EUR", "0.05"),
        (-5, "EUR", "-0.05"),
        (500, "JPY", "500"),
        (1250, "KWD", "1.250"),
        (0, "KWD", "0.000"),
        (0, "JPY", "0"),
    ],
)
def test_amounts_are_written_in_the_currencys_digits(minor: int, currency: str, text: str) -> None:
    assert Money(minor, currency).decimal_string() == text


@given(st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from(sorted(EXPONENTS)))
def test_writing_and_reading_is_the_identity(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(money.decimal_string(), currency) == money


def test_two_currencies_do_not_add_up() -> None:
    for operation in (Money.__add__, Money.__sub__, Money.__lt__, Money.__le__):
        with pytest.raises(ValueError, match="EUR and JPY do not add up"):
            operation(Money(1, "EUR"), Money(1, "JPY"))


def test_exponents_are_those_of_iso_4217() -> None:
    assert [exponent(currency) for currency in ("EUR", "JPY", "KWD", "CLF", "LBP", "IRR")] == [2, 0, 3, 4, 2, 2]
