"""Invitations: a link to an address, by which whoever reads its mails becomes a user with a password of their own."""

from uuid import UUID

from sqlalchemy import select

from portal.accounts import throttle
from portal.accounts.links import find_link, make_link, take_link
from portal.accounts.models import Account, LinkPurpose, MailedLink, User
from portal.accounts.passwords import passwords
from portal.accounts.service import add_user, check_role, normalized_email
from portal.accounts.sessions import Place
from portal.foundation import audit, clock, freetext
from portal.foundation.access import Permission, Role
from portal.foundation.actor import Actor
from portal.foundation.db import end_reading, locked, session, transaction
from portal.foundation.refusals import Invalid, NotFound, read_together
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from portal.mail.kinds import Kind
from portal.mail.outbox import Recipient, post

STAFF = "the Billing Portal"


def invite(*, by: Actor, email: str, name: str, role: Role, account_id: UUID | None) -> MailedLink:
    """Invite somebody to an account, or to staff. What went to the same address before works no more.

    Whether somebody signs in with the address already is not said here. Raises Invalid.
    """
    by.must(Permission.USER_MANAGE)
    check_role(role, account_id)
    by.must_confirm()
    values = read_together(
        email=lambda: normalized_email(email),
        name=lambda: freetext.required(name, field="name", most=200, label="The name"),
    )
    with transaction() as unit:
        account = unit.get(Account, account_id) if account_id else None
        if account_id is not None and account is None:
            raise Invalid("unknown_account", "There is no such account.", field="account")
        throttle.alone("invitation", values["email"])  # of two at once the second looks when the first is there
        earlier = _open_ones(values["email"])
        link, secret = make_link(
            LinkPurpose.INVITATION, role=role, account_id=account_id, invited_by=by.user_id, **values
        )
        to = Recipient(link.email, link.name, None, account_id, account.locale if account else "en")
        data = {"inviter": by.label, "role": role.value, "email": link.email, "until": link.expires_at.date()}
        whose = account.name if account else STAFF
        post(Kind.INVITATION, to, subject_id=link.id, data=data | {"whose": whose}, secret=secret)
        _record(by, "created", link, email=link.email, name=link.name, role=link.role)
        for old in earlier:
            old.ended_at = clock.now()
            _record(by, "replaced", old, successor=link.id)
    return link


def withdraw(link_id: UUID, *, by: Actor) -> MailedLink:
    """See to it that the invitation works no more. A second time changes nothing. Raises NotFound."""
    by.must(Permission.USER_MANAGE)
    with transaction():
        link = locked(MailedLink, link_id)
        if link is None or link.purpose != LinkPurpose.INVITATION:
            raise NotFound()
        if link.ended_at is None:
            link.ended_at = clock.now()
            _record(by, "withdrawn", link)
    return link


def find(secret: str) -> MailedLink:
    """The invitation. Raises LinkOver."""
    return find_link(LinkPurpose.INVITATION, secret)


def is_needless(invitation: MailedLink) -> bool:
    """Whether somebody signs in with its address already. For whoever showed its secret, and so reads that mail."""
    end_reading()  # of the other login: no request holds two connections
    with by_login(Login.STAFF), across_accounts():
        return session.scalar(select(User.id).where(User.email == invitation.email)) is not None


def accept(secret: str, *, password: str, place: Place) -> User:
    """Become the user that the invitation is for. Raises LinkOver, Invalid for a bad password, and Conflict where
    somebody signs in with the address already.

    By staff's login: whoever is nobody yet has none that may add users.
    """
    known, by = find(secret), place.actor()
    hashed = passwords.hash(password, about=(known.name, known.email))  # before the unit: others wait for the lock
    with by_login(Login.STAFF), across_accounts(), transaction():
        link = take_link(known.id)
        user = add_user(
            by=by, role=Role(str(link.role)), account_id=link.account_id, email=link.email, name=link.name,
            password_hash=hashed, must_choose_password=False,
        )  # fmt: skip
        _record(by, "accepted", link, user=user.id)
    return user


def open_invitations() -> list[MailedLink]:
    """Those that work still, the newest first. For staff."""
    return list(reversed(_open_ones()))


def _open_ones(email: str | None = None) -> list[MailedLink]:
    waiting = select(MailedLink).where(
        MailedLink.purpose == LinkPurpose.INVITATION,
        MailedLink.ended_at.is_(None),
        MailedLink.expires_at > clock.now(),
    )
    if email is not None:
        # Locked: one that is accepted or withdrawn meanwhile is none of them, and stays ended as it was.
        waiting = waiting.where(MailedLink.email == email).with_for_update(of=MailedLink, key_share=True)
    return [link for link in session.scalars(waiting.order_by(MailedLink.id)) if link.is_live]


def _record(by: Actor, action: str, link: MailedLink, **changes: object) -> None:
    audit.record(by, f"invitation.{action}", "invitation", link.id, account_id=link.account_id, **changes)
