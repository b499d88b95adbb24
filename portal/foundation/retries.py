"""Doing a unit again where the database or a twin got in the way. Only for units that may.

A unit with an idempotency key that was undone runs anew. One of which nobody knows whether it was committed runs anew
too: it looks for its own key first, and where that is there it was committed.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from portal.foundation.deadline import remaining
from portal.foundation.outages import is_clash, is_lost
from portal.foundation.refusals import Conflict, OutcomeUnknown

ATTEMPTS = 6
_FIRST_PAUSE = 0.02
Result = TypeVar("Result")
_log = logging.getLogger(__name__)


def again_while_safe(unit: Callable[[], Result]) -> Result:
    """What the unit gives, tried a few times while there is time.

    Raises what the last try raised; OutcomeUnknown if any of the tries may have been committed.
    """
    unknown: OutcomeUnknown | None = None
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return unit()
        except (DBAPIError, OutcomeUnknown) as error:
            unknown = error if isinstance(error, OutcomeUnknown) else unknown
            if not _is_worth_it(error) or attempt == ATTEMPTS or not _pause(attempt):
                if unknown is not None and unknown is not error:
                    raise unknown from error
                raise
            _log.warning("a unit is tried again (%s)", type(error).__name__)
    raise AssertionError("unreachable")


def again_if_overtaken(unit: Callable[[], Result], is_there: Callable[[], object]) -> Result:
    """What the unit gives, which sees to it that something is there; a twin that was quicker has made it."""
    try:
        return unit()
    except Conflict as refusal:
        if not refusal.code.endswith("_taken") or not is_there():
            raise
        return unit()


def _is_worth_it(error: Exception) -> bool:
    return isinstance(error, OutcomeUnknown) or is_lost(error) or is_clash(error)


def _pause(attempt: int) -> bool:
    """Wait a little, longer each time; False where the request has no time for another try."""
    pause = _FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311  (nothing secret)
    left = remaining()
    if left is not None and left <= pause:
        return False
    time.sleep(pause)
    return True
