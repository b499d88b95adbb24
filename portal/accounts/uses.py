"""When a session or a token was used last: a note on the side, that nobody is kept waiting for."""

import logging

from sqlalchemy import Update
from sqlalchemy.exc import DBAPIError

from portal.foundation.db import transaction
from portal.foundation.deadline import within
from portal.foundation.outages import outage
from portal.foundation.refusals import OutcomeUnknown
from portal.foundation.turns import NoTurn

_PATIENCE = 0.3
_log = logging.getLogger(__name__)


def note_use(statement: Update) -> None:
    """Write the note. A database that takes nothing just now must not keep people and programs from reading."""
    try:
        with within(_PATIENCE), transaction() as unit:
            unit.execute(statement)
    except (DBAPIError, NoTurn, OutcomeUnknown) as error:
        if outage(error) is None and not isinstance(error, OutcomeUnknown):
            raise
        _log.warning("the use of a session or token could not be noted: %s", type(error).__name__)
