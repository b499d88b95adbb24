"""How much waits for a decision, how much is decided, and how long that takes. Days are days in UTC."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, Subquery, case, func, literal, or_, select

from portal.accounts.models import Account
from portal.billing.payments.models import Payment
from portal.billing.payments.states import Status
from portal.foundation import clock
from portal.foundation.days import utc_day
from portal.foundation.db import session
from portal.foundation.durations import seconds_between
from portal.foundation.money import Money

AGES = tuple(timedelta(hours=hours) for hours in (4, 24, 72, 168))
"""Where one age of what waits ends and the next begins."""
DAYS = 30
LOOKED_BACK = timedelta(days=90)
MOST_DECISIONS = 10_000
"""How many of the latest decisions tell how long they take: the cost ends there, whatever was decided."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: how many of each age (``AGES`` and beyond), method and country; how many and how much by currency."""

    by_age: Sequence[int]
    by_method: Mapping[str, int]
    by_country: Mapping[str, int]
    by_currency: Sequence[tuple[int, Money]]

    @property
    def count(self) -> int:
        return sum(self.by_age)


@dataclass(frozen=True, slots=True)
class Day:
    """What was decided on one day."""

    day: date
    approved: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long decisions took from the report on: half at most ``median``, nine of ten at most ``percentile_90``."""

    name: str
    count: int
    accounts: int
    rejected: int
    median: timedelta
    percentile_90: timedelta


def waiting() -> Waiting:
    """What waits in scope, by age, method, country and currency: read from the waiting ones alone, in one pass."""
    age = case(*((Payment.created_at > clock.now() - end, number) for number, end in enumerate(AGES)), else_=len(AGES))
    kinds = (age.label("age"), Payment.payment_method, Account.country, Payment.currency)
    statement = (
        select(*kinds, func.count(), func.sum(Payment.amount_minor))
        .outerjoin(Account, Payment.account_id == Account.id)
        .where(Payment.status == Status.PENDING_APPROVAL)
        .group_by(*kinds)
    )
    counts: tuple[Counter[Any], ...] = (Counter(), Counter(), Counter(), Counter())
    sums: Counter[str] = Counter()
    for *values, number, total in session.execute(statement):
        for counter, value in zip(counts, values, strict=True):
            counter[value] += number
        sums[values[-1]] += int(total)
    ages, methods, countries, currencies = counts
    return Waiting(
        by_age=[ages[number] for number in range(len(AGES) + 1)],
        by_method=dict(methods.most_common()),
        by_country=dict(countries.most_common()),
        by_currency=[(number, Money(sums[code], code)) for code, number in currencies.most_common()],
    )


def decided_per_day() -> list[Day]:
    """The last 30 days with today, the oldest first; those without a decision too."""
    first = clock.today() - timedelta(days=DAYS - 1)
    day, rejected = utc_day(Payment.decided_at).label("day"), _is_rejected().label("rejected")
    statement = select(day, rejected, func.count()).where(
        Payment.decided_at >= datetime.combine(first, time.min, UTC)
    )  # fmt: skip
    counts = {(row[0], bool(row[1])): row[2] for row in session.execute(statement.group_by(day, rejected))}
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return [Day(one, counts.get((str(one), False), 0), counts.get((str(one), True), 0)) for one in days]


def pace() -> Pace | None:
    """Of all decisions in scope of the last 90 days, at most the latest 10,000; None where there were none."""
    return next(iter(_paces(literal("all"))), None)


def pace_by_method() -> list[Pace]:
    """Likewise, by method; the most decisions first."""
    return _paces(Payment.payment_method)


def pace_by_country() -> list[Pace]:
    """Likewise, by the accounts' country."""
    return _paces(Account.country)


def _paces(name: SQLColumnExpression[str]) -> list[Pace]:
    rows = session.execute(_ranked(_latest(name))).all()
    paces = [_pace(group, list(ranks)) for group, ranks in groupby(rows, key=lambda row: row.name)]
    return sorted(paces, key=lambda one: -one.count)


def _latest(name: SQLColumnExpression[str]) -> Subquery:
    took = seconds_between(Payment.created_at, Payment.decided_at).label("seconds")
    rejected = _is_rejected().label("rejected")
    statement: Select[*tuple[Any, ...]] = select(name.label("name"), Payment.account_id, took, rejected)
    statement = statement.outerjoin(Account, Payment.account_id == Account.id)
    statement = statement.where(Payment.decided_at >= clock.now() - LOOKED_BACK)
    return statement.order_by(Payment.decided_at.desc()).limit(MOST_DECISIONS).subquery()


def _ranked(latest: Subquery) -> Select[*tuple[Any, ...]]:
    """Of each name the decisions in the middle and at nine tenths, by the nearest rank: times that one really took."""
    name, account = latest.c.name, latest.c.account_id
    accounts = [func.dense_rank().over(partition_by=name, order_by=order) for order in (account, account.desc())]
    ranked = select(
        name,
        latest.c.seconds,
        func.row_number().over(partition_by=name, order_by=latest.c.seconds).label("rank"),
        func.count().over(partition_by=name).label("number"),
        func.sum(latest.c.rejected).over(partition_by=name).label("rejected"),
        (accounts[0] + accounts[1] - 1).label("accounts"),  # those before and behind: no window counts distinct ones
    ).subquery()
    number = ranked.c.number
    chosen = or_(ranked.c.rank == (number + 1) // 2, ranked.c.rank == (number * 9 + 9) // 10)
    return select(ranked).where(chosen).order_by(ranked.c.name, ranked.c.rank)


def _pace(name: str, ranks: Sequence[Any]) -> Pace:
    median, most = (timedelta(seconds=max(round(row.seconds), 0)) for row in (ranks[0], ranks[-1]))
    return Pace(name, ranks[0].number, ranks[0].accounts, int(ranks[0].rejected), median, most)


def _is_rejected() -> ColumnElement[int]:
    """1 or 0. What was decided is booked, given back later, or failed."""
    return case((Payment.status == Status.FAILED, 1), else_=0)
