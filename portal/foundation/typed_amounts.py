"""Amounts as people type them to look for one: ``49``, ``49.00 EUR``, ``1,250.00``, ``1.250,00``."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from portal.foundation.money import EXPONENTS, Money
from portal.foundation.refusals import Invalid

_BLANK = " \u00a0\u2009\u202f'’_"
_TYPED = re.compile(
    rf"(?:(?P<before>[A-Za-z]{{3}}) ?)?(?P<number>[0-9][0-9.,{_BLANK}]*?) ?(?P<after>[A-Za-z]{{3}})?", re.ASCII
)
_ENGLISH = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?", re.ASCII)
_CONTINENTAL = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|[0-9]{1,3}(?:\.[0-9]{3}){2,}|[0-9]+,[0-9]+", re.ASCII)


def read_typed_amount(text: str) -> tuple[Money, ...]:
    """What the text may mean: one amount where it says the currency, else one in each that has so many decimals.

    A comma with three digits behind it separates thousands, any other one decimals. Nothing where it is no amount.
    """
    typed = _TYPED.fullmatch(text.strip())
    if typed is None or (typed["before"] and typed["after"]):
        return ()
    number = _plain("".join(c for c in typed["number"] if c not in _BLANK))
    said = (typed["before"] or typed["after"] or "").upper()
    currencies = [said] if said in EXPONENTS else [] if said else sorted(EXPONENTS)
    amounts = (_amount(number, currency) for currency in currencies)
    return tuple(amount for amount in amounts if amount is not None)


def by_units(amounts: Sequence[Money]) -> Iterator[tuple[int, list[str]]]:
    """The amounts as minor units with the currencies that have so many: an index walk each."""
    in_order = sorted(amounts, key=lambda amount: amount.minor)
    for units, same in groupby(in_order, key=lambda amount: amount.minor):
        yield units, [amount.currency for amount in same]


def is_one_of(
    minor: InstrumentedAttribute[int], currency: InstrumentedAttribute[str], amounts: Sequence[Money]
) -> ColumnElement[bool]:
    """Whether the columns hold one of the amounts, of which there is at least one."""
    conditions: list[Any] = [and_(minor == units, currency.in_(names)) for units, names in by_units(amounts)]
    return or_(*conditions)


def _plain(number: str) -> str:
    """The number with a point before its decimals and no other sign, where it is well-formed."""
    if _ENGLISH.fullmatch(number):
        return number.replace(",", "")
    if _CONTINENTAL.fullmatch(number):
        return number.replace(".", "").replace(",", ".")
    return number


def _amount(number: str, currency: str) -> Money | None:
    try:
        return Money.parse(number, currency)
    except Invalid:
        return None
