"""Money: whole minor units with their currency. No float comes near it."""

import re
from dataclasses import dataclass
from typing import Self

from portal.foundation.refusals import Invalid

# Digits after the decimal point by ISO 4217 (list one, 2024-06-25), where they are not two.
_ISO_4217_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
        "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR "
        "IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN "
        "NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP "
        "STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG"
    ),
}
EXPONENTS = {currency: digits for digits, names in _ISO_4217_EXPONENTS.items() for currency in names.split()}

MAX_MINOR = 10**15
"""Larger amounts are refused: a slip of the keyboard, and far below what the database's integers hold."""


def exponent(currency: str) -> int:
    """Digits after the decimal point that the currency has. Raises Invalid for an unknown currency."""
    return EXPONENTS[check_currency(currency)]


def check_currency(code: str, *, field: str = "currency") -> str:
    """The code, or Invalid where ISO 4217 has none such."""
    if code not in EXPONENTS:
        raise Invalid("unknown_currency", f"“{code[:10]}” is not an ISO 4217 currency code.", field=field)
    return code


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents, fils, whole yen). Two currencies never add up."""

    minor: int
    currency: str

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(0, currency)

    @classmethod
    def parse(cls, text: str, currency: str, *, field: str = "amount") -> Self:
        """Read ``"49.00"`` exactly: ASCII digits, a point, at most the currency's digits. Raises Invalid."""
        digits = exponent(currency)
        match = re.fullmatch(r"(-?)([0-9]{1,16})(?:\.([0-9]+))?", text, re.ASCII)
        if match is None:
            raise Invalid("invalid_amount", f"“{text[:40]}” is not an amount. Write it like 1234.50.", field=field)
        sign, whole, fraction = match[1], match[2], match[3] or ""
        if len(fraction) > digits:
            raise Invalid(
                "too_many_decimals",
                f"{currency} amounts have {digits} decimals, not {len(fraction)}.",
                field=field,
            )
        minor = int(whole + fraction.ljust(digits, "0"))
        if minor > MAX_MINOR:
            raise Invalid("amount_too_large", "This amount is larger than the portal keeps.", field=field)
        return cls(-minor if sign else minor, currency)

    def decimal_string(self) -> str:
        """The amount with exactly the currency's digits, as the API writes it: ``"1.250"`` for 1250 KWD fils."""
        digits = exponent(self.currency)
        text = str(abs(self.minor)).rjust(digits + 1, "0")
        whole, fraction = (text[:-digits], "." + text[-digits:]) if digits else (text, "")
        return ("-" if self.minor < 0 else "") + whole + fraction

    def __str__(self) -> str:
        return f"{self.decimal_string()} {self.currency}"

    def __bool__(self) -> bool:
        return self.minor != 0

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def _same(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other.minor
