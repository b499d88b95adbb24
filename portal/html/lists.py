"""What filters above lists share. They are read from the address, so that a filtered list can be kept and shared."""

from collections.abc import Mapping
from typing import Any

from flask import request
from wtforms import SelectField, StringField
from wtforms.validators import ValidationError

from portal.foundation import freetext
from portal.foundation.freetext import mask_card_numbers
from portal.foundation.refusals import Invalid
from portal.html.forms import Form

MAX_FILTER = 140


class FilterForm(Form):
    """A filter as typed into the address. It changes nothing, so it carries no token.

    Where it is not valid the list stays empty and the field says why.
    """

    class Meta:
        csrf = False

    def __init__(self) -> None:
        super().__init__(formdata=request.args)
        self.card_free = tuple(field.name for field in self if isinstance(field, TextFilter))

    @property
    def http_status(self) -> int:
        """What a page with the filter answers. ``status`` may be one of its fields."""
        return self.refusal.status if self.refusal is not None else 400 if self.errors else 200

    def values(self) -> dict[str, Any]:
        """What was chosen, by field."""
        return {name: value for name, value in self.data.items() if value}

    @property
    def in_address(self) -> dict[str, list[str]]:
        """The filter as the links to other pages of the list carry it: like its fields, without card numbers."""
        typed = {name: [mask_card_numbers(text) for text in request.args.getlist(name)] for name in self.data}
        return {name: texts for name, texts in typed.items() if any(texts)}


class TextFilter(StringField):
    """Free text to look for. It is cleaned as texts are that the portal keeps."""

    data: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, default="", **kwargs)

    def pre_validate(self, form: Any) -> None:
        try:
            self.data = freetext.clean(self.data or "", field=self.name, most=MAX_FILTER, label="This")
            freetext.refuse_card_number(self.data, field=self.name)
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
