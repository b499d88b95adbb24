"""What can be done to webhooks: name an endpoint, change it, rotate and show its secret, try it, send again, end it."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import func, select

from portal.accounts import throttle
from portal.foundation import audit, clock
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import lock_or_refuse, transaction
from portal.foundation.ids import new_id
from portal.foundation.refusals import Conflict, Invalid
from portal.foundation.sealing import Unreadable, sealer
from portal.webhooks.event_types import TEST, EventType
from portal.webhooks.models import DeliveryStatus, DisabledReason, WebhookDelivery, WebhookEndpoint, WebhookEvent
from portal.webhooks.outbox import event_values
from portal.webhooks.queries import get_delivery, get_endpoint, is_mine
from portal.webhooks.signing import new_secret
from portal.webhooks.targets import targets

MAX_ENDPOINTS = 10
BOTH_SECRETS = timedelta(hours=24)
"""How long after a rotation messages carry a signature by the secret of before as well."""


def create_endpoint(*, by: Actor, url: str, event_types: Sequence[str]) -> WebhookEndpoint:
    """Name an address that hears of these events from now on: of the actor's account, for staff of all accounts.

    Raises Invalid, and Conflict beyond ten endpoints.
    """
    by.must(Permission.WEBHOOK_MANAGE)
    targets.read(url)
    chosen = _read_types(event_types)
    must_read(chosen, by)
    by.must_confirm()
    with transaction() as unit:
        throttle.alone("webhook endpoint", by.account_id)  # of two at once the second counts when the first is there
        live = select(func.count()).select_from(WebhookEndpoint).where(is_mine(by), WebhookEndpoint.ended_at.is_(None))
        if (unit.scalar(live) or 0) >= MAX_ENDPOINTS:
            raise Conflict("too_many_webhook_endpoints", f"There are {MAX_ENDPOINTS} endpoints. Remove one first.")
        endpoint = WebhookEndpoint(
            id=new_id(), account_id=by.account_id, url=url, event_types=chosen, created_at=clock.now()
        )
        endpoint.sealed_secret = sealer.seal(new_secret(), bound_to=endpoint.id)
        unit.add(endpoint)
        _record(by, "created", endpoint, **audit.differences({}, _audited(endpoint)))
    return endpoint


def change_endpoint(
    endpoint_id: UUID, *, by: Actor, url: str | None = None, event_types: Sequence[str] | None = None,
    is_enabled: bool | None = None,
) -> WebhookEndpoint:  # fmt: skip
    """Change what is given. What waited while it was off is sent once it is on. Raises Invalid and Conflict."""
    by.must(Permission.WEBHOOK_MANAGE)
    if url is not None:
        targets.read(url)
    chosen = None if event_types is None else _read_types(event_types)
    if url is not None or is_enabled:
        by.must_confirm()
    with transaction():
        endpoint = _lock(endpoint_id, by)
        before = _audited(endpoint)
        moved = {"url": (before["url"], host_of(url))} if url is not None and url != endpoint.url else {}
        endpoint.url = endpoint.url if url is None else url
        endpoint.event_types = endpoint.event_types if chosen is None else chosen
        if url is not None or chosen is not None:
            must_read(endpoint.event_types, by)
        if is_enabled is not None:
            _switch(endpoint, is_enabled=is_enabled)
        changes = audit.differences(before, _audited(endpoint)) | moved
        if changes:
            _record(by, "updated", endpoint, **changes)
    return endpoint


def end_endpoint(endpoint_id: UUID, *, by: Actor) -> WebhookEndpoint:
    """End an endpoint for good; workers give up what waits for it. A second time changes nothing."""
    by.must(Permission.WEBHOOK_MANAGE)
    with transaction():
        endpoint = _lock(endpoint_id, by, ended=True)
        if endpoint.ended_at is None:
            before = _audited(endpoint)
            endpoint.ended_at = clock.now()
            _record(by, "ended", endpoint, **audit.differences(before, _audited(endpoint)))
    return endpoint


def rotate_secret(endpoint_id: UUID, *, by: Actor) -> WebhookEndpoint:
    """Sign by another secret from now on, and for a day by the one of before as well; by no older one."""
    by.must(Permission.WEBHOOK_MANAGE)
    by.must_confirm()
    with transaction():
        endpoint = _lock(endpoint_id, by)
        endpoint.sealed_previous, endpoint.previous_until = endpoint.sealed_secret, clock.now() + BOTH_SECRETS
        endpoint.sealed_secret = sealer.seal(new_secret(), bound_to=endpoint.id)
        _record(by, "secret_rotated", endpoint, previous_until=endpoint.previous_until)
    return endpoint


def show_secret(endpoint_id: UUID, *, by: Actor) -> str:
    """The secret that messages are signed with. Raises Conflict where it cannot be read any more."""
    by.must(Permission.WEBHOOK_MANAGE)
    by.must_confirm()
    with transaction():
        endpoint = _lock(endpoint_id, by)
        _record(by, "secret_shown", endpoint)
        try:
            return sealer.unseal(endpoint.sealed_secret, bound_to=endpoint.id)
        except Unreadable:
            message = "The secret was sealed by a key that the portal has no more. Rotate it: that makes another."
            raise Conflict("webhook_secret_unreadable", message) from None


def send_test(endpoint_id: UUID, *, by: Actor) -> WebhookDelivery:
    """Send a message that says nothing but that it is a test. Raises Conflict where the endpoint is off."""
    by.must(Permission.WEBHOOK_MANAGE)
    with transaction() as unit:
        endpoint = _lock(endpoint_id, by)
        _refuse_disabled(endpoint)
        event_id = new_id()
        data = {"endpoint_id": endpoint.id, "message": "This is a test. Nothing has happened."}
        values = event_values(TEST, account_id=endpoint.account_id, subject_id=event_id, data=data)
        event = WebhookEvent(**values | {"id": event_id, "seq": 1, "handed_out_at": clock.now()})
        unit.add(event)
        unit.flush()
        delivery = delivery_of(event, endpoint)
        unit.add(delivery)
        _record(by, "tested", endpoint)
    return delivery


def retry_delivery(delivery_id: UUID, *, by: Actor) -> WebhookDelivery:
    """Send again, now: also what was delivered. Raises Conflict where the endpoint is off."""
    by.must(Permission.WEBHOOK_MANAGE)
    with transaction():
        endpoint = _lock(get_delivery(delivery_id, by=by).endpoint_id, by)
        must_read(endpoint.event_types, by)
        _refuse_disabled(endpoint)
        delivery = lock_or_refuse(WebhookDelivery, delivery_id)
        before = delivery.status
        delivery.status, delivery.tries, delivery.due_at = DeliveryStatus.PENDING.value, 0, clock.now()
        audit.record(
            by, "webhook_delivery.retried", "webhook_delivery", delivery.id, account_id=delivery.account_id,
            **audit.differences({"status": before}, {"status": delivery.status}), endpoint_id=endpoint.id,
        )  # fmt: skip
    return delivery


def delivery_of(event: WebhookEvent, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """The event on its way to the endpoint, due at once."""
    return WebhookDelivery(
        id=new_id(), account_id=endpoint.account_id, endpoint_id=endpoint.id, event_id=event.id,
        subject_id=event.subject_id, seq=event.seq, status=DeliveryStatus.PENDING.value, due_at=clock.now(),
        created_at=clock.now(),
    )  # fmt: skip


def disable(endpoint: WebhookEndpoint, reason: DisabledReason, *, by: Actor) -> None:
    """Switch off an endpoint that is locked. What waits for it stays."""
    if endpoint.ended_at is None and endpoint.disabled_at is None:
        before = _audited(endpoint)
        endpoint.disabled_at, endpoint.disabled_reason = clock.now(), reason.value
        _record(by, "updated", endpoint, **audit.differences(before, _audited(endpoint)))


def reseal_secrets() -> None:
    """Seal all secrets by the newest key, so that the ones of before can be taken away. Across accounts."""
    with transaction() as unit:
        live = select(WebhookEndpoint).where(WebhookEndpoint.ended_at.is_(None)).order_by(WebhookEndpoint.id)
        for endpoint in unit.scalars(live.with_for_update(key_share=True)):
            for column in ("sealed_secret", "sealed_previous"):
                try:
                    secret = sealer.unseal(getattr(endpoint, column) or "", bound_to=endpoint.id)
                except Unreadable:
                    continue  # its owner is told at the next delivery
                setattr(endpoint, column, sealer.seal(secret, bound_to=endpoint.id))


def host_of(url: str) -> str:
    """What the audit log says of an address: paths and queries may hold what only its owner should know."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _lock(endpoint_id: UUID, by: Actor, *, ended: bool = False) -> WebhookEndpoint:
    """The actor's endpoint, locked and read afresh. Raises NotFound, and Conflict for one that was ended."""
    get_endpoint(endpoint_id, by=by)
    endpoint = lock_or_refuse(WebhookEndpoint, endpoint_id)
    if endpoint.ended_at is not None and not ended:
        raise Conflict("webhook_endpoint_ended", "This endpoint was removed. Name another.")
    return endpoint


