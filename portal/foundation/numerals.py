"""Numbers as people of a locale write them."""

from decimal import Decimal

from babel import Locale
from babel.numbers import format_decimal

from portal.foundation.money import Money, exponent


def decimal_in(locale: Locale, value: Decimal, digits: int) -> str:
    """``1.234,50``: in groups, with so many digits after the locale's mark."""
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(value, format=pattern, locale=locale)


def amount_in(locale: Locale, amount: Money) -> str:
    """The amount with its currency's own digits. Which currency it is, whoever shows it says beside it."""
    digits = exponent(amount.currency)
    return decimal_in(locale, Decimal(amount.minor).scaleb(-digits), digits)
