"""Several clear cases approved at once. Each is a unit of its own: looked at again, and approved or left as it is."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, select

from portal.billing.payments.figures import Lane, PaymentRow
from portal.billing.payments.models import PaymentEvent
from portal.billing.payments.queries import in_queue
from portal.billing.payments.service import approve_payment
from portal.billing.payments.states import Action, Status, permission_of
from portal.foundation.actor import Actor
from portal.foundation.db import session
from portal.foundation.deadline import remaining, sparing
from portal.foundation.money import Money
from portal.foundation.outages import outage
from portal.foundation.refusals import Conflict, Forbidden, Invalid, NotFound, OutcomeUnknown

MOST = 100
FOR_THE_ANSWER = 1.5
"""Seconds of a request's time in which nothing is approved any more, so that it is said what was."""
NOT_REACHED = "Not reached: the time was up, or the database busy. It is as it was. Send it again."
NOT_KNOWN = "The database did not answer in time, so nobody can tell whether it is approved. Send it again."
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """A payment, and the version of it that somebody saw."""

    payment_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What would be approved, what would not, and the sums of the first by currency."""

    clear: Sequence[PaymentRow]
    left_out: Sequence[PaymentRow]
    sums: Sequence[Money]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one payment. ``why_not`` is empty where it is approved; ``row`` None where there is no such."""

    seen: Seen
    row: PaymentRow | None
    why_not: str

    @property
    def is_unsettled(self) -> bool:
        """Whether to send it again, which books nothing twice."""
        return self.why_not in (NOT_REACHED, NOT_KNOWN)


def batch_of(seen: Sequence[Seen]) -> Batch:
    """The payments as they are now, sorted into those that can be approved together and the others. Raises Invalid."""
    versions = _versions(seen)
    rows = in_queue(versions.keys())
    clear = [row for row in rows if _is_clear(row) and row.version == versions[row.id]]
    sums: dict[str, Money] = {}
    for row in clear:
        sums[row.currency] = sums.get(row.currency, Money.zero(row.currency)) + row.amount
    return Batch(clear, [row for row in rows if row not in clear], [sums[currency] for currency in sorted(sums)])


def approve_payments(seen: Sequence[Seen], *, by: Actor) -> list[Outcome]:
    """Approve those that are still clear and as they were seen; what became of each, in the order of their ids.

    Sent twice it does nothing twice: what this actor has approved from that very version counts as approved.
    Where the request's time does not reach for all of them, or the database fails at one, the outcome says so.
    Raises Invalid for none, or more than 100.
    """
    by.must(permission_of(Action.APPROVE))
    versions = _versions(seen)
    with sparing(FOR_THE_ANSWER):
        why_not = {one: _approve_in_time(one, by) for one in (Seen(id_, versions[id_]) for id_ in sorted(versions))}
    rows = {row.id: row for row in in_queue(versions.keys())}
    return [Outcome(one, rows.get(one.payment_id), words) for one, words in why_not.items()]


def _versions(seen: Sequence[Seen]) -> dict[UUID, int]:
    versions = {one.payment_id: one.version for one in seen}
    if not versions:
        raise Invalid("nothing_selected", "Select the payments first.", field="payment")
    if len(versions) > MOST:
        raise Invalid("too_many_selected", f"At most {MOST} payments are approved at once.", field="payment")
    return versions


def _is_clear(row: PaymentRow) -> bool:
    return row.status == Status.PENDING_APPROVAL and row.lane == Lane.CLEAR


def _approve_in_time(seen: Seen, by: Actor) -> str:
    """A unit that an outage ended is undone, unless its commit was not answered."""
    if remaining() == 0:
        return NOT_REACHED
    try:
        return _approve(seen, by)
    except OutcomeUnknown as error:
        _log.warning("of a batch: nobody knows whether one was committed (%s)", type(error.__cause__ or error).__name__)
        return NOT_KNOWN
    except Exception as error:
        if outage(error) is None:
            raise
        _log.warning("of a batch: one was not reached (%s)", type(error).__name__)
        return NOT_REACHED


def _approve(seen: Seen, by: Actor) -> str:
    try:
        approve_payment(seen.payment_id, by=by, version=seen.version, only_clear=True)
    except (Conflict, Forbidden, NotFound) as refusal:
        return "" if _has_approved(seen, by) else refusal.message
    return ""


def _has_approved(seen: Seen, by: Actor) -> bool:
    step = (PaymentEvent.payment_id == seen.payment_id, PaymentEvent.version == seen.version + 1)
    done = exists().where(*step, PaymentEvent.action == Action.APPROVE, PaymentEvent.actor_id == by.user_id)
    return bool(session.scalar(select(done)))
