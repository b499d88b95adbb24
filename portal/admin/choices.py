"""Countries and currencies that staff's forms offer."""

from portal.foundation.money import EXPONENTS
from portal.foundation.places import country_names


def country_choices() -> dict[str, str]:
    """All countries by code, in the order of their names."""
    return {code: f"{name} ({code})" for code, name in country_names().items()}


def currency_choices() -> dict[str, str]:
    """All currencies, by code."""
    return {code: code for code in sorted(EXPONENTS)}
