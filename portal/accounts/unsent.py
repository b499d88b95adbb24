"""Forms that came when their session had ended: kept until the same user is signed in again, in the same browser.

A form lies sealed with the session whose cookie it came with, and is handed on to the next session that this user
begins with that cookie. To anybody else it is never shown, and nothing but its user ever sends it.

Where the database takes nothing just now the form is lost, and all else goes on: signing in must not fail by it.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from portal.accounts.models import UserSession
from portal.accounts.sessions import recognise_session
from portal.foundation import clock
from portal.foundation.db import locked, session, transaction
from portal.foundation.deadline import within
from portal.foundation.outages import best_effort
from portal.foundation.sealing import Unreadable, sealer

LIFE = timedelta(hours=1)
MOST = 40_000
"""Characters. A form that is larger is lost, as all were before."""
_PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class UnsentForm:
    """What was typed, by field, the path of the page with the form, and the endpoint and key that it was meant for."""

    page: str
    route: str
    key: str
    fields: list[tuple[str, str]]

    @property
    def has_words(self) -> bool:
        """Whether anything was typed or chosen; else a button was all that there was to press."""
        return any(value.strip() for _, value in self.fields)


def keep(form: UnsentForm, *, secret: str) -> bool:
    """Keep the form with the session of this secret, live or ended. False where it is not kept.

    A button that was pressed does not take the place of words.
    """
    text = json.dumps([form.page, form.route, form.key, form.fields, clock.now().isoformat()])
    if len(text) > MOST:
        return False
    is_kept = False
    with best_effort("a form could not be kept"), within(_PATIENCE):
        row = recognise_session(secret)
        before = kept_in(row) if row is not None else None
        if row is not None and (form.has_words or before is None or not before.has_words):
            with transaction():
                keeper = locked(UserSession, row.id) or row
                keeper.sealed_form = sealer.seal(text, bound_to=_whose(keeper))
            is_kept = True
    return is_kept


def hand_on(secret: str, row: UserSession) -> None:
    """Give a session that begins what the session of this secret keeps, if it is the same user's."""
    with best_effort("a form could not be handed on"), within(_PATIENCE):
        before = recognise_session(secret)
        if before is None or before.user_id != row.user_id or before.id == row.id:
            return
        with transaction():
            old, new = locked(UserSession, before.id), locked(UserSession, row.id)
            if old is not None and new is not None and old.sealed_form is not None:
                new.sealed_form, old.sealed_form = old.sealed_form, None


def kept_in(row: UserSession) -> UnsentForm | None:
    """The form that the session keeps, for an hour."""
    sealed = session.scalar(select(UserSession.sealed_form).where(UserSession.id == row.id))
    try:
        page, route, key, fields, at = json.loads(sealer.unseal(sealed or "", bound_to=_whose(row)))
    except (Unreadable, ValueError):  # by another key, or kept by another version
        return None
    if clock.now() - datetime.fromisoformat(at) > LIFE:
        return None
    return UnsentForm(page, route, key, [(name, value) for name, value in fields])


def purge() -> int:
    """Drop what sessions keep that began more than a day ago; how many forms."""
    old = UserSession.created_at < clock.now() - timedelta(days=1)
    forgotten = update(UserSession).where(UserSession.sealed_form.is_not(None), old)
    with transaction() as unit:
        return len(unit.execute(forgotten.values(sealed_form=None).returning(UserSession.id)).all())


def _whose(row: UserSession) -> str:
    return f"unsent form of {row.user_id}"
