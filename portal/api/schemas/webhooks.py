"""Webhooks, field by field."""

import json
from typing import Any

from marshmallow import Schema, fields

from portal.api.schemas.values import Id, Moment


class Flag(fields.Boolean):
    """Yes or no: a JSON boolean, and nothing that stands for one."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid", input=value)
        return value


class Nothing(Schema):
    """No field: no body, or an empty object. What is no JSON is refused all the same: other sites' forms send that."""


class EndpointIn(Schema):
    """Where webhooks go, and of what they tell."""

    url = fields.String(required=True)
    event_types = fields.List(fields.String(), required=True)


class EndpointChange(Schema):
    """What changes; the rest stays."""

    url = fields.String()
    event_types = fields.List(fields.String())
    is_enabled = Flag()


class EndpointOut(Schema):
    """An endpoint. ``previous_secret_until`` is when the secret of before a rotation stops counting."""

    id = Id()
    url = fields.String()
    event_types = fields.List(fields.String())
    status = fields.String()
    disabled_reason = fields.String()
    disabled_at = Moment()
    previous_secret_until = Moment()
    created_at = Moment()


class SecretOut(Schema):
    """The secret that an endpoint's messages are signed with."""

    secret = fields.String()


class AttemptOut(Schema):
    """What came of one attempt."""

    at = fields.String()
    status = fields.Integer()
    error = fields.String()
    ms = fields.Integer()


class DeliveryOut(Schema):
    """An event on its way to an endpoint. ``answer`` is the beginning of the last one's body."""

    id = Id()
    endpoint_id = Id()
    event_id = Id()
    event_type = fields.String()
    status = fields.String()
    due_at = Moment()
    attempts = fields.List(fields.Nested(AttemptOut))
    request = fields.Function(lambda delivery: json.loads(delivery.body))
    answer = fields.String()
    created_at = Moment()
