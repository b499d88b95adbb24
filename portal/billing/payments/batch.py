"""Several clear cases approved at once. Each is a unit of its own: looked at again, and approved or left as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, select

from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.lanes import Lane
from portal.billing.payments.models import PaymentEvent
from portal.billing.payments.queries import in_queue
from portal.billing.payments.service import approve_payment
from portal.billing.payments.states import Action, Status, permission_of
from portal.foundation.actor import Actor
from portal.foundation.db import session
from portal.foundation.money import Money
from portal.foundation.refusals import Conflict, Forbidden, Invalid, NotFound

MOST = 100


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

    row: PaymentRow | None
    why_not: str


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
    Raises Invalid for none, or more than 100.
    """
    by.must(permission_of(Action.APPROVE))
    versions = _versions(seen)
    why_not = {payment_id: _approve(Seen(payment_id, versions[payment_id]), by) for payment_id in sorted(versions)}
    rows = {row.id: row for row in in_queue(versions.keys())}
    return [Outcome(rows.get(payment_id), why_not[payment_id]) for payment_id in why_not]


def _versions(seen: Sequence[Seen]) -> dict[UUID, int]:
    versions = {one.payment_id: one.version for one in seen}
    if not versions:
        raise Invalid("nothing_selected", "Select the payments first.", field="payment")
    if len(versions) > MOST:
        raise Invalid("too_many_selected", f"At most {MOST} payments are approved at once.", field="payment")
    return versions


def _is_clear(row: PaymentRow) -> bool:
    return row.status == Status.PENDING_APPROVAL and row.lane == Lane.CLEAR


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
