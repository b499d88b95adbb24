"""Whose hour has come for a digest. Each of a user's hours is taken once, however many workers ask."""

from datetime import UTC, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select, update

from portal.accounts.models import User
from portal.foundation import clock
from portal.foundation.db import session, transaction


def due_digests() -> list[tuple[User, datetime]]:
    """The staff whose hour has come, each with it: of several that were missed today the last, of yesterday none."""
    chosen = select(User).where(User.account_id.is_(None), User.digest_hours.is_not(None), User.disabled_at.is_(None))
    found = ((user, _latest_hour(user)) for user in session.scalars(chosen.order_by(User.id)))
    return [(user, hour) for user, hour in found if hour and (not user.digested_until or user.digested_until < hour)]


def take_hour(user_id: UUID, hour: datetime) -> bool:
    """Be done with the hour and those before, in the unit of the digest; False where another worker was first.

    Writers of a row take turns, and the second one sees what the first wrote: whose clock is right does not matter.
    """
    is_left = or_(User.digested_until.is_(None), User.digested_until < hour)
    taking = update(User).where(User.id == user_id, is_left).values(digested_until=hour).returning(User.id)
    with transaction() as unit:
        return unit.scalar(taking.execution_options(synchronize_session=False)) is not None


def _latest_hour(user: User) -> datetime | None:
    """The last of the user's hours that has come today, where they live; None where none has yet."""
    zone, now = ZoneInfo(user.formats[1]), clock.now()
    today = now.astimezone(zone).date()
    chosen = [time(int(hour)) for hour in (user.digest_hours or "").split()]
    hours = [datetime.combine(today, hour, zone).astimezone(UTC) for hour in chosen]
    return max((hour for hour in hours if hour <= now), default=None)
