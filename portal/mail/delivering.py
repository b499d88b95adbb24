"""The worker's part: send what is due. Any number of workers may run.

A mail is taken on lease, sent outside of any transaction, and what came of it is written down. Where a worker dies in
between, or the server's answer is lost, it is sent again, with the same Message-ID.
"""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, literal_column, or_, select, update

from portal.foundation import clock
from portal.foundation.db import end_reading, locked, session, transaction
from portal.foundation.ids import new_id
from portal.foundation.outages import outage
from portal.mail.composing import Attachment, NoLetter, compose
from portal.mail.kinds import Kind
from portal.mail.models import Mail, MailState
from portal.mail.post_office import Server, post_office
from portal.mail.sending import Outcome, send

RETRIES = [
    timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (1, 2, 4, 8, 8)),
]  # fmt: skip
"""How long after each failed try the next one comes: a day in all."""
LEASE = timedelta(minutes=5)
"""More than a send takes: a connection and eight answers, each in time."""
STALE_AFTER = timedelta(days=3)
"""What nobody could send for so long, because no server was named or no worker ran, is not sent any more."""
KEPT_FOR = timedelta(days=30)
_AT_ONCE = 1000
_PENDING: ColumnElement[str] = literal_column(f"'{MailState.PENDING}'")
"""Written out, so that the index of what is pending serves."""
Attach = Callable[[Mail], Sequence[Attachment]]
IsOver = Callable[[Mail], bool]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A mail on lease."""

    mail: Mail
    lease: UUID


def deliver_next(attach: Attach = lambda _: (), is_over: IsOver = lambda _: False) -> bool:
    """Send one mail that is due; False where none is, or where there is no server. ``attach`` gives what goes along,
    and ``is_over`` tells of what it is no use to send any more.
    """
    server = post_office.server
    job = claim() if server else None
    if job is None or server is None:
        return False
    record(job, attempt(job, server, attach, is_over))
    return True


def claim() -> Job | None:
    """Take the mail that has been due for longest on lease. None where there is none."""
    if session.scalar(_due().with_only_columns(Mail.id)) is None:  # most times; no unit of writing is begun
        return None
    with transaction():
        found = session.scalar(_due().with_for_update(of=Mail, skip_locked=True))
        if found is None:
            return None
        found.lease, found.leased_until = new_id(), clock.now() + LEASE
        return Job(found, found.lease)


def attempt(job: Job, server: Server, attach: Attach, is_over: IsOver) -> Outcome:
    """Send it. Outside of any transaction: the other side may take its time."""
    try:
        if is_over(job.mail):
            return Outcome("Its link works no more.", is_needless=True)
        message = compose(job.mail, attach(job.mail))
    except NoLetter:
        return Outcome("The secret of its link cannot be read any more.", is_final=True)
    except ValueError as error:
        return Outcome(f"It cannot be written: {type(error).__name__}.", is_final=True)
    except Exception as error:
        if outage(error) is not None:
            raise
        return Outcome(f"It cannot be written: {type(error).__name__}.")  # by this version, perhaps by another
    end_reading()
    return send(message, server)


def record(job: Job, outcome: Outcome) -> None:
    """Write down how it went. What took longer than its lease is somebody else's by now, and theirs to record."""
    with transaction():
        mail = locked(Mail, job.mail.id)
        if mail is None or mail.lease != job.lease:
            return
        mail.lease = mail.leased_until = None
        mail.error = outcome.error
        if not outcome.error:
            mail.state, mail.sent_at, mail.sealed = MailState.SENT.value, clock.now(), None
        elif outcome.is_needless:
            mail.state, mail.sealed = MailState.DROPPED.value, None
        elif outcome.is_final or mail.tries >= len(RETRIES):
            mail.tries += 1
            mail.state, mail.sealed = MailState.FAILED.value, None
        else:
            mail.tries += 1
            spread = random.uniform(0.9, 1.1)  # noqa: S311  (nothing secret)
            mail.due_at = clock.now() + RETRIES[mail.tries - 1] * spread
        _tell(mail)


def give_up_stale() -> int:
    """Give up what waited for days, a part at a time; how many mails."""
    stale = select(Mail.id).where(_is_free(), Mail.created_at <= clock.now() - STALE_AFTER)
    if session.scalar(stale.limit(1)) is None:
        return 0
    with transaction() as unit:
        ids = unit.scalars(stale.limit(_AT_ONCE).with_for_update(skip_locked=True)).all()  # not what is taken just now
        values = {"state": MailState.FAILED.value, "sealed": None, "lease": None, "leased_until": None}
        given_up = update(Mail).where(Mail.id.in_(ids), _is_free())
        unit.execute(given_up.values(values | {"error": "Nobody could send it for days."}))
    if ids:
        _log.warning("%d mails given up: nobody could send them for days", len(ids))
    return len(ids)


def purge() -> int:
    """Delete some of the mails that have had their time, and that nobody has in hand; how many."""
    old = select(Mail.id).where(Mail.created_at <= clock.now() - KEPT_FOR, Mail.state != MailState.PENDING)
    some = old.order_by(Mail.created_at).limit(_AT_ONCE).with_for_update(skip_locked=True)
    with transaction() as unit:
        ids = unit.scalars(some).all()
        unit.execute(delete(Mail).where(Mail.id.in_(ids)))
    return len(ids)


def _due() -> Select[Mail]:
    """The next one. A kind that this version does not know was written by a newer one, and waits for its worker."""
    is_due = _is_free() & (Mail.due_at <= clock.now()) & Mail.kind.in_([kind.value for kind in Kind])
    return select(Mail).where(is_due).order_by(Mail.due_at, Mail.id).limit(1)


def _is_free() -> ColumnElement[bool]:
    """Whether the mail waits, and nobody is sending it just now."""
    is_unleased = or_(Mail.leased_until.is_(None), Mail.leased_until <= clock.now())
    return (Mail.state == _PENDING) & is_unleased


def _tell(mail: Mail) -> None:
    """Ids and kinds only: addresses stand in no log."""
    say = _log.warning if mail.state == MailState.FAILED else _log.info
    say("mail %s (%s): %s%s", mail.id, mail.kind, mail.state, f", {mail.error}" if mail.error else "")
