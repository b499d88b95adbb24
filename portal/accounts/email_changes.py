"""Another address to sign in with: it counts once somebody opened the link that was sent there."""

from datetime import timedelta

from sqlalchemy import select, update

from portal.accounts import throttle
from portal.accounts.links import find_users_link, make_link, take_users_link
from portal.accounts.models import UQ_USER_EMAIL, LinkPurpose, MailedLink, User
from portal.accounts.recipients import recipient_of
from portal.accounts.service import normalized_email
from portal.accounts.sessions import Place, must_be_signed_in
from portal.accounts.sign_in import must_know
from portal.accounts.throttle import Limit
from portal.foundation import audit, clock
from portal.foundation.actor import Actor
from portal.foundation.db import flush_or_refuse, locked, transaction
from portal.foundation.refusals import Conflict, Invalid
from portal.foundation.row_security import as_user_of
from portal.mail.kinds import Kind
from portal.mail.outbox import Recipient, post

OF_USER = Limit("e-mail change, of a user", 5, timedelta(minutes=12))
_SAID = "Another address was asked for too often."


def ask(email: str, password: str, *, by: Actor) -> str:
    """Send the link to the new address, for somebody who shows their password; the address as it is kept.

    A link that they asked for before works no more: its address may have been a slip. Whether somebody else signs in
    with the new one is not said here: whoever reads its mails learns it there.
    """
    by.must_confirm()
    new = normalized_email(email)
    user = must_know(password, by=by, field="password")
    if new == user.email:
        raise Invalid("same_email", "This is your address already.", field="email")
    throttle.take(OF_USER.of(user.id), note=lambda limit: _note(by, "throttled", user, limit=limit), said=_SAID)
    with transaction() as unit:
        locked(User, user.id)  # two that ask at once would not see each other
        must_be_signed_in(by)
        earlier = (MailedLink.user_id == user.id, MailedLink.purpose == LinkPurpose.EMAIL_CHANGE)
        unit.execute(update(MailedLink).where(*earlier, MailedLink.ended_at.is_(None)).values(ended_at=clock.now()))
        link, secret = make_link(LinkPurpose.EMAIL_CHANGE, email=new, user=user)
        to = Recipient(new, user.name, user.id, user.account_id, recipient_of(user).locale)
        post(Kind.EMAIL_CHANGE, to, subject_id=link.id, data={}, secret=secret)
        _note(by, "asked", user, email=new)
    return new


def find(secret: str) -> str:
    """The address that the link confirms. Raises LinkOver."""
    return find_users_link(LinkPurpose.EMAIL_CHANGE, secret)[0].email


def confirm(secret: str, *, place: Place) -> User:
    """Have them sign in with the new address, and tell the old one. Raises LinkOver, and Conflict for a taken one."""
    known, themselves = find_users_link(LinkPurpose.EMAIL_CHANGE, secret)
    taken = Conflict("email_taken", "Somebody else signs in with this address. Nothing was changed.")
    with as_user_of(themselves.account_id), transaction() as unit:
        link, user = take_users_link(known.id)
        if unit.scalar(select(User.id).where(User.email == link.email)):
            raise taken
        before, user.email = recipient_of(user), link.email
        flush_or_refuse({UQ_USER_EMAIL: taken})
        post(Kind.EMAIL_CHANGED, before, subject_id=user.id, data={"email": user.email})
        _note(place.actor(user), "confirmed", user, email=(before.address, user.email))
    return user


def _note(by: Actor, what: str, user: User, **changes: object) -> None:
    audit.record(by, f"email_change.{what}", "user", user.id, account_id=user.account_id, **changes)
