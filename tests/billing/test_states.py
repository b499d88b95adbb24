"""The transition table, and the service over every pair of status and action."""

from collections.abc import Callable

import pytest

from portal.billing.payments import service
from portal.billing.payments.models import Payment
from portal.billing.payments.states import TRANSITIONS, Action, Status, find_transition, read_status
from portal.foundation.actor import Actor
from portal.foundation.refusals import Conflict, Forbidden
from portal.foundation.tenancy import across_accounts
from tests.billing.conftest import World
from tests.factories import SYSTEM, Factory, acting

pytestmark = pytest.mark.usefixtures("domain")

# SPEC §3, written out by hand: what the table must say.
EXPECTED = {
    (None, "submit"): "pending_approval",
    (None, "start"): "pending",
    ("pending", "start"): "processing",
    ("pending", "cancel"): "cancelled",
    ("pending", "settle"): "succeeded",
    ("pending", "fail"): "failed",
    ("pending_approval", "approve"): "succeeded",
    ("pending_approval", "reject"): "failed",
    ("pending_approval", "cancel"): "cancelled",
    ("processing", "settle"): "succeeded",
    ("processing", "fail"): "failed",
    ("succeeded", "refund"): "refunded",
}

MOVES: dict[str, Callable[[Payment, Actor], Payment]] = {
    "approve": lambda payment, by: service.approve_payment(payment.id, by=by, version=payment.version),
    "reject": lambda payment, by: service.reject_payment(payment.id, by=by, version=payment.version, reason="no"),
    "cancel": lambda payment, by: service.cancel_payment(payment.id, by=by, version=payment.version),
    "refund": lambda payment, by: service.refund_payment(payment.id, by=by, version=payment.version, reason="no"),
    "start": lambda payment, by: service.process_payment(payment.id, by=by),
    "settle": lambda payment, by: service.settle_payment(payment.id, by=by),
    "fail": lambda payment, by: service.fail_payment(payment.id, by=by, reason="no"),
}
ROUTE_TO = {
    "pending": [],
    "processing": ["start"],
    "pending_approval": [],
    "succeeded": ["approve"],
    "failed": ["reject"],
    "cancelled": ["cancel"],
    "refunded": ["approve", "refund"],
}


def test_the_table_is_the_contract() -> None:
    table = {(status and status.value, action.value): entry.to.value for (status, action), entry in TRANSITIONS.items()}
    assert table == EXPECTED


def actor_for(action: str, world: World) -> Actor:
    return SYSTEM if action in ("start", "settle", "fail") else acting(world.admin)


def payment_in(status: str, world: World, make: Factory) -> Payment:
    invoice = make.invoice(world.account)
    if status in ("pending", "processing"):
        return make.payment_now(make.gateway_payment(invoice, status))
    payment = make.payment(invoice, world.owner)
    for action in ROUTE_TO[status]:
        with across_accounts():
            payment = MOVES[action](payment, actor_for(action, world))
    return make.payment_now(payment)


@pytest.mark.parametrize("action", sorted(MOVES))
@pytest.mark.parametrize("status", [status.value for status in Status])
def test_every_pair_of_status_and_action(status: str, action: str, world: World, make: Factory) -> None:
    before = payment_in(status, world, make)
    assert before.status == status
    expected = EXPECTED.get((status, action))
    with across_accounts():
        if expected is None:
            with pytest.raises(Conflict):
                MOVES[action](before, actor_for(action, world))
        else:
            MOVES[action](before, actor_for(action, world))
    after = make.payment_now(before)
    history = [event.action for event in after.events]
    if expected is None:
        assert (after.status, after.version, history) == (status, before.version, [e.action for e in before.events])
        return
    last = after.events[-1]
    assert (after.status, after.version) == (expected, before.version + 1)
    assert (last.from_status, last.to_status, last.action) == (status, expected, action)
    assert (last.id, last.version, last.actor_label) == (
        after.last_event_id, after.version, actor_for(action, world).label,
    )  # fmt: skip
    assert history == [*(event.action for event in before.events), action]


WHO_MAY = {
    "owner": {"cancel"},
    "member": {"cancel"},
    "viewer": set(),
    "reviewer": {"approve", "reject", "cancel"},
    "admin": {"approve", "reject", "cancel", "refund"},
}


@pytest.mark.parametrize("role", sorted(WHO_MAY))
def test_who_may_take_which_action(role: str, world: World, make: Factory) -> None:
    actor = acting(getattr(world, role))
    for action, move in MOVES.items():
        start = next(status for (status, known), _ in EXPECTED.items() if known == action and status)
        if action == "cancel":
            start = "pending_approval"
        payment = payment_in(start, world, make)
        allowed = action in WHO_MAY[role]
        assert (action in payment.allowed_actions(actor)) is allowed
        with across_accounts():
            if allowed:
                move(payment, actor)
            else:
                with pytest.raises(Forbidden):
                    move(payment, actor)
        assert (make.payment_now(payment).version > payment.version) is allowed


def test_completed_is_another_word_for_succeeded() -> None:
    assert read_status("completed") is Status.SUCCEEDED
    assert [read_status(status.value) for status in Status] == list(Status)
    assert [read_status(word) for word in ("", "Succeeded", "done")] == [None, None, None]


def test_nothing_leaves_a_final_status() -> None:
    final = (Status.FAILED, Status.REFUNDED, Status.CANCELLED)
    assert [find_transition(status, action) for status in final for action in Action] == [None] * 24
