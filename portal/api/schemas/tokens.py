"""Tokens, field by field."""

from marshmallow import fields, validate

from portal.accounts.tokens import MAX_DAYS, MAX_OVERLAP, OVERLAP
from portal.api.schemas.values import Id, In, Moment, Out, PageQuery, Prose, Text, Whole, nothing
from portal.foundation.access import Scope

_MOST_HOURS = int(MAX_OVERLAP.total_seconds()) // 3600


class TokenQuery(PageQuery):
    """Which tokens: those that can be used, those that ended, or all."""

    live = fields.Boolean(load_default=nothing, truthy={"true"}, falsy={"false"})


class NewToken(In):
    """A token to issue. Without ``scopes`` it may do all that its user may; without ``days`` it does not expire."""

    name = Prose("ledger", most=100, required=True)
    days = Whole(load_default=None, allow_none=True, metadata={"minimum": 1, "maximum": MAX_DAYS, "examples": [90]})
    scopes = fields.List(fields.String(validate=validate.OneOf(list(Scope))), load_default=None, allow_none=True)


class Rotation(In):
    """How long the old token goes on."""

    overlap_hours = Whole(
        load_default=int(OVERLAP.total_seconds()) // 3600,
        validate=validate.Range(0, _MOST_HOURS, error=f"This must be from 0 to {_MOST_HOURS}."),
        metadata={"examples": [24]},
    )


class TokenOut(Out):
    """A token, without its secret."""

    id = Id()
    name = Text("ledger")
    hint = Text("x7Qp", allow_none=True)
    scopes = fields.List(fields.String(metadata={"enum": list(Scope)}), attribute="sorted_scopes", allow_none=True)
    is_live = fields.Boolean()
    created_at = Moment()
    expires_at = Moment(allow_none=True)
    last_used_at = Moment(allow_none=True)
    last_used_address = Text("203.0.113.7", allow_none=True)
    revoked_at = Moment(allow_none=True)
    rotated_from = Id(allow_none=True)


class IssuedTokenOut(TokenOut):
    """A new token. Its ``secret`` is shown this once: a repeat by the same key says null."""

    secret = Text("bp_live_…", allow_none=True)
