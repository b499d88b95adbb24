"""What rows refer to: it is there, it is of the same account, and nothing stands twice that may stand once.

The database keeps these rules by itself, as long as nobody takes its constraints away.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Select, Table, and_, select
from sqlalchemy.orm import aliased

from portal.accounts.models import User
from portal.billing.payments.models import Payment, PaymentEvent
from portal.billing.payments.states import LIVE_STATUSES, Status
from portal.foundation.db import Base
from portal.foundation.findings import Finding
from portal.foundation.reading import AnyRow, Reading

Statement = Select[*tuple[Any, ...]]
_CHAINED = ("audit_entries", "audit_chains")
"""Their references are followed link by link: see ``foundation/audit_check.py``."""


def check_references(reading: Reading) -> Iterator[Finding]:
    """Look for references to nothing, people of another account, and references of payments that stand twice."""
    for key, statement in _keys():
        for row in reading.rows(statement):
            yield _missing(key, row)
    reported, decided, acted = _people()
    for row in reading.rows(reported):
        yield Finding("other_account", f"payment {row.id}", f"reported by account {row.account_id}", f"{row.of}")
    for row in reading.rows(decided):
        yield Finding("other_account", f"payment {row.id}", "decided by staff", f"a user of account {row.of}")
    for row in reading.rows(acted):
        yield Finding("other_account", f"event {row.id}", f"staff or account {row.account_id}", f"account {row.of}")
    for rule, expected, statement in _doubled():
        for row in reading.rows(statement):
            yield Finding(rule, f"payment {row.second}", expected, f"the same on payment {row.first}")


@cache
def _keys() -> list[tuple[ForeignKeyConstraint, Statement]]:
    """Each foreign key, with the query for rows that refer to nothing by it."""
    return [
        (key, _without_target(table, key))
        for name, table in sorted(Base.metadata.tables.items())
        for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name))
        # A deferred key is a pointer into a ledger or history, which the other passages derive.
        if name not in _CHAINED and not key.deferrable
    ]


def _without_target(table: Table, key: ForeignKeyConstraint) -> Statement:
    target = key.referred_table.alias()
    pairs = [(element.parent, target.c[element.column.name]) for element in key.elements]
    return (
        select(*table.primary_key.columns, *(own for own, _ in pairs))
        .outerjoin_from(table, target, and_(*(own == other for own, other in pairs)))
        .where(*(own.is_not(None) for own, _ in pairs), pairs[0][1].is_(None))
    )


def _missing(key: ForeignKeyConstraint, row: AnyRow) -> Finding:
    names = [element.parent.name for element in key.elements]
    values = ", ".join(f"{name} {value}" for name, value in zip(names, row[-len(names) :], strict=True))
    subject = f"{key.table.name} {row[0]}"
    return Finding("reference", subject, f"a row of {key.referred_table.name} of {values}", "none")


@cache
def _people() -> tuple[Statement, Statement, Statement]:
    """Who reported a payment is of its account; who took a step of it is too, or is staff."""
    of = User.account_id.label("of")
    stranger = and_(User.id == Payment.submitted_by, User.account_id.is_distinct_from(Payment.account_id))
    customer = and_(User.id == Payment.decided_by, User.account_id.is_not(None))
    foreigner = and_(User.id == PaymentEvent.actor_id, User.account_id != PaymentEvent.account_id)
    return (
        select(Payment.id, Payment.account_id, of).join(User, stranger),
        select(Payment.id, of).join(User, customer),
        select(PaymentEvent.id, PaymentEvent.account_id, of).join(User, foreigner),
    )


@cache
def _doubled() -> tuple[tuple[str, str, Statement], ...]:
    """References that stand on two payments where they may stand on one."""
    first, second = aliased(Payment), aliased(Payment)
    pair = select(first.id.label("first"), second.id.label("second"))
    same = (first.normalized_reference == second.normalized_reference, first.payment_method == second.payment_method)
    live = [payment.status.in_(LIVE_STATUSES) for payment in (first, second)]
    booked: list[ColumnElement[bool]] = []
    for payment in (first, second):
        booked += [payment.status == Status.SUCCEEDED, payment.same_text_reason.is_(None)]
    in_account = pair.join(second, and_(*same, first.account_id == second.account_id, first.id < second.id))
    anywhere = pair.join(second, and_(*same, first.id < second.id))
    return (
        ("live_reference", "its own reference in its account and method", in_account.where(*live)),
        ("booked_reference", "its own reference among what is booked, or a reason", anywhere.where(*booked)),
    )
