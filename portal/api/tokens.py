"""One's own tokens: list, issue, rotate, revoke. The same as on the profile's page, and asked for the same."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from portal.accounts import tokens
from portal.accounts.models import ApiToken
from portal.accounts.queries import get_user, token_page
from portal.api.blueprint import api, paged
from portal.api.problems import TEXTS, refuses
from portal.api.schemas.tokens import IssuedTokenOut, NewToken, Rotation, TokenOut, TokenQuery
from portal.api.schemas.values import Nothing
from portal.foundation.access import Permission, requires
from portal.http.gate import current_actor
from portal.http.once import show_once


@api.get("/tokens/")
@api.arguments(TokenQuery, location="query")
@api.response(200, TokenOut(many=True))
@requires(Permission.OWN_TOKENS)
def token_list(query: dict[str, Any]) -> list[ApiToken]:
    """The caller's tokens, newest first, without their secrets."""
    return paged(token_page(get_user(current_actor().user_id).id, **query))


@api.post("/tokens/")
@api.arguments(NewToken)
@api.response(201, IssuedTokenOut)
@requires(Permission.OWN_TOKENS)
@refuses(*TEXTS, "invalid_days", "invalid_scope", "too_many_tokens", "user_disabled", "confirmation_required")
def issue_token(body: dict[str, Any]) -> dict[str, Any]:
    """Issue a token to oneself. By a token: no scope that it lacks, and no life beyond its own."""
    actor = current_actor()
    return _issued(*tokens.issue_token(get_user(actor.user_id).id, by=actor, **body))


@api.post("/tokens/<id:token_id>/rotation/")
@api.arguments(Rotation)
@api.response(201, IssuedTokenOut)
@requires(Permission.OWN_TOKENS)
@refuses("too_many_tokens", "token_rotated", "token_ended", "confirmation_required")
def rotate_token(body: dict[str, Any], token_id: UUID) -> dict[str, Any]:
    """Issue the token's successor. The old one goes on for a while."""
    overlap = timedelta(hours=body["overlap_hours"])
    return _issued(*tokens.rotate_token(token_id, by=current_actor(), overlap=overlap))


@api.post("/tokens/<id:token_id>/revocation/")
@api.arguments(Nothing)
@api.response(200, TokenOut)
@requires(Permission.OWN_TOKENS)
def revoke_token(_body: dict[str, Any], token_id: UUID) -> ApiToken:
    """End a token at once."""
    return tokens.revoke_token(token_id, by=current_actor())


def _issued(token: ApiToken, secret: str) -> dict[str, Any]:
    show_once("secret")
    names = [field.attribute or name for name, field in TokenOut().fields.items()]
    return {name: getattr(token, name) for name in names} | {"secret": secret}
