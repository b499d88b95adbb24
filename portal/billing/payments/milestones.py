"""A payment's way as a customer reads it: what happened, what happens now, and what comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portal.billing.payments.history import Step
from portal.billing.payments.models import Payment
from portal.billing.payments.states import DECISIONS, Action, Status


class Stage(StrEnum):
    """Where a milestone stands in time."""

    DONE = "done"
    NOW = "now"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Milestone:
    """One of them. ``who`` says what kind of person or part it was, never a name; ``outcome`` is of what ended it."""

    words: str
    stage: Stage
    at: datetime | None = None
    who: str = ""
    reason: str | None = None
    outcome: Action | None = None


_DONE = {
    Action.SUBMIT: "Reported",
    Action.APPROVE: "Approved",
    Action.REJECT: "Not accepted",
    Action.CANCEL: "Withdrawn",
    Action.REFUND: "Refunded",
    Action.START: "Payment started",
    Action.SETTLE: "Succeeded",
    Action.FAIL: "Not accepted",
}
_STARTED = {"card": "Card payment started"}
_HANDED_ON = "Sent to the payment provider"
_CHECKED = "Checked"
# What happens now in an open status, and what comes.
_OPEN = {
    Status.PENDING: ("Waiting for the payment provider", "Outcome"),
    Status.PROCESSING: ("Being processed by the payment provider", "Outcome"),
    Status.PENDING_APPROVAL: ("Being checked by our staff", "Outcome: approved, or not accepted with the reason"),
}


def milestones(payment: Payment, steps: Sequence[Step]) -> list[Milestone]:
    """The milestones of a payment whose history a customer reads as ``steps``, in the order of time."""
    found = [milestone for step in steps for milestone in _of_step(step, payment)]
    now = _OPEN.get(Status(payment.status))
    if now is not None:
        found += [Milestone(now[0], Stage.NOW, steps[-1].at), Milestone(now[1], Stage.AHEAD)]
    return found


def _of_step(step: Step, payment: Payment) -> list[Milestone]:
    action = Action(step.action)
    if action is Action.START:
        words = _HANDED_ON if step.from_status else _STARTED.get(payment.payment_method, _DONE[action])
        return [Milestone(words, Stage.DONE, step.at)]
    # Why a payment was not accepted is said above all of its page, with what to do.
    reason = step.reason if action is Action.REFUND else None
    who = "" if action is Action.SETTLE else step.who
    done = Milestone(_DONE[action], Stage.DONE, step.at, who, reason, None if action is Action.SUBMIT else action)
    return [Milestone(_CHECKED, Stage.DONE), done] if action in DECISIONS else [done]
