"""What the filters of staff's lists share."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from wtforms import Field
from wtforms.validators import ValidationError

from portal.accounts.queries import places_of_accounts
from portal.billing.methods.models import MANUAL_METHODS
from portal.foundation.money import Money
from portal.foundation.places import country_names
from portal.foundation.typed_amounts import read_typed_amount
from portal.html.lists import ChoiceFilter, TextFilter


class AmountFilter(TextFilter):
    """An amount, in the currency that it says or in any."""

    amounts: tuple[Money, ...] = ()

    def pre_validate(self, form: Any) -> None:
        super().pre_validate(form)
        self.amounts = read_typed_amount(self.data)
        if self.data and not self.amounts:
            raise ValidationError("Write it like 49.00 or 49.00 EUR.")


def offer_places(country: ChoiceFilter | None, currency: ChoiceFilter | None) -> None:
    """Let people choose among the countries and currencies that accounts have."""
    countries, currencies = places_of_accounts()
    if country is not None:
        country.offer({code: f"{country_names()[code]} ({code})" for code in countries})
    if currency is not None:
        currency.offer({code: code for code in currencies})


def method_filter() -> Field:
    """A filter by payment method."""
    return ChoiceFilter("Method", "All methods", name="payment_method")


def offer_methods(method: ChoiceFilter) -> None:
    method.offer(MANUAL_METHODS)


def day_begins(day: date | None) -> datetime | None:
    """The first moment of the day, in UTC."""
    return datetime.combine(day, time.min, UTC) if day else None


def day_ends(day: date | None) -> datetime | None:
    """The first moment behind the day, in UTC. The last day that there is has none."""
    return day_begins(day + timedelta(days=1)) if day and day < date.max else None
