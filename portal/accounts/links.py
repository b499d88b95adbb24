"""Links that let somebody do one thing once, because they read the mail that it came in.

The address holds a random secret, and the row its hash. Opening it changes nothing: programs that look into mails do.
"""

import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select

from portal.accounts.models import LinkPurpose, MailedLink, User
from portal.accounts.token_format import hash_of
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.db import locked, session, transaction
from portal.foundation.ids import new_id
from portal.foundation.refusals import Refusal
from portal.foundation.sealing import sealer
from portal.mail.models import Mail

LIVES = {
    LinkPurpose.INVITATION: timedelta(days=7),
    LinkPurpose.PASSWORD_RESET: timedelta(hours=1),
    LinkPurpose.EMAIL_CHANGE: timedelta(days=1),
}
KEPT_FOR = timedelta(days=30)
_BEGINNING = "bp_link_"
"""By which logs know it for what they must not show."""
_PURGED_AT_ONCE = 1000


class LinkOver(Refusal):
    """The link is used, too old, replaced, or was never one: nobody can tell which."""

    status = 410

    def __init__(self) -> None:
        message = "This link was used before, has expired, or was copied only in part."
        super().__init__("link_over", message)


def make_link(
    purpose: LinkPurpose, *, email: str, user: User | None = None, name: str = "", role: Role | None = None,
    account_id: UUID | None = None, invited_by: UUID | None = None,
) -> tuple[MailedLink, str]:  # fmt: skip
    """A link and its secret, which stands in the mail and nowhere else in clear. In the caller's unit."""
    secret, now = _BEGINNING + secrets.token_urlsafe(32), clock.now()
    link = MailedLink(
        id=new_id(),
        purpose=purpose.value,
        token_hash=hash_of(secret),
        user_id=user.id if user else None,
        account_id=user.account_id if user else account_id,
        email=email,
        name=name,
        role=role.value if role else None,
        stands_for=sealer.fingerprint(*_made_for(user)) if user else "",
        invited_by=invited_by,
        created_at=now,
        expires_at=now + LIVES[purpose],
    )
    session.add(link)
    session.flush()
    return link, secret


def find_link(purpose: LinkPurpose, secret: str) -> MailedLink:
    """The link that this is the secret of, if it works still. Raises LinkOver."""
    link = session.scalar(
        select(MailedLink).where(MailedLink.token_hash == hash_of(secret), MailedLink.purpose == purpose)
    )
    if link is None or not link.is_live:
        raise LinkOver
    return link


def find_users_link(purpose: LinkPurpose, secret: str) -> tuple[MailedLink, User]:
    """The link, and the enabled user whom it is for, with password and address as they were. Raises LinkOver."""
    link = find_link(purpose, secret)
    user = session.get(User, link.user_id) if link.user_id else None
    if user is None or not user.is_enabled or not _stands(link, user):
        raise LinkOver
    return link, user


def is_over(mail: Mail) -> bool:
    """Whether the mail is there for a link, and it works no more."""
    if mail.kind not in LIVES:
        return False
    link = session.get(MailedLink, mail.subject_id)
    user = session.get(User, link.user_id) if link and link.user_id else None
    if link is None or not link.is_live or (user and not user.is_enabled):
        return True
    return not _stands(link, user)


def take_link(link_id: UUID) -> MailedLink:
    """Use the link up, in the unit of what it is for. Raises LinkOver where somebody was quicker."""
    link = locked(MailedLink, link_id)
    if link is None or not link.is_live:
        raise LinkOver
    link.ended_at = clock.now()
    return link


def take_users_link(link_id: UUID) -> tuple[MailedLink, User]:
    """Use it up, and lock its user. Raises LinkOver where password or address changed meanwhile."""
    owner = session.scalar(select(MailedLink.user_id).where(MailedLink.id == link_id))
    user = locked(User, owner) if owner else None  # ahead of the link: whoever asks for another takes them so
    link = take_link(link_id)
    if user is None or not user.is_enabled or not _stands(link, user):
        raise LinkOver
    return link, user


def purge() -> int:
    """Delete some of the links that have had their time, and that nobody has in hand; how many."""
    old = select(MailedLink.id).where(MailedLink.created_at <= clock.now() - KEPT_FOR).order_by(MailedLink.created_at)
    with transaction() as unit:
        ids = unit.scalars(old.limit(_PURGED_AT_ONCE).with_for_update(skip_locked=True)).all()
        unit.execute(delete(MailedLink).where(MailedLink.id.in_(ids)))
    return len(ids)


def _stands(link: MailedLink, user: User | None) -> bool:
    """Whether the user has the password and address that the link was made for."""
    return sealer.recognises(link.stands_for, *_made_for(user)) if user else not link.stands_for


def _made_for(user: User) -> tuple[object, ...]:
    return "mailed link", user.password_hash, user.email
