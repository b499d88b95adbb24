"""The worker's part: hand out what happened to whoever listens, and deliver it. Any number of workers may run.

Each event comes at least once, and an endpoint hears of one subject in order: a delivery waits while an earlier one is
not delivered or given up. A worker takes a delivery on lease, sends outside of any transaction, and says how it went;
what a killed worker had is due again when the lease is over.
"""

import logging
import random
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, delete, or_, select, update

from portal.foundation import clock
from portal.foundation.actor import Actor
from portal.foundation.db import locked, session, transaction
from portal.foundation.ids import new_id
from portal.foundation.sealing import Unreadable, sealer
from portal.webhooks import signing
from portal.webhooks.due import OF_ONE_ACCOUNT, due
from portal.webhooks.models import DeliveryStatus, DisabledReason, WebhookDelivery, WebhookEndpoint, WebhookEvent
from portal.webhooks.sending import Outcome, send
from portal.webhooks.service import delivery_of, disable

RETRIES = [
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
]  # fmt: skip
"""How long after each failed try the next one comes: three days in all."""
LEASE = timedelta(seconds=60)
"""More than a send takes at most."""
KEPT_FOR = timedelta(days=30)
MOST_ATTEMPTS_KEPT = 50
_HANDED_OUT_AT_ONCE, _GIVEN_UP_AT_ONCE, _PURGED_AT_ONCE = 100, 1000, 1000
WORKER = Actor.system("webhooks")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A delivery on lease, and all that it takes to send it."""

    delivery_id: UUID
    lease: UUID
    url: str
    event_id: UUID
    body: bytes = field(repr=False)
    secrets: list[str] = field(repr=False)


def hand_out() -> int:
    """Make the deliveries of events that wait for it; how many events. Who listens is who was there when it happened
    and is not off now."""
    waiting = select(WebhookEvent.id).where(WebhookEvent.handed_out_at.is_(None)).limit(1)
    if session.scalar(waiting) is None:  # most times; no unit of writing is begun
        return 0
    with transaction() as unit:
        some = select(WebhookEvent).where(WebhookEvent.handed_out_at.is_(None)).order_by(WebhookEvent.id)
        events = unit.scalars(some.limit(_HANDED_OUT_AT_ONCE).with_for_update(skip_locked=True)).all()
        listening = _listening({event.account_id for event in events})
        for event in events:
            event.handed_out_at = clock.now()
            unit.add_all(delivery_of(event, endpoint) for endpoint in listening if _hears(endpoint, event))
    return len(events)


def give_up() -> int:
    """Give up what waits for endpoints that were removed, a part at a time; how many deliveries."""
    gone = (
        select(WebhookDelivery.id)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(
            WebhookEndpoint.ended_at.is_not(None),
            WebhookDelivery.status == DeliveryStatus.PENDING,
            or_(WebhookDelivery.leased_until.is_(None), WebhookDelivery.leased_until <= clock.now()),
        )
        .limit(_GIVEN_UP_AT_ONCE)
    )
    if session.scalar(gone.limit(1)) is None:  # most times; no unit of writing is begun
        return 0
    with transaction() as unit:
        ids = unit.scalars(gone).all()
        failed = {"status": DeliveryStatus.FAILED.value, "lease": None, "leased_until": None}
        unit.execute(update(WebhookDelivery).where(WebhookDelivery.id.in_(ids)).values(failed))
    return len(ids)


def deliver_next() -> bool:
    """Send one delivery that is due; False where none is."""
    job = claim()
    if job is None:
        return False
    record(job, attempt(job))
    return True


def claim() -> Job | None:
    """Take a delivery that is due on lease. None where there is none that may go now."""
    now = clock.now()
    for of_one_account in (1, OF_ONE_ACCOUNT):
        wanted = due(now, of_one_account=of_one_account)
        if session.scalar(wanted.with_only_columns(WebhookDelivery.id)) is not None:
            return _take(wanted)
    return None


def _take(wanted: Select[WebhookDelivery]) -> Job | None:
    """It, unless somebody was quicker."""
    with transaction():
        found = session.scalar(wanted.with_for_update(of=WebhookDelivery, skip_locked=True))
        if found is None:
            return None
        found.lease, found.leased_until = new_id(), clock.now() + LEASE
        endpoint = session.get_one(WebhookEndpoint, found.endpoint_id)
        event = session.get_one(WebhookEvent, found.event_id)
        return Job(found.id, found.lease, endpoint.url, event.id, event.body.encode(), _secrets(endpoint))


def attempt(job: Job) -> Outcome:
    """Send it. Outside of any transaction: the other side may take its time."""
    if not job.secrets:
        return Outcome(error="The portal can read the secret no more. Rotate it: that makes another.")
    now = int(clock.now().timestamp())
    return send(job.url, job.body, signing.headers(str(job.event_id), now, job.body, job.secrets))


def record(job: Job, outcome: Outcome) -> None:
    """Write down how it went. What took longer than its lease is somebody else's by now, and theirs to record."""
    _log.info("webhook delivery %s: %s in %d ms", job.delivery_id, outcome.error or outcome.status, outcome.ms)
    with transaction():
        endpoint_id = session.scalar(select(WebhookDelivery.endpoint_id).where(WebhookDelivery.id == job.delivery_id))
        endpoint = locked(WebhookEndpoint, endpoint_id) if endpoint_id else None
        delivery = locked(WebhookDelivery, job.delivery_id)
        if delivery is None or endpoint is None or delivery.lease != job.lease:
            return
        delivery.lease = delivery.leased_until = None
        delivery.answer = outcome.answer
        delivery.attempts = [*delivery.attempts, _as_kept(outcome)][-MOST_ATTEMPTS_KEPT:]
        if outcome.is_delivered:
            delivery.status = DeliveryStatus.DELIVERED.value
        else:
            _go_on(delivery, endpoint, outcome)


