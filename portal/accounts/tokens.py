"""API tokens: shown once, kept as a hash, as mighty as their user and no more, or confined to some scopes.

A token may issue others, and then passes on what it has at most: no scope that it lacks, and no day that it has not.
Only a person, in a browser or on the command line, makes a life longer.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from portal.accounts.models import ApiToken, User
from portal.accounts.queries import live_tokens
from portal.accounts.token_format import hash_of, hint_of, is_well_formed, new_secret
from portal.accounts.uses import note_use
from portal.foundation import audit, clock, freetext
from portal.foundation.access import Permission, Role, scopes_of
from portal.foundation.actor import Actor
from portal.foundation.db import lock_or_refuse, locked, session, transaction
from portal.foundation.refusals import Conflict, Forbidden, Invalid, NotFound, NotSignedIn

MAX_DAYS = 3650
MAX_LIVE_TOKENS = 50
OVERLAP, MAX_OVERLAP = timedelta(hours=24), timedelta(days=7)
_SAME_PLACE, _OTHER_PLACE = timedelta(minutes=10), timedelta(minutes=1)


def issue_token(
    user_id: UUID, *, by: Actor, name: str, days: int | None = None, scopes: Iterable[str] | None = None
) -> tuple[ApiToken, str]:
    """Make a token of the user, and its secret: the only time that it is seen. It lives ``days``, or for good.

    ``scopes`` confine it; None lets it do all that its user may, now and later. A token asks for no second factor
    later, so that who has one shows it first. Raises Forbidden for somebody else's user and for more than the asking
    token has, Invalid, and Conflict beyond 50 live tokens or for a disabled user.
    """
    if not _is_own(by, user_id):
        raise Forbidden("forbidden", "Tokens are issued by their own user.")
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise Invalid("invalid_days", f"A token lives 1 to {MAX_DAYS} days.", field="days")
    label = freetext.required(name, field="name", most=100, label="The name")
    freetext.refuse_card_number(label, field="name")
    with transaction():
        user = lock_or_refuse(User, user_id)
        by.must_confirm()
        token = ApiToken(user_id=user_id, name=label, scopes=_granted(scopes, user))
        token.expires_at = clock.now() + timedelta(days=days) if days else None
        end = _pass_on(token, by)
        if end is not None and (token.expires_at is None or token.expires_at > end):
            message = f"A token issues none that outlives it, and this one ends at {end:%Y-%m-%d %H:%M} UTC."
            raise Invalid("invalid_days", message, field="days")
        return token, _issue(token, user, by)


def rotate_token(token_id: UUID, *, by: Actor, overlap: timedelta = OVERLAP) -> tuple[ApiToken, str]:
    """Make the token's successor, and its secret: of the same name and scopes, and with the same life, from now on.

    The old one ends after ``overlap``, 0 to 7 days, so that programs can change over meanwhile. A successor that a
    token asked for ends with that token at the latest. Raises NotFound for somebody else's, Invalid, Forbidden for more
    scopes than the asking token has, and Conflict for a token that has ended or has a successor already.
    """
    if not timedelta() <= overlap <= MAX_OVERLAP:
        raise Invalid("invalid_overlap", f"The old token goes on for 0 to {MAX_OVERLAP.days} days.", field="overlap")
    with transaction() as unit:
        owner = unit.scalar(select(ApiToken.user_id).where(ApiToken.id == token_id))
        user = locked(User, owner) if owner else None  # ahead of the token: whoever issues takes them in this order
        old = locked(ApiToken, token_id)
        if old is None or not _is_own(by, old.user_id):
            raise NotFound()
        by.must_confirm()
        if user is None or not user.is_enabled or not old.is_live:
            raise Conflict("token_ended", "This token has ended. Issue a new one instead.")
        if unit.scalar(select(ApiToken.id).where(ApiToken.rotated_from == old.id)):
            raise Conflict("token_rotated", "This token was rotated before, and has a successor. Rotate that one.")
        token, now = ApiToken(user_id=user.id, name=old.name, scopes=old.scopes, rotated_from=old.id), clock.now()
        ends = [_pass_on(token, by), now + (old.expires_at - old.created_at) if old.expires_at else None]
        token.expires_at = min((end for end in ends if end is not None), default=None)
        before, after = old.expires_at, now + overlap
        old.expires_at = min(before, after) if before else after
        secret = _issue(token, user, by, spare=old)
        changes = {"user_id": user.id, "name": old.name, "expires_at": (before, old.expires_at), "successor": token.id}
        audit.record(by, "token.rotated", "token", old.id, account_id=user.account_id, **changes)
    return token, secret


def revoke_token(token_id: UUID, *, by: Actor) -> ApiToken:
    """End a token at once. A second time changes nothing. Raises NotFound for somebody else's, unless by an admin."""
    with transaction():
        token = _to_end(token_id, by)
        if token.revoked_at is None:
            token.revoked_at = clock.now()
            values = {"user_id": token.user_id, "name": token.name, "is_live": (True, False)}
            audit.record(by, "token.revoked", "token", token.id, account_id=token.user.account_id, **values)
    return token


