"""What rows refer to: it is there, it is of the same account, and nothing stands twice that may stand once.

The database keeps these rules by itself, as long as nobody takes its constraints away.
"""

from collections.abc import Callable, Iterator

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Table, and_, select
from sqlalchemy.orm import aliased

from portal.accounts.models import User
from portal.billing.payments.models import Payment, PaymentEvent
from portal.billing.payments.states import LIVE_STATUSES, Status
from portal.foundation.db import Base
from portal.foundation.findings import Finding
from portal.foundation.reading import Reading

Counts = Callable[[type[Payment]], ColumnElement[bool]]
_LIVE = (
    "live_reference", "its own reference in its account and method", ("payment_method", "account_id"),
    lambda payment: payment.status.in_(LIVE_STATUSES),
)  # fmt: skip
_BOOKED = (
    "booked_reference", "its own reference among what is booked, or a reason", ("payment_method",),
    lambda payment: and_(payment.status == Status.SUCCEEDED, payment.same_text_reason.is_(None)),
)  # fmt: skip
_CHAINED = ("audit_entries", "audit_chains")
"""Their references are followed link by link: see ``foundation/audit_check.py``."""


def check_references(reading: Reading) -> Iterator[Finding]:
    """Look for references to nothing, people of another account, and references of payments that stand twice."""
    for _, table in sorted(Base.metadata.tables.items()):
        for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name)):
            # A deferred key is a pointer into a ledger or history, which the other passages derive.
            if table.name not in _CHAINED and not key.deferrable:
                yield from _check_key(reading, table, key)
    yield from _check_people(reading)
    for doubled in (_LIVE, _BOOKED):
        yield from _check_doubled(reading, *doubled)


def _check_key(reading: Reading, table: Table, key: ForeignKeyConstraint) -> Iterator[Finding]:
    target = key.referred_table.alias()
    pairs = [(element.parent, target.c[element.column.name]) for element in key.elements]
    statement = (
        select(*table.primary_key.columns, *(own for own, _ in pairs))
        .outerjoin_from(table, target, and_(*(own == other for own, other in pairs)))
        .where(*(own.is_not(None) for own, _ in pairs), pairs[0][1].is_(None))
    )
    for row in reading.rows(statement):
        values = ", ".join(f"{own.name} {value}" for (own, _), value in zip(pairs, row[-len(pairs) :], strict=True))
        yield Finding("reference", f"{table.name} {row[0]}", f"a row of {key.referred_table.name} of {values}", "none")


def _check_people(reading: Reading) -> Iterator[Finding]:
    """Who reported a payment is of its account; who took a step of it is too, or is staff."""
    reported = select(Payment.id, Payment.account_id, User.account_id.label("of")).join(
        User, and_(User.id == Payment.submitted_by, User.account_id.is_distinct_from(Payment.account_id))
    )
    decided = select(Payment.id, User.account_id.label("of")).join(
        User, and_(User.id == Payment.decided_by, User.account_id.is_not(None))
    )
    acted = select(PaymentEvent.id, PaymentEvent.account_id, User.account_id.label("of")).join(
        User, and_(User.id == PaymentEvent.actor_id, User.account_id != PaymentEvent.account_id)
    )
    for row in reading.rows(reported):
        yield Finding("other_account", f"payment {row.id}", f"reported by account {row.account_id}", f"{row.of}")
    for row in reading.rows(decided):
        yield Finding("other_account", f"payment {row.id}", "decided by staff", f"a user of account {row.of}")
    for row in reading.rows(acted):
        yield Finding("other_account", f"event {row.id}", f"staff or account {row.account_id}", f"account {row.of}")


def _check_doubled(
    reading: Reading, rule: str, expected: str, same: tuple[str, ...], counts: Counts
) -> Iterator[Finding]:
    first, second = aliased(Payment), aliased(Payment)
    alike = (getattr(first, name) == getattr(second, name) for name in ("normalized_reference", *same))
    statement = (
        select(first.id.label("first"), second.id.label("second"))
        .join(second, and_(*alike, first.id < second.id))
        .where(counts(first), counts(second))
    )
    for row in reading.rows(statement):
        yield Finding(rule, f"payment {row.second}", expected, f"the same on payment {row.first}")
