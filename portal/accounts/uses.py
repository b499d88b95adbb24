"""When a session or a token was used last: a note on the side, that nobody is kept waiting for."""

from sqlalchemy import Update

from portal.foundation.db import transaction
from portal.foundation.deadline import within
from portal.foundation.outages import best_effort

_PATIENCE = 0.3


def note_use(statement: Update) -> None:
    """Write the note. A database that takes nothing just now must not keep people and programs from reading."""
    with best_effort("the use of a session or token could not be noted"), within(_PATIENCE), transaction() as unit:
        unit.execute(statement)
