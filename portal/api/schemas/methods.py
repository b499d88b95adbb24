"""Payment methods as staff configure them, field by field."""

from typing import Any

from marshmallow import Schema, fields, post_load

from portal.api.schemas.values import Amount, Flag, Id, Whole
from portal.billing.methods.service import MethodSettings


class Detail(Schema):
    """One bank or wallet detail."""

    label = fields.String(required=True)
    value = fields.String(required=True)


class MethodByItself(Schema):
    """Everything about a method but where it is offered. Limits are decimal strings in ``limit_currency``."""

    display_name = fields.String(required=True)
    instructions = fields.String(load_default="")
    details = fields.List(fields.Nested(Detail), load_default=list)
    currencies = fields.List(fields.String(), load_default=list)
    limit_currency = fields.String(load_default="")
    minimum = fields.String(load_default="")
    maximum = fields.String(load_default="")
    is_enabled = Flag(required=True)
    position = Whole(load_default=0)

    @post_load
    def _settings(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        place = {name: data.pop(name) for name in ("country", "method") if name in data}
        details = [(detail["label"], detail["value"]) for detail in data.pop("details")]
        return place | {"settings": MethodSettings(details=details, **data)}


class NewMethod(MethodByItself):
    """A method, and where it is offered: a country, or ``*`` for everywhere without a row of its own."""

    country = fields.String(required=True)
    method = fields.String(required=True)
    is_enabled = Flag(load_default=True)


class MethodConfigOut(Schema):
    """A configured method."""

    id = Id()
    country = fields.String()
    method = fields.String()
    display_name = fields.String()
    instructions = fields.String()
    details = fields.Function(lambda config: [{"label": label, "value": value} for label, value in config.details])
    currencies = fields.List(fields.String())
    limit_currency = fields.String()
    minimum = Amount()
    maximum = Amount()
    is_enabled = fields.Boolean()
    position = fields.Integer()


class MethodConfigsOut(Schema):
    """All of them."""

    methods = fields.List(fields.Nested(MethodConfigOut))
    count = fields.Integer()
