"""The lines of a new invoice, read and reckoned."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.billing.invoices.models import QUANTITY_SCALE
from portal.foundation import freetext
from portal.foundation.money import MAX_MINOR, Money, check_currency
from portal.foundation.refusals import FieldError, Invalid, read_together

MAX_LINES = 1000


@dataclass(frozen=True, slots=True)
class NewLine:
    """One position: ``quantity`` in thousandths, and a unit price that may be negative (a discount)."""

    description: str
    quantity: int
    unit_price: Money

    @property
    def amount(self) -> Money:
        """Quantity × unit price, half a minor unit rounded away from zero."""
        product = self.quantity * abs(self.unit_price.minor)
        rounded = (2 * product + QUANTITY_SCALE) // (2 * QUANTITY_SCALE)
        return Money(rounded if self.unit_price.minor >= 0 else -rounded, self.unit_price.currency)


def read_line(
    description: str,
    quantity: str,
    unit_price: str,
    currency: str,
    *,
    prefix: str = "",
    price_field: str = "unit_price",
) -> NewLine:
    """A line as typed. Raises Invalid, naming the field behind ``prefix``."""
    line = NewLine(
        **read_together(
            description=lambda: _read_description(description, f"{prefix}description"),
            quantity=lambda: _read_quantity(quantity, f"{prefix}quantity"),
            unit_price=lambda: Money.parse(unit_price, currency, field=f"{prefix}{price_field}"),
        )
    )
    if abs(line.amount.minor) > MAX_MINOR:
        message = "Quantity times price is more than the portal can keep."
        raise Invalid("amount_too_large", message, field=f"{prefix}{price_field}")
    return line


def read_lines(lines: Sequence[Mapping[str, str]], currency: str) -> list[NewLine]:
    """Lines as a program sends them. Raises Invalid, naming all that is wrong: ``lines.0.quantity``."""
    check_currency(currency)  # once
    read: list[NewLine] = []
    errors: list[FieldError] = []
    for place, line in enumerate(lines):
        try:
            read.append(read_line(**line, currency=currency, prefix=f"lines.{place}."))
        except Invalid as refusal:
            errors += refusal.errors
    if errors:
        raise Invalid.fields(errors)
    return read


def _read_description(text: str, field: str) -> str:
    description = freetext.required(text, field=field, most=500, label="The description")
    freetext.refuse_card_number(description, field=field)
    return description


def _read_quantity(text: str, field: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9})(?:\.([0-9]{1,3}))?", text, re.ASCII)
    thousandths = int(match[1] + (match[2] or "").ljust(3, "0")) if match else 0
    if thousandths <= 0:
        message = "A quantity is a number above zero with at most three decimals, such as 2.5."
        raise Invalid("invalid_quantity", message, field=field)
    return thousandths


def total_of(lines: Sequence[NewLine], currency: str) -> Money:
    """The sum of the lines. Raises Invalid where there is none, or it is negative or too large."""
    if not 1 <= len(lines) <= MAX_LINES:
        raise Invalid("lines_missing", f"An invoice has 1 to {MAX_LINES} lines.", field="lines")
    total = sum((line.amount for line in lines), Money.zero(currency))
    if not 0 <= total.minor <= MAX_MINOR:
        raise Invalid("invalid_total", "The lines add up to less than nothing, or to too much.", field="lines")
    return total
