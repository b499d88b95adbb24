"""What can be asked of a payment, be it the whole object or a row of a list."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from portal.billing.payments.states import OPEN_STATUSES, RECEIPTED_STATUSES, Action, Status, find_transition
from portal.foundation import clock
from portal.foundation.actor import Actor
from portal.foundation.money import Money


class _Columns(Protocol):
    @property
    def status(self) -> str: ...
    @property
    def amount_minor(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def account_id(self) -> UUID: ...
    @property
    def submitted_by(self) -> UUID | None: ...
    @property
    def created_at(self) -> datetime: ...


class Lane(StrEnum):
    """What kind of case a waiting payment is."""

    CLEAR = "clear"
    """The reference is the invoice's own, the amount is what is outstanding, and nothing warns."""
    DIFFERS = "differs"
    CONFLICT = "conflict"
    """Another payment that is money, or may become it, carries the same reference."""


class PaymentFigures:
    """Amounts, age and the actions that are open, derived from a payment's columns."""

    @property
    def amount(self: _Columns) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def is_open(self: _Columns) -> bool:
        """Whether it may still become money: it blocks another payment of its invoice."""
        return self.status in OPEN_STATUSES

    @property
    def has_receipt(self: _Columns) -> bool:
        """Whether its money was booked. Refunded money came in as well: books need the paper for both ways."""
        return self.status in RECEIPTED_STATUSES

    @property
    def age(self: _Columns) -> timedelta:
        return clock.now() - self.created_at

    def allowed_actions(self: _Columns, actor: Actor) -> list[str]:
        """The actions that this actor could take now, by the words of the transition table."""
        return [action.value for action in Action if _may(self, action, actor)]


def _may(payment: _Columns, action: Action, actor: Actor) -> bool:
    transition = find_transition(Status(payment.status), action)
    if transition is None or not actor.may(transition.permission):
        return False
    return not (transition.needs_other_eyes and is_own(payment, actor))


def is_own(payment: _Columns, actor: Actor) -> bool:
    """Whether the actor submitted the payment or is of its account, which forbids deciding on it."""
    return actor.user_id == payment.submitted_by or actor.account_id == payment.account_id


@dataclass(frozen=True, slots=True)
class PaymentRow(PaymentFigures):
    """A payment as a list shows it."""

    id: UUID
    account_id: UUID
    account_name: str
    country: str
    invoice_id: UUID
    invoice_number: str
    amount_minor: int
    currency: str
    payment_method: str
    status: str
    transaction_reference: str
    paid_on: date | None
    notes: str
    failure_reason: str | None
    version: int
    submitted_by: UUID | None
    created_at: datetime
    updated_at: datetime
    decided_at: datetime | None
    lane: str | None = None
    """What kind of case it is: for staff's queue; None in other lists."""

    @property
    def reference_used_elsewhere(self) -> bool | None:
        """Whether another live payment carries the same reference; None where the lane is not known."""
        return None if self.lane is None else self.lane == Lane.CONFLICT