def purge() -> int:
    """Delete some of the events that have had their time, and that nobody has in hand, with their deliveries; how many
    events.
    """
    old = select(WebhookEvent.id).where(WebhookEvent.at <= clock.now() - KEPT_FOR).order_by(WebhookEvent.at)
    with transaction() as unit:
        ids = unit.scalars(old.limit(_PURGED_AT_ONCE).with_for_update(skip_locked=True)).all()
        unit.execute(delete(WebhookDelivery).where(WebhookDelivery.event_id.in_(ids)))
        unit.execute(delete(WebhookEvent).where(WebhookEvent.id.in_(ids)))
    return len(ids)


def _listening(account_ids: set[UUID | None]) -> list[WebhookEndpoint]:
    mine = or_(WebhookEndpoint.account_id.is_(None), WebhookEndpoint.account_id.in_(account_ids - {None}))
    live = (WebhookEndpoint.ended_at.is_(None), WebhookEndpoint.disabled_at.is_(None))
    return list(session.scalars(select(WebhookEndpoint).where(mine, *live).order_by(WebhookEndpoint.id)))


def _hears(endpoint: WebhookEndpoint, event: WebhookEvent) -> bool:
    concerned = endpoint.account_id in (None, event.account_id)
    return concerned and event.type in endpoint.event_types and endpoint.created_at <= event.at


def _secrets(endpoint: WebhookEndpoint) -> list[str]:
    """The secrets that count, the newest first; none where the portal's key is another by now."""
    sealed = [endpoint.sealed_secret]
    if endpoint.sealed_previous and endpoint.previous_secret_until:
        sealed.append(endpoint.sealed_previous)
    try:
        return [sealer.unseal(each, bound_to=endpoint.id) for each in sealed]
    except Unreadable:
        return []


def _go_on(delivery: WebhookDelivery, endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    """Try again later, or give up."""
    delivery.tries += 1
    if outcome.is_gone or delivery.tries > len(RETRIES):
        delivery.status = DeliveryStatus.FAILED.value
        disable(endpoint, DisabledReason.GONE if outcome.is_gone else DisabledReason.FAILING, by=WORKER)
        return
    spread = random.uniform(0.9, 1.1)  # noqa: S311  (nothing secret)
    delivery.due_at = clock.now() + RETRIES[delivery.tries - 1] * spread


def _as_kept(outcome: Outcome) -> dict[str, object]:
    at = clock.rfc3339(clock.now())
    return {"at": at, "status": outcome.status, "error": outcome.error, "ms": outcome.ms}