def _switch(endpoint: WebhookEndpoint, *, is_enabled: bool) -> None:
    if is_enabled:
        endpoint.disabled_at = endpoint.disabled_reason = None
    elif endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = clock.now(), DisabledReason.ASKED.value


def _refuse_disabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.disabled_at is not None:
        raise Conflict("webhook_endpoint_disabled", "This endpoint is off. Switch it on first.")


def must_read(types: Sequence[str], by: Actor) -> None:
    """Raise Forbidden unless the actor may read what these events tell of: a token may be confined."""
    for kind in sorted({word.partition(".")[0] for word in types}):
        permission = {
            "payment": Permission.PAYMENT_READ,
            "invoice": Permission.INVOICE_READ,
            "credits": Permission.STAFF_READ if by.is_staff else Permission.OWN_ACCOUNT,
        }[kind]
        by.must(permission)


def _read_types(given: Sequence[str]) -> list[str]:
    """The types, each once, in the order of the list of all."""
    unknown = sorted(set(given) - set(EventType))
    if unknown or not given:
        message = "Choose one or more of: " + ", ".join(EventType) + "."
        raise Invalid("invalid_event_types", message, field="event_types")
    return [word.value for word in EventType if word in given]


def _audited(endpoint: WebhookEndpoint) -> dict[str, object]:
    return {
        "url": host_of(endpoint.url),
        "event_types": list(endpoint.event_types),
        "status": endpoint.status,
        "disabled_reason": endpoint.disabled_reason,
    }


def _record(by: Actor, action: str, endpoint: WebhookEndpoint, **changes: object) -> None:
    audit.record(
        by, f"webhook_endpoint.{action}", "webhook_endpoint", endpoint.id, account_id=endpoint.account_id, **changes
    )
