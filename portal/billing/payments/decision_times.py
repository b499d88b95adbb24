"""How long staff take to decide: computed across accounts now and then, and kept where customers may read it."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy.dialects import postgresql, sqlite

from portal.accounts.models import PortalFact
from portal.billing.payments.workload import Pace, pace
from portal.foundation import clock
from portal.foundation.db import session, transaction

FEWEST, FEWEST_ACCOUNTS = 20, 5
"""Decisions, and accounts that they are of, below which nothing is said: it would tell little about the next decision,
and much about single ones.
"""
STEP = timedelta(minutes=15)
RENEWED_AFTER, KEPT_FOR = timedelta(minutes=15), timedelta(hours=24)
"""How old the kept figures are at most while a worker runs; and from when on they are said no more."""
_FACT = "decision_times"


@dataclass(frozen=True, slots=True)
class DecisionTimes:
    """From the report to the decision: half took at most ``median``, nine of ten at most ``percentile_90``.

    Rounded up to quarters of an hour, so that none is the time that one decision took.
    """

    median: timedelta
    percentile_90: timedelta


def renew_decision_times() -> bool:
    """Compute the figures and keep them, where those that are kept are old. Across accounts."""
    kept = session.get(PortalFact, _FACT)
    if kept is not None and clock.now() - _read(kept)[1] < RENEWED_AFTER:
        return False
    value = _written(pace())
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(PortalFact) if is_sqlite else postgresql.insert(PortalFact)
    with transaction() as unit:  # another worker may have begun as we did
        keep = insert.values(name=_FACT, value=value)
        unit.execute(keep.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
    return True


def usual_decision_times() -> DecisionTimes | None:
    """The kept figures; None where they are missing, of yesterday, or of too few to mean something."""
    kept = session.get(PortalFact, _FACT)
    if kept is None:
        return None
    times, made_at = _read(kept)
    return times if clock.now() - made_at < KEPT_FOR else None


def _written(all_of_them: Pace | None) -> str:
    """Nothing of too few: customers may read what is kept."""
    quarters = None
    if all_of_them and all_of_them.count >= FEWEST and all_of_them.accounts >= FEWEST_ACCOUNTS:
        quarters = [max(ceil(time / STEP), 1) for time in (all_of_them.median, all_of_them.percentile_90)]
    return json.dumps({"at": clock.now().isoformat(), "quarters": quarters})


def _read(fact: PortalFact) -> tuple[DecisionTimes | None, datetime]:
    kept = json.loads(fact.value)
    quarters = kept.get("quarters")  # not in what was kept before they were rounded
    times = DecisionTimes(*(number * STEP for number in quarters)) if quarters else None
    return times, datetime.fromisoformat(kept["at"])
