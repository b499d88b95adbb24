"""How dates and numbers are written for a user, and in which time zone: their own choice, or as for their account."""

from portal.accounts.models import User
from portal.foundation import audit, places
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import lock_or_refuse, transaction
from portal.foundation.refusals import read_together


def choose_formats(*, by: Actor, locale: str, timezone: str) -> User:
    """Choose one's own locale and time zone. Empty: as for the account. Raises Invalid."""
    by.must(Permission.PROFILE)
    new = read_together(
        locale=lambda: places.check_locale(locale) if locale else None,
        timezone=lambda: places.check_timezone(timezone) if timezone else None,
    )
    with transaction():
        user = lock_or_refuse(User, by.user_id)
        changes = audit.differences({"locale": user.locale, "timezone": user.timezone}, new)
        user.locale, user.timezone = new["locale"], new["timezone"]
        if changes:
            audit.record(by, "user.formats_chosen", "user", user.id, account_id=user.account_id, **changes)
    return user
