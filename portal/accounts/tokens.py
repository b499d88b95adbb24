"""API tokens: shown once, kept as a hash, as mighty as their user and no more."""

import secrets
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select, update

from portal.accounts.models import ApiToken, User
from portal.accounts.uses import note_use
from portal.foundation import audit, clock, freetext
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import locked, session, transaction
from portal.foundation.refusals import Conflict, Forbidden, Invalid, NotFound

PREFIX = "bp_"
MAX_DAYS = 3650
MAX_LIVE_TOKENS = 50
_LAST_USE_PRECISION = timedelta(minutes=10)


def issue_token(user_id: UUID, *, by: Actor, name: str, days: int | None = None) -> tuple[ApiToken, str]:
    """Make a token of the user, and its secret: the only time that it is seen. It lives ``days``, or for good.

    A token asks for no second factor later, so that who has one shows it first. Raises Forbidden for
    somebody else's user, Invalid, and Conflict beyond 50 live tokens or for a disabled user.
    """
    _must_manage(user_id, by)
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise Invalid("invalid_days", f"A token lives 1 to {MAX_DAYS} days.", field="days")
    label = freetext.required(name, field="name", most=100, label="The name")
    freetext.refuse_card_number(label, field="name")
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction() as unit:
        user = locked(User, user_id)
        if user is None:
            raise NotFound()
        by.must_confirm()
        if not user.is_enabled:
            raise Conflict("user_disabled", "This user is disabled; a token would not work.")
        if sum(token.is_live for token in tokens_of(user_id)) >= MAX_LIVE_TOKENS:
            raise Conflict("too_many_tokens", f"There are {MAX_LIVE_TOKENS} live tokens. Revoke one that is not used.")
        expires_at = clock.now() + timedelta(days=days) if days else None
        token = ApiToken(user_id=user_id, name=label, secret_hash=_hashed(secret), expires_at=expires_at)
        unit.add(token)
        unit.flush()
        values = {"user_id": user.id, "name": label, "expires_at": expires_at}
        audit.record(by, "token.issued", "token", token.id, account_id=user.account_id, **audit.differences({}, values))
    return token, secret


def revoke_token(token_id: UUID, *, by: Actor) -> ApiToken:
    """End a token at once. A second time changes nothing. Raises NotFound for somebody else's, unless by an admin."""
    with transaction():
        token = locked(ApiToken, token_id)
        if token is None or not (by.user_id == token.user_id or by.may(Permission.USER_MANAGE)):
            raise NotFound()
        if token.revoked_at is None:
            token.revoked_at = clock.now()
            values = {"user_id": token.user_id, "name": token.name, "is_live": (True, False)}
            audit.record(by, "token.revoked", "token", token.id, account_id=token.user.account_id, **values)
    return token


def revoke_tokens(user: User, *, by: Actor) -> int:
    """End all tokens of a user who is locked, by whoever may do so; how many."""
    with transaction():
        live = [token for token in tokens_of(user.id) if token.is_live]
        for token in live:
            revoke_token(token.id, by=by)
    return len(live)


def find_live_token(secret: str) -> ApiToken | None:
    """The live token of an enabled user with this secret, or None. Notes when it was used, to ten minutes."""
    token = session.scalar(select(ApiToken).where(ApiToken.secret_hash == _hashed(secret)))
    if token is None or not token.is_live or not token.user.is_enabled:
        return None
    if token.last_used_at is None or clock.now() - token.last_used_at > _LAST_USE_PRECISION:
        note_use(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=clock.now()))
    return token


def tokens_of(user_id: UUID) -> list[ApiToken]:
    """The user's tokens, newest first."""
    return list(session.scalars(select(ApiToken).where(ApiToken.user_id == user_id).order_by(ApiToken.id.desc())))


def _must_manage(user_id: UUID, by: Actor) -> None:
    if by.user_id != user_id and not by.may(Permission.USER_MANAGE):
        raise Forbidden("forbidden", "Tokens are issued by their own user, or by an admin.")


def _hashed(secret: str) -> str:
    """SHA-256: the secret has 256 random bits, a slow hash would add nothing."""
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()
