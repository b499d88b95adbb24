"""Filters of lists: forms that are sent by GET and are never forged, since they change nothing."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import request
from wtforms import Field, SelectField, StringField
from wtforms.validators import ValidationError

from portal.accounts.queries import places_of_accounts
from portal.billing.methods.models import MANUAL_METHODS
from portal.foundation import freetext
from portal.foundation.places import country_names
from portal.foundation.refusals import Invalid
from portal.html.forms import Form

MAX_FILTER = 140


class FilterForm(Form):
    """A filter as typed into the address. Where it is not valid the list stays empty and the field says why."""

    class Meta:
        csrf = False

    def __init__(self) -> None:
        super().__init__(formdata=request.args)

    @property
    def http_status(self) -> int:
        """What a page with the filter answers. ``status`` may be one of its fields."""
        return self.refusal.status if self.refusal is not None else 400 if self.errors else 200

    def values(self) -> dict[str, Any]:
        """What was chosen, by field."""
        return {name: value for name, value in self.data.items() if value}

    @property
    def in_address(self) -> dict[str, list[str]]:
        """The filter as the links to other pages of the list carry it."""
        return {name: request.args.getlist(name) for name in self.data if any(request.args.getlist(name))}


class TextFilter(StringField):
    """Free text to look for. It is cleaned as texts are that the portal keeps."""

    data: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, default="", **kwargs)

    def pre_validate(self, form: Any) -> None:
        try:
            self.data = freetext.clean(self.data or "", field=self.name, most=MAX_FILTER, label="This")
        except Invalid as refusal:
            raise ValidationError(refusal.message) from None


class ChoiceFilter(SelectField):
    """One of some values, or none of them."""

    choices: dict[str, str]

    def __init__(self, label: str, anything: str, **kwargs: Any) -> None:
        super().__init__(label, choices={"": anything}, default="", **kwargs)

    def offer(self, words: Mapping[str, str]) -> None:
        """Let people choose among these values, by their words."""
        self.choices = {**self.choices, **words}


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
