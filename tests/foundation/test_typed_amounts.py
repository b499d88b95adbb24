"""What people mean by an amount that they type to look for one."""

import pytest

from portal.foundation.money import EXPONENTS, Money
from portal.foundation.typed_amounts import read_typed_amount


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("49 EUR", 4900), ("49.00eur", 4900), ("EUR 49", 4900), ("49,00 EUR", 4900), ("49,5 EUR", 4950),
        ("1,250.00 EUR", 125000), ("1.250,00 EUR", 125000), ("1,250 EUR", 125000), ("1 250 EUR", 125000),
        ("1’250.00 EUR", 125000), ("1,250,000 EUR", 125000000), ("1.250.000 EUR", 125000000), ("0.01 EUR", 1),
        ("1,250 JPY", 1250), ("1.250 KWD", 1250),
    ],
)  # fmt: skip
def test_one_amount(text: str, minor: int) -> None:
    (amount,) = read_typed_amount(text)
    assert (amount.minor, amount.currency) == (minor, text.strip("0123456789.,’ ").upper())


def test_without_a_currency_it_may_be_any_that_has_so_many_decimals() -> None:
    assert {amount.currency for amount in read_typed_amount("49")} == set(EXPONENTS)
    assert {EXPONENTS[amount.currency] for amount in read_typed_amount("49.00")} == {2, 3, 4}
    assert Money(49, "JPY") in read_typed_amount("49")
    assert {EXPONENTS[amount.currency] for amount in read_typed_amount("1.250")} == {3, 4}


@pytest.mark.parametrize(
    "text",
    [
        "", "EUR", "49 XXY", "49.001 EUR", "-5", "-0", "-0.00", "4e3", "12,34,5", "1.2.3", "٤٩", "EUR 49 EUR", "9" * 40,
        "49 EURO",
    ],
)  # fmt: skip
def test_no_amount(text: str) -> None:
    assert read_typed_amount(text) == ()
