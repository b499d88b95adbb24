"""The outbox: what happened is written down in the unit of the change, so that there is both or neither.

Who hears of it is the worker's business (``delivering``): whoever changes something may not even see staff's endpoints.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select

from portal.foundation import clock
from portal.foundation.db import session, transaction
from portal.foundation.ids import new_id
from portal.foundation.money import Money
from portal.webhooks.event_types import EventType
from portal.webhooks.models import WebhookEvent


def announce(type: EventType, *, account_id: UUID, subject_id: UUID, data: Mapping[str, object]) -> None:
    """Tell of a change, in its unit. The caller holds the subject's lock, so that its events are numbered in order."""
    before = select(func.coalesce(func.max(WebhookEvent.seq), 0)).where(WebhookEvent.subject_id == subject_id)
    values = event_values(type, account_id=account_id, subject_id=subject_id, data=data)
    with transaction() as unit:
        unit.execute(insert(WebhookEvent).values(values | {"seq": before.scalar_subquery() + 1}))


def announce_first(events: Sequence[dict[str, Any]]) -> None:
    """Tell of many subjects for the first time, each made by ``event_values``."""
    with transaction():
        session.execute(insert(WebhookEvent), [values | {"seq": 1} for values in events])


def event_values(type: str, *, account_id: UUID | None, subject_id: UUID, data: Mapping[str, object]) -> dict[str, Any]:
    """An event's values by column, but for its place among its subject's."""
    at = clock.now()
    body = {"type": str(type), "timestamp": at, "data": data}
    text = json.dumps(body, default=_plain, ensure_ascii=False, separators=(",", ":"))
    return {
        "id": new_id(), "account_id": account_id, "type": str(type), "subject_id": subject_id, "at": at, "body": text,
    }  # fmt: skip


def _plain(value: object) -> str:
    """As the API writes it. An amount stands beside its currency."""
    if isinstance(value, Money):
        return value.decimal_string()
    if isinstance(value, datetime):
        return clock.rfc3339(value)
    if isinstance(value, (date, UUID)):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is no value of an event")
