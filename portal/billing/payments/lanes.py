"""The three lanes of the approval queue, by facts and never by a score.

The rules stand here once, as SQL over a payment and its invoice: the queue filters by them, and the decision page
reads them. Each is put together once and kept: SQLAlchemy takes longer to make an alias than a database to answer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, exists, false, func, literal, or_, select, true
from sqlalchemy.orm import aliased

from portal.billing.invoices.models import Invoice
from portal.billing.payments.figures import Lane
from portal.billing.payments.models import Payment
from portal.billing.payments.proofs.models import PaymentProof
from portal.billing.payments.states import LIVE_STATUSES, Status
from portal.foundation.db import session
from portal.foundation.refusals import NotFound

UNUSUAL_FACTOR, LAST_BOOKED = 3, 10
"""An amount is unusual when it is more than this many times the largest of so many last booked payments."""


class Warning(StrEnum):
    """What asks for a second look."""

    USED_ELSEWHERE = "used_elsewhere"
    USED_BEFORE = "used_before"
    PROOF_SEEN = "proof_seen"
    FIRST_PAYMENT = "first_payment"
    UNUSUAL_AMOUNT = "unusual_amount"


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be seen about a payment without opening anything else."""

    is_own_reference: bool
    """Whether the typed reference is the invoice's payment reference."""
    is_whole_amount: bool
    """Whether the amount is what is outstanding on the invoice now."""
    is_used_before: bool
    """Whether a payment with the same reference was rejected or refunded: that money did not stay."""
    is_proof_seen: bool
    """Whether one of its files came with another payment that is live, or with any of another account."""
    is_first: bool
    """Whether the account has nothing booked in this currency."""
    is_unusual: bool
    lane: str

    @property
    def is_used_elsewhere(self) -> bool:
        """Whether another payment that is live has the same reference."""
        return self.lane == Lane.CONFLICT

    @property
    def warnings(self) -> list[Warning]:
        found = {
            Warning.USED_ELSEWHERE: self.is_used_elsewhere,
            Warning.USED_BEFORE: self.is_used_before,
            Warning.PROOF_SEEN: self.is_proof_seen,
            Warning.FIRST_PAYMENT: self.is_first,
            Warning.UNUSUAL_AMOUNT: self.is_unusual,
        }
        return [warning for warning, is_so in found.items() if is_so]


def facts_of(payment_id: UUID) -> Facts:
    """The facts of a payment in scope. Raises NotFound."""
    facts = (
        _is_own_reference(), _is_whole_amount(), _used_before(), _proof_seen(), _largest_booked().is_(None),
        ~_is_usual(),
    )  # fmt: skip
    columns = [case((fact, true()), else_=false()) for fact in facts]  # what is unknown is not said
    statement: Select[*tuple[Any, ...]] = select(*columns, lane_column())
    statement = statement.join(Invoice, Payment.invoice_id == Invoice.id)
    row = session.execute(statement.where(Payment.id == payment_id)).first()
    if row is None:
        raise NotFound()
    return Facts(*row)


@cache
def lane_column() -> ColumnElement[str]:
    """The lane of a payment, in a statement that joins its invoice."""
    return _by_lane({lane: literal(lane.value) for lane in Lane})


@cache
def is_in(lane: Lane) -> ColumnElement[bool]:
    """Whether a payment is in the lane.

    PostgreSQL takes a comparison with the column for rare, then reads and sorts all that waits; of this it expects
    half. A conflict is told by one look-up.
    """
    if lane is Lane.CONFLICT:
        return case((_used_elsewhere(), true()), else_=false())
    return _by_lane({one: true() if one is lane else false() for one in Lane})


def _by_lane(values: Mapping[Lane, ColumnElement[Any]]) -> ColumnElement[Any]:
    """The rule. A reference or amount that is unknown differs."""
    is_clear = _is_own_reference() & _is_whole_amount() & _is_usual() & ~_used_before() & ~_proof_seen()
    return case((_used_elsewhere(), values[Lane.CONFLICT]), (is_clear, values[Lane.CLEAR]), else_=values[Lane.DIFFERS])


@cache
def _used_elsewhere() -> ColumnElement[bool]:
    """Whether another payment that is money, or may become it, carries the same reference by the same method."""
    return _another_with_its_reference(LIVE_STATUSES)


@cache
def _used_before() -> ColumnElement[bool]:
    return _another_with_its_reference((Status.FAILED, Status.REFUNDED))


def _another_with_its_reference(statuses: Collection[Status]) -> ColumnElement[bool]:
    other = aliased(Payment)
    return exists().where(
        other.normalized_reference == Payment.normalized_reference,
        other.payment_method == Payment.payment_method,
        other.id != Payment.id,
        other.status.in_(statuses),
    )


@cache
def _proof_seen() -> ColumnElement[bool]:
    """Sending a rejected payment again with the same file warns of nothing."""
    own, other, of = aliased(PaymentProof), aliased(PaymentProof), aliased(Payment)
    return exists().where(
        own.payment_id == Payment.id,
        other.sha256 == own.sha256,
        other.payment_id != own.payment_id,
        of.id == other.payment_id,
        or_(of.status.in_(LIVE_STATUSES), of.account_id != Payment.account_id),
    )


def _is_own_reference() -> ColumnElement[bool]:
    """A payment reference is of capitals and digits: in small letters it has the form in which references compare."""
    return func.lower(Invoice.payment_reference) == Payment.normalized_reference


def _is_whole_amount() -> ColumnElement[bool]:
    return Payment.amount_minor == Invoice.total_minor - Invoice.amount_paid_minor


def _is_usual() -> ColumnElement[bool]:
    """Unknown, which is neither usual nor unusual, where nothing is booked."""
    return Payment.amount_minor <= UNUSUAL_FACTOR * _largest_booked()


@cache
def _largest_booked() -> ColumnElement[int | None]:
    """The largest of the account's last booked payments in this currency; unknown where there is none."""
    booked = aliased(Payment)
    last = (
        select(booked.amount_minor)
        .where(
            booked.account_id == Payment.account_id,
            booked.status == Status.SUCCEEDED,
            booked.currency == Payment.currency,
            booked.id != Payment.id,
        )
        .order_by(booked.id.desc())
        .limit(LAST_BOOKED)
        .correlate(Payment)
        .subquery()
    )
    return select(func.max(last.c.amount_minor)).correlate(Payment).scalar_subquery()