def revoke_tokens(user: User, *, by: Actor) -> None:
    """End all tokens of a user who is locked, by whoever may do so."""
    with transaction():
        for token in live_tokens(user.id):
            revoke_token(token.id, by=by)


def find_live_token(secret: str, *, address: str = "") -> ApiToken | None:
    """The live token of an enabled user with this secret, or None. Notes when and from where it was used: to ten
    minutes, and to one where the address is another. What can be no token is refused without a query.
    """
    if not is_well_formed(secret):
        return None
    token = session.scalar(select(ApiToken).where(ApiToken.secret_hash == hash_of(secret)))
    if token is None or not token.is_live or not token.user.is_enabled:
        return None
    precision = _SAME_PLACE if token.last_used_address == address else _OTHER_PLACE
    if token.last_used_at is None or clock.now() - token.last_used_at > precision:
        noted = {"last_used_at": clock.now(), "last_used_address": address}
        note_use(update(ApiToken).where(ApiToken.id == token.id).values(noted))
    return token


def _issue(token: ApiToken, user: User, by: Actor, *, spare: ApiToken | None = None) -> str:
    """Add the token of a locked user; its secret. A token that it takes over from does not count."""
    if not user.is_enabled:
        raise Conflict("user_disabled", "This user is disabled; a token would not work.")
    if len([live for live in live_tokens(user.id) if live is not spare]) >= MAX_LIVE_TOKENS:
        raise Conflict("too_many_tokens", f"There are {MAX_LIVE_TOKENS} live tokens. Revoke one that is not used.")
    secret = new_secret()
    token.secret_hash, token.hint = hash_of(secret), hint_of(secret)
    session.add(token)
    session.flush()
    values = {"user_id": user.id, "name": token.name, "scopes": token.scopes, "expires_at": token.expires_at}
    audit.record(by, "token.issued", "token", token.id, account_id=user.account_id, **audit.differences({}, values))
    return secret


def _granted(scopes: Iterable[str] | None, user: User) -> str | None:
    """The scopes as they are kept. Raises Invalid for none at all, and for one that is of no use to the user's role."""
    if scopes is None:
        return None
    wanted, useful = sorted(set(scopes)), scopes_of(Role(user.role))
    if not wanted:
        raise Invalid("required", "Say what the token may do.", field="scopes")
    for scope in wanted:
        if scope not in useful:
            message = f"“{scope:.40}” is no scope for this role ({user.role}). There are: {', '.join(useful)}."
            raise Invalid("invalid_scope", message, field="scopes")
    return " ".join(wanted)


def _pass_on(token: ApiToken, by: Actor) -> datetime | None:
    """When the token by which somebody asks for another ends, if it does; it must have all the other's scopes.

    It is locked, so that it issues nothing while it is being revoked.
    """
    if by.token_id is None:
        return None
    asking = locked(ApiToken, by.token_id)
    if asking is None or not asking.is_live:
        raise NotSignedIn("invalid_token", "This token has just ended.")
    if asking.granted is not None and not (token.granted is not None and token.granted <= asking.granted):
        has = ", ".join(sorted(asking.granted))
        lacks = {"scope": min(token.granted - asking.granted).value} if token.granted else {}
        raise Forbidden("scope_missing", f"A token passes on no scope that it lacks. This one has: {has}.", **lacks)
    return asking.expires_at


def _to_end(token_id: UUID, by: Actor) -> ApiToken:
    """The token, locked. Raises NotFound for one that the actor may not end."""
    token = locked(ApiToken, token_id)
    if token is None or not (_is_own(by, token.user_id) or by.may(Permission.USER_MANAGE)):
        raise NotFound()
    return token


def _is_own(by: Actor, user_id: UUID) -> bool:
    """Whether the actor may have secrets of this user's: nobody else may act in their name, no admin either.

    The command line may: whoever runs it could read and write everything anyway.
    """
    return by.role is Role.SYSTEM or (by.user_id == user_id and by.may(Permission.OWN_TOKENS))
