"""Tokens, field by field."""

from typing import Any

from marshmallow import Schema, fields, validate

from portal.accounts.tokens import MAX_OVERLAP, OVERLAP
from portal.api.schemas.values import Id, Moment, PageQuery
from portal.foundation.access import Scope

_MOST_HOURS = int(MAX_OVERLAP.total_seconds()) // 3600


class WholeNumber(fields.Integer):
    """A JSON integer, and nothing that only looks like one."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class TokenQuery(PageQuery):
    """Which tokens: those that can be used, those that ended, or all."""

    live = fields.Boolean(load_default=None, truthy={"true"}, falsy={"false"})


class NewToken(Schema):
    """A token to issue. Without ``scopes`` it may do all that its user may; without ``days`` it does not expire."""

    name = fields.String(required=True)
    days = WholeNumber(load_default=None, allow_none=True)
    scopes = fields.List(fields.String(validate=validate.OneOf(list(Scope))), load_default=None, allow_none=True)


class Rotation(Schema):
    """How long the old token goes on."""

    overlap_hours = WholeNumber(
        load_default=int(OVERLAP.total_seconds()) // 3600,
        validate=validate.Range(0, _MOST_HOURS, error=f"This must be from 0 to {_MOST_HOURS}."),
    )


class NoBody(Schema):
    """Nothing to say."""


class TokenOut(Schema):
    """A token, without its secret."""

    id = Id()
    name = fields.String()
    hint = fields.String()
    scopes = fields.List(fields.String(), attribute="sorted_scopes")
    is_live = fields.Boolean()
    created_at = Moment()
    expires_at = Moment()
    last_used_at = Moment()
    last_used_address = fields.String()
    revoked_at = Moment()
    rotated_from = Id()


class IssuedTokenOut(TokenOut):
    """A new token. Its ``secret`` is shown this once: a repeat by the same key says null."""

    secret = fields.String()
