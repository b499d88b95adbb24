"""Each payment, derived from its events by the transition table; its postings and its audit entries from them too."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.billing.invoices.models import Invoice, Posting
from portal.billing.payments.models import Payment, PaymentEvent
from portal.billing.payments.states import DECISIONS, TRANSITIONS, Action, Status, Transition
from portal.foundation.audit import AuditEntry
from portal.foundation.findings import Finding, compare
from portal.foundation.freetext import is_seen
from portal.foundation.reading import AnyRow, Ordered, Reading

_DERIVED = (
    "status", "version", "last_event_id", "submitted_by", "decided_by", "decided_at", "failure_reason",
    "same_text_reason", "booking_id", "refund_id",
)  # fmt: skip
_POSTED = {Status.SUCCEEDED: "booking_id", Status.REFUNDED: "refund_id"}
_COPIED = ("account_id", "invoice_id", "currency", "amount_minor")
_KNOWN: dict[tuple[str | None, str], Transition] = {
    (status.value if status else None, action.value): transition for (status, action), transition in TRANSITIONS.items()
}


def check_payments(reading: Reading) -> Iterator[Finding]:
    """Walk through all payments, with their events, postings and audit entries beside them."""
    columns = [getattr(Payment, name) for name in ("id", "normalized_reference", *_DERIVED, *_COPIED)]
    with_numbers = select(*columns, Invoice.number).outerjoin(Invoice, Invoice.id == Payment.invoice_id)
    payments = reading.rows(with_numbers.order_by(Payment.id), "payments")
    events = Ordered(
        reading.rows(
            select(PaymentEvent.id, PaymentEvent.payment_id, PaymentEvent.version, PaymentEvent.from_status,
                   PaymentEvent.to_status, PaymentEvent.action, PaymentEvent.actor_id, PaymentEvent.reason,
                   PaymentEvent.at, PaymentEvent.account_id)
            .order_by(PaymentEvent.payment_id, PaymentEvent.version), "events",
        ), "payment_id",
    )  # fmt: skip
    posted = [getattr(Posting, name) for name in ("id", "payment_id", "status", "version", *_COPIED)]
    postings = Ordered(reading.rows(select(*posted).order_by(Posting.payment_id, Posting.status)), "payment_id")
    entries = Ordered(
        reading.rows(
            select(AuditEntry.subject_id, AuditEntry.action, AuditEntry.changes)
            .where(AuditEntry.subject_type == "payment", AuditEntry.action.startswith("payment."))
            .order_by(AuditEntry.subject_id, AuditEntry.id)
        ),
        "subject_id",
    )
    for payment in payments:
        history = events.at(payment.id)
        yield from _check_history(payment, history)
        yield from _check_derived(payment, history)
        yield from _check_postings(payment, history, postings.at(payment.id))
        yield from _check_audited(payment, history, entries.at(payment.id))
        yield from _orphans(events, entries, postings)
    yield from _orphans(events, entries, postings, ended=True)


def _orphans(*beside: Ordered, ended: bool = False) -> Iterator[Finding]:
    """What speaks of a payment that is not there: it was taken away."""
    for rows in beside:
        for row in rows.rest() if ended else rows.passed_over():
            payment_id = getattr(row, rows.key)
            yield Finding("payment_gone", f"payment {payment_id}", "a payment", "none, but something speaks of it")


def _check_history(payment: AnyRow, history: Sequence[AnyRow]) -> Iterator[Finding]:
    """Every event is the next one, and a legal transition."""
    status: str | None = None
    for version, event in enumerate(history, start=1):
        subject = f"{_named(payment)} event {event.id}"
        yield from compare("event_order", subject, "version", version, event.version)
        yield from compare("event_order", subject, "from", status, event.from_status)
        yield from compare("event_account", subject, "account", payment.account_id, event.account_id)
        yield from _check_transition(subject, payment, event)
        status = event.to_status


def _check_transition(subject: str, payment: AnyRow, event: AnyRow) -> Iterator[Finding]:
    transition = _KNOWN.get((event.from_status, event.action))
    if transition is None:
        yield Finding("transition", subject, "a transition of the table", f"{event.action} from {event.from_status}")
        return
    yield from compare("transition", subject, f"{event.action} to lead to", transition.to.value, event.to_status)
    if (transition.needs_reason or event.reason is not None) and not is_seen(event.reason or ""):
        yield Finding("transition", subject, f"a reason of the {event.action}", "none")
    if transition.needs_other_eyes and event.actor_id in (None, payment.submitted_by):
        yield Finding("four_eyes", subject, f"{event.action} by another than {payment.submitted_by}", _by(event))


def _check_derived(payment: AnyRow, history: Sequence[AnyRow]) -> Iterator[Finding]:
    """What the payment's row says is what its events say."""
    if not history:
        yield Finding("payment_history", _named(payment), "events", "none")
        return
    for name, expected in _derive(history).items():
        yield from compare(f"payment_{name}", _named(payment), name, expected, getattr(payment, name))
    if (history[0].action == Action.SUBMIT) != (payment.normalized_reference is not None):
        expected, found = "a reference to compare if reported, else none", payment.normalized_reference or "none"
        yield Finding("payment_reference", _named(payment), expected, found)


def _derive(history: Sequence[AnyRow]) -> dict[str, Any]:
    derived: dict[str, Any] = dict.fromkeys(_DERIVED)
    for event in history:
        derived |= {"status": event.to_status, "version": event.version, "last_event_id": event.id}
        if event.action == Action.SUBMIT:
            derived["submitted_by"] = event.actor_id
        if event.action in DECISIONS:
            derived |= {"decided_by": event.actor_id, "decided_at": event.at}
        if event.action == Action.APPROVE:
            derived["same_text_reason"] = event.reason
        if event.to_status == Status.FAILED:
            derived["failure_reason"] = event.reason
        if event.to_status in _POSTED:
            derived[_POSTED[Status(event.to_status)]] = event.id
    return derived


def _check_postings(payment: AnyRow, history: Sequence[AnyRow], postings: Sequence[AnyRow]) -> Iterator[Finding]:
    """Each event that moves money has its row of the ledger, and no other row is there."""
    written: dict[UUID, AnyRow] = {posting.id: posting for posting in postings}
    for event in history:
        if event.to_status not in _POSTED:
            continue
        posting = written.pop(event.id, None)
        if posting is None:
            yield Finding("posting", _named(payment), f"a posting of event {event.id}", "none")
            continue
        subject = f"posting {posting.id} of {_named(payment)}"
        yield from compare("posting", subject, "status", event.to_status, posting.status)
        yield from compare("posting", subject, "version", event.version, posting.version)
        for name in _COPIED:
            yield from compare("posting", subject, name, getattr(payment, name), getattr(posting, name))
    for posting in written.values():
        yield Finding("posting", _named(payment), "no posting without its event", f"posting {posting.id}")


def _check_audited(payment: AnyRow, history: Sequence[AnyRow], entries: Sequence[AnyRow]) -> Iterator[Finding]:
    """Each event has its audit entry: the newest entries of a chain cannot vanish without their events."""
    steps = Counter(f"payment.{event.action}" for event in history)
    audited = Counter(entry.action for entry in entries)
    for action in sorted(steps | audited):
        what = f"audit entries {action}"
        yield from compare("audit_of_payment", _named(payment), what, steps[action], audited[action])


def _named(payment: AnyRow) -> str:
    return f"payment {payment.id} (invoice {payment.number})"


def _by(event: AnyRow) -> str:
    return f"by {event.actor_id or 'nobody'}"
