"""Who is written to: an account's owners, and whoever did something themselves."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from sqlalchemy import or_, select

from portal.accounts.models import User
from portal.foundation.access import Role
from portal.foundation.db import session
from portal.mail.kinds import Kind
from portal.mail.outbox import Recipient


def recipient_of(user: User) -> Recipient:
    """The user, as a mail goes to them."""
    return Recipient(user.email, user.name, user.id, user.account_id, user.formats[0])


def concerned(account_id: UUID, kind: Kind, *, beside: UUID | None = None) -> list[Recipient]:
    """The account's owners, and the one of its users who is named, unless they are locked out or do not want it."""
    is_one = User.role == Role.OWNER if beside is None else or_(User.role == Role.OWNER, User.id == beside)
    mine = select(User).where(User.account_id == account_id, User.disabled_at.is_(None), is_one)
    return [recipient_of(user) for user in session.scalars(mine.order_by(User.id)) if user.wants(kind)]


def owners_of(account_ids: Collection[UUID], kind: Kind) -> dict[UUID, list[Recipient]]:
    """The owners of many accounts who want it."""
    theirs = select(User).where(User.account_id.in_(account_ids), User.role == Role.OWNER, User.disabled_at.is_(None))
    found: dict[UUID, list[Recipient]] = defaultdict(list)
    for user in session.scalars(theirs.order_by(User.id)):
        if user.account_id is not None and user.wants(kind):
            found[user.account_id].append(recipient_of(user))
    return found
