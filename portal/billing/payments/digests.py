"""The digest of what waits: mailed to staff at the hours that each of them chose, where something waits."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from portal.accounts.digest_hours import due_digests, take_hour
from portal.accounts.models import User
from portal.accounts.recipients import recipient_of
from portal.billing.payments.models import Payment
from portal.billing.payments.queries import QUEUE_COUNT_CAP, PaymentFilter, lane_counts
from portal.billing.payments.states import Status
from portal.billing.payments.workload import waiting
from portal.foundation import clock
from portal.foundation.db import session, snapshot, transaction
from portal.mail.kinds import Kind
from portal.mail.outbox import post


def write_digests() -> bool:
    """Write to everybody whose hour has come; False where there is nobody. Across accounts."""
    due = due_digests()
    if not due:
        return False
    facts = _what_waits()
    for user, hour in due:
        with transaction():
            if take_hour(user.id, hour) and facts:
                post(Kind.DIGEST, recipient_of(user), subject_id=user.id, data=facts | _when(user))
    return True


def _what_waits() -> dict[str, Any]:
    """How much waits, as one moment had it; empty where nothing does."""
    with snapshot():
        all_of_it, lanes = waiting(), lane_counts(PaymentFilter())
        oldest = session.scalar(
            select(func.min(Payment.created_at)).where(Payment.status == Status.PENDING_APPROVAL)
        )  # fmt: skip
    if oldest is None:
        return {}
    return {
        "count": all_of_it.count,
        "is_capped": all_of_it.count > QUEUE_COUNT_CAP,
        "lanes": list(lanes.items()),
        "oldest_seconds": int((clock.now() - oldest).total_seconds()),
        "values": all_of_it.by_currency,
    }


def _when(user: User) -> dict[str, str]:
    """The time now, where the user lives."""
    timezone = user.formats[1]
    now: datetime = clock.now().astimezone(ZoneInfo(timezone))
    return {"at": now.strftime("%H:%M"), "timezone": timezone}
