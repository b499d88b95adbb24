"""The life of a payment, as one table. It decides and touches nothing.

Buttons, the API's ``allowed_actions``, the diagram in the docs and the test over every pair come from ``TRANSITIONS``.
"""

from dataclasses import dataclass
from enum import StrEnum

from portal.foundation.access import Permission


class Status(StrEnum):
    """Where a payment stands."""

    PENDING = "pending"
    PENDING_APPROVAL = "pending_approval"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What moves a payment."""

    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"
    REFUND = "refund"
    START = "start"
    SETTLE = "settle"
    FAIL = "fail"


OPEN_STATUSES = (Status.PENDING, Status.PENDING_APPROVAL, Status.PROCESSING)
RECEIPTED_STATUSES = (Status.SUCCEEDED, Status.REFUNDED)
LIVE_STATUSES = (*OPEN_STATUSES, Status.SUCCEEDED)
LOST_STATUSES = (Status.FAILED, Status.CANCELLED)
"""Those of payments that ended without ever being money."""
DECISIONS = (Action.APPROVE, Action.REJECT)
_ALIASES = {"completed": Status.SUCCEEDED}


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an action leads, who may take it, and what it asks for."""

    to: Status
    permission: Permission
    needs_reason: bool = False
    needs_other_eyes: bool = False
    """Whether the actor must be neither the submitter nor of the payment's account."""


_approve = Transition(Status.SUCCEEDED, Permission.PAYMENT_DECIDE, needs_other_eyes=True)
_reject = Transition(Status.FAILED, Permission.PAYMENT_DECIDE, needs_reason=True, needs_other_eyes=True)
_refund = Transition(Status.REFUNDED, Permission.PAYMENT_REFUND, needs_reason=True, needs_other_eyes=True)
_cancel = Transition(Status.CANCELLED, Permission.PAYMENT_CANCEL)
_settle = Transition(Status.SUCCEEDED, Permission.PAYMENT_SETTLE)
_fail = Transition(Status.FAILED, Permission.PAYMENT_SETTLE, needs_reason=True)

TRANSITIONS: dict[tuple[Status | None, Action], Transition] = {
    (None, Action.SUBMIT): Transition(Status.PENDING_APPROVAL, Permission.PAYMENT_SUBMIT),
    (None, Action.START): Transition(Status.PENDING, Permission.PAYMENT_SETTLE),
    (Status.PENDING, Action.START): Transition(Status.PROCESSING, Permission.PAYMENT_SETTLE),
    (Status.PENDING, Action.CANCEL): _cancel,
    (Status.PENDING, Action.SETTLE): _settle,
    (Status.PENDING, Action.FAIL): _fail,
    (Status.PROCESSING, Action.SETTLE): _settle,
    (Status.PROCESSING, Action.FAIL): _fail,
    (Status.PENDING_APPROVAL, Action.APPROVE): _approve,
    (Status.PENDING_APPROVAL, Action.REJECT): _reject,
    (Status.PENDING_APPROVAL, Action.CANCEL): _cancel,
    (Status.SUCCEEDED, Action.REFUND): _refund,
}


def find_transition(status: Status | None, action: Action) -> Transition | None:
    """What the action does to a payment in this status; None where it does nothing."""
    return TRANSITIONS.get((status, action))


def permission_of(action: Action) -> Permission:
    """What the action needs, whatever the payment's status."""
    return next(transition.permission for (_, known), transition in TRANSITIONS.items() if known is action)


def read_status(text: str) -> Status | None:
    """The status that the word names, ``completed`` being another word for ``succeeded``; None for an unknown one."""
    try:
        return _ALIASES.get(text) or Status(text)
    except ValueError:
        return None
