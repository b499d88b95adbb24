"""How long staff take to decide: computed across accounts now and then, and kept where customers may read it."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from portal.accounts.models import PortalFact
from portal.billing.payments.models import Payment
from portal.foundation import clock
from portal.foundation.db import session, transaction
from portal.foundation.durations import seconds_between

LOOKED_BACK = timedelta(days=90)
FEWEST = 20
"""Decisions below which nothing is said: so few say little about the next, and much about single ones."""
RENEWED_AFTER, KEPT_FOR = timedelta(minutes=15), timedelta(hours=24)
"""How old the kept figures are at most while a worker runs; and from when on they are said no more."""
_FACT = "decision_times"


@dataclass(frozen=True, slots=True)
class DecisionTimes:
    """From the report to the decision: half took at most ``median``, nine of ten at most ``percentile_90``."""

    count: int
    median: timedelta
    percentile_90: timedelta


def decision_times(since: datetime, until: datetime | None = None) -> DecisionTimes | None:
    """Of the approvals and rejections in scope from ``since`` on, before ``until``; None where there were none.

    Percentiles by the nearest rank: each is a time that one decision really took, to the second.
    """
    took = select(seconds_between(Payment.created_at, Payment.decided_at).label("seconds"))
    took = took.where(Payment.decided_at >= since)
    if until is not None:
        took = took.where(Payment.decided_at < until)
    all_of_them = took.subquery()
    ranked = select(
        all_of_them.c.seconds,
        func.row_number().over(order_by=all_of_them.c.seconds).label("rank"),
        func.count().over().label("number"),
    ).subquery()
    number = ranked.c.number
    chosen = select(ranked.c.seconds, number).where(ranked.c.rank.in_([(number + 1) // 2, (number * 9 + 9) // 10]))
    rows = session.execute(chosen.order_by(ranked.c.rank)).all()
    if not rows:
        return None
    half, most = (timedelta(seconds=max(round(row.seconds), 0)) for row in (rows[0], rows[-1]))
    return DecisionTimes(rows[0].number, half, most)


def renew_decision_times() -> bool:
    """Compute the figures of the last 90 days and keep them, where those that are kept are old. Across accounts."""
    kept = session.get(PortalFact, _FACT)
    if kept is not None and clock.now() - _read(kept)[1] < RENEWED_AFTER:
        return False
    value = _written(decision_times(clock.now() - LOOKED_BACK))
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(PortalFact) if is_sqlite else postgresql.insert(PortalFact)
    with transaction() as unit:  # another worker may have begun as we did
        keep = insert.values(name=_FACT, value=value)
        unit.execute(keep.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
    return True


def usual_decision_times() -> DecisionTimes | None:
    """The kept figures; None where they are missing, of yesterday, or of too few decisions to mean something."""
    kept = session.get(PortalFact, _FACT)
    if kept is None:
        return None
    times, made_at = _read(kept)
    is_fresh = clock.now() - made_at < KEPT_FOR
    return times if times is not None and is_fresh and times.count >= FEWEST else None


def _written(times: DecisionTimes | None) -> str:
    seconds = [int(time.total_seconds()) for time in (times.median, times.percentile_90)] if times else [0, 0]
    return json.dumps({"at": clock.now().isoformat(), "count": times.count if times else 0, "seconds": seconds})


def _read(fact: PortalFact) -> tuple[DecisionTimes | None, datetime]:
    kept = json.loads(fact.value)
    median, percentile_90 = (timedelta(seconds=seconds) for seconds in kept["seconds"])
    times = DecisionTimes(kept["count"], median, percentile_90) if kept["count"] else None
    return times, datetime.fromisoformat(kept["at"])
