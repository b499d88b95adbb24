"""Webhooks, field by field."""

import json
from typing import Any

from marshmallow import fields

from portal.api.schemas.values import Flag, Id, In, Moment, Number, Out, Text
from portal.webhooks.event_types import EventType
from portal.webhooks.models import DisabledReason


class NewEndpoint(In):
    """Where webhooks go, and of what they tell."""

    url = Text("https://hooks.hooli.example/billing", required=True)
    event_types = fields.List(fields.String(metadata={"examples": [EventType.PAYMENT_APPROVED]}), required=True)


class EndpointChange(In):
    """What changes; the rest stays."""

    url = Text("https://hooks.hooli.example/billing")
    event_types = fields.List(fields.String(metadata={"examples": [EventType.PAYMENT_APPROVED]}))
    is_enabled = Flag()


class EndpointOut(Out):
    """An endpoint. ``previous_secret_until`` is when the secret of before a rotation stops counting."""

    id = Id()
    url = Text("https://hooks.hooli.example/billing")
    event_types = fields.List(fields.String(metadata={"examples": [EventType.PAYMENT_APPROVED]}))
    status = fields.String(metadata={"enum": ["enabled", "disabled", "ended"]})
    disabled_reason = fields.String(allow_none=True, metadata={"enum": [*DisabledReason, None]})
    disabled_at = Moment(allow_none=True)
    previous_secret_until = Moment(allow_none=True)
    created_at = Moment()


class SecretOut(Out):
    """The secret that an endpoint's messages are signed with."""

    secret = Text("whsec_…")


class AttemptOut(Out):
    """What came of one attempt."""

    at = Text("2026-11-25T09:30:00.000000Z")
    status = Number(204, allow_none=True)
    error = Text("no answer within 15 seconds", allow_none=True)
    ms = Number(87)


class DeliveryOut(Out):
    """An event on its way to an endpoint. ``answer`` is the beginning of the last one's body."""

    id = Id()
    endpoint_id = Id()
    event_id = Id()
    event_type = Text(EventType.PAYMENT_APPROVED)
    status = fields.String(metadata={"enum": ["pending", "delivered", "failed"]})
    due_at = Moment(allow_none=True)
    attempts = fields.List(fields.Nested(AttemptOut))
    request = fields.Raw(metadata={"type": "object", "examples": [{"type": EventType.PAYMENT_APPROVED}]})
    answer = Text("ok", allow_none=True)
    created_at = Moment()

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """The request is kept as it was sent."""
        return json.loads(obj.body) if attr == "request" else super().get_attribute(obj, attr, default)
