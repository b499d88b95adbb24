"""Mails, read: for whoever watches over the portal, and in development instead of a mailbox."""

from uuid import UUID

from sqlalchemy import func, select

from portal.foundation.db import session
from portal.foundation.keyset import Page, paginate
from portal.foundation.refusals import NotFound
from portal.mail.models import Mail, MailState

_UNSENT = (MailState.PENDING, MailState.FAILED)


def count_unsent() -> dict[str, int]:
    """How many wait, and how many were given up and are kept still, by state."""
    counted = select(Mail.state, func.count()).where(Mail.state.in_(_UNSENT)).group_by(Mail.state)
    found = {state: number for state, number in session.execute(counted)}  # noqa: C416  (rows are no pairs to mypy)
    return {state.value: found.get(state, 0) for state in _UNSENT}


def mail_page(*, cursor: str | None = None) -> Page[Mail]:
    """Mails to all people, newest first, whatever became of them. Raises Invalid for a bad cursor."""
    page = paginate(select(Mail.id, Mail), Mail.id, cursor=cursor)
    return Page([row.Mail for row in page.rows], page.next, page.previous, page.page_size)


def get_mail(mail_id: UUID) -> Mail:
    """Any mail. Raises NotFound."""
    found = session.scalar(select(Mail).where(Mail.id == mail_id))
    if found is None:
        raise NotFound()
    return found
