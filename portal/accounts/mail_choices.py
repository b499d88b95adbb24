"""Which mails somebody gets, as far as they may do without, and at which hours staff get a digest of what waits."""

import re
from collections.abc import Collection

from portal.accounts.models import User
from portal.foundation import audit, clock
from portal.foundation.access import Permission, Role
from portal.foundation.actor import Actor
from portal.foundation.db import lock_or_refuse, transaction
from portal.foundation.refusals import Invalid
from portal.mail.kinds import OF_PAYMENTS, Kind

MOST = 100
"""Characters of the hours as they are typed."""
_HOUR = re.compile(r"(2[0-3]|[01]?[0-9])(?::00)?", re.ASCII)


def offered_to(role: Role) -> tuple[Kind, ...]:
    """The kinds of which somebody chooses, each for itself: owners hear of invoices, too."""
    if role.is_staff:
        return ()
    return (*OF_PAYMENTS, Kind.INVOICE_ISSUED) if role is Role.OWNER else OF_PAYMENTS


def choose_mails(*, by: Actor, wanted: Collection[str] = (), digest_hours: str = "") -> User:
    """Choose one's own mails: of the kinds that are offered those that are wanted; for staff the hours, ``8, 14``.

    An hour that has come already today brings no digest any more. Raises Invalid.
    """
    by.must(Permission.PROFILE)
    offered, hours = offered_to(by.role), _hours(digest_hours) if by.role.is_staff else None
    with transaction():
        user = lock_or_refuse(User, by.user_id)
        kept = [kind for kind in (user.unwanted_mails or "").split() if kind not in offered]
        unwanted = sorted({*kept, *(kind.value for kind in offered if kind not in wanted)})
        new = {"unwanted_mails": " ".join(unwanted) or None, "digest_hours": hours}
        changes = audit.differences({name: getattr(user, name) for name in new}, new)
        user.unwanted_mails, user.digest_hours = new["unwanted_mails"], new["digest_hours"]
        if "digest_hours" in changes:
            user.digested_until = max(clock.now(), user.digested_until or clock.now())
        if changes:
            audit.record(by, "user.mails_chosen", "user", user.id, account_id=user.account_id, **changes)
    return user


def _hours(typed: str) -> str | None:
    """The hours in order, each once; None where there are none. Raises Invalid."""
    if len(typed) > MOST:
        raise Invalid("unknown_hour", f"Write at most {MOST} characters.", field="digest_hours")
    found = set()
    for word in re.findall(r"[^\s,;]+", typed):
        hour = _HOUR.fullmatch(word)
        if hour is None:
            message = f"“{word[:10]}” is not an hour: write whole hours from 0 to 23, such as 8, 14."
            raise Invalid("unknown_hour", message, field="digest_hours")
        found.add(int(hour[1]))
    return " ".join(map(str, sorted(found))) or None
