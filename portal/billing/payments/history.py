"""A payment's history as one reader may see it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.billing.payments.models import Payment, PaymentEvent
from portal.billing.payments.states import Action
from portal.foundation.access import CUSTOMER_ROLES, Role
from portal.foundation.actor import Actor
from portal.foundation.db import session


@dataclass(frozen=True, slots=True)
class Step:
    """One event. ``actor`` is a name where the reader may know it, and else what ``who`` always is: the kind of person
    or part that it was.
    """

    version: int
    action: str
    from_status: str | None
    to_status: str
    actor: str
    who: str
    reason: str | None
    at: datetime


def history(payment: Payment, reader: Actor) -> list[Step]:
    """The payment's events, oldest first.

    Customers read the names of their own people only, and no reason of an approval: it may speak of another account.
    """
    return [_step(event, reader) for event in payment.events]


def histories(payment_ids: Collection[UUID], reader: Actor) -> dict[UUID, list[Step]]:
    """The events of several payments in scope, oldest first, by payment."""
    found: dict[UUID, list[Step]] = {payment_id: [] for payment_id in payment_ids}
    events = select(PaymentEvent).where(PaymentEvent.payment_id.in_(payment_ids)).order_by(PaymentEvent.version)
    for event in session.scalars(events):
        found[event.payment_id].append(_step(event, reader))
    return found


def shown_actor(event: PaymentEvent, reader: Actor) -> str:
    """Who did it, in words for this reader."""
    if event.actor_id is not None and event.actor_id == reader.user_id:
        return "you"
    role = Role(event.actor_role)
    if reader.is_staff or reader.role is Role.SYSTEM or role in CUSTOMER_ROLES:
        return event.actor_label
    return _kind(event, reader)


def _kind(event: PaymentEvent, reader: Actor) -> str:
    if event.actor_id is not None and event.actor_id == reader.user_id:
        return "you"
    role = Role(event.actor_role)
    if role in CUSTOMER_ROLES:
        return f"{'an' if role is Role.OWNER else 'a'} {role} of {'the' if reader.is_staff else 'your'} account"
    return "the payment provider" if role is Role.SYSTEM else "our staff"


def _step(event: PaymentEvent, reader: Actor) -> Step:
    hidden = event.action == Action.APPROVE and not reader.is_staff
    return Step(
        version=event.version,
        action=event.action,
        from_status=event.from_status,
        to_status=event.to_status,
        actor=shown_actor(event, reader),
        who=_kind(event, reader),
        reason=None if hidden else event.reason,
        at=event.at,
    )
