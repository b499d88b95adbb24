"""Payment methods as staff configure them, field by field."""

from typing import Any

from marshmallow import fields, post_load

from portal.api.schemas.accounts import DetailOut
from portal.api.schemas.values import Amount, Flag, Id, In, Number, Out, Prose, Text, Whole
from portal.billing.methods.service import MAX_INSTRUCTIONS, MethodSettings


class NewDetail(In):
    """One bank or wallet detail."""

    label = Prose("IBAN", most=60, required=True)
    value = Prose("DE02 1203 0000 0000 2020 51", most=200, required=True)


class MethodByItself(In):
    """Everything about a method but where it is offered. Limits are decimal strings in ``limit_currency``."""

    display_name = Prose("Bank transfer", most=100, required=True)
    instructions = Prose("Send the amount to this account.", most=MAX_INSTRUCTIONS, load_default="")
    details = fields.List(fields.Nested(NewDetail), load_default=list)
    currencies = fields.List(Text("EUR"), load_default=list)
    limit_currency = Text("EUR", load_default="")
    minimum = Text("1.00", load_default="")
    maximum = Text("5000.00", load_default="")
    is_enabled = Flag(required=True)
    position = Whole(load_default=0, metadata={"examples": [1]})

    @post_load
    def _settings(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        place = {name: data.pop(name) for name in ("country", "method") if name in data}
        details = [(detail["label"], detail["value"]) for detail in data.pop("details")]
        return place | {"settings": MethodSettings(details=details, **data)}


class NewMethod(MethodByItself):
    """A method, and where it is offered: a country, or ``*`` for everywhere without a row of its own."""

    country = Text("DE", required=True)
    method = Text("bank_transfer", required=True)
    is_enabled = Flag(load_default=True)


class MethodConfigOut(Out):
    """A configured method."""

    id = Id()
    country = Text("DE")
    method = Text("bank_transfer")
    display_name = Text("Bank transfer")
    instructions = Text("Send the amount to this account.")
    details = fields.List(fields.Nested(DetailOut))
    currencies = fields.List(Text("EUR"))
    limit_currency = Text("EUR", allow_none=True)
    minimum = Amount(allow_none=True)
    maximum = Amount(allow_none=True)
    is_enabled = fields.Boolean()
    position = Number(1)


class MethodConfigsOut(Out):
    """All of them."""

    methods = fields.List(fields.Nested(MethodConfigOut))
    count = Number(1)
