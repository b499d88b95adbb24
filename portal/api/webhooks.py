"""Webhooks: where they go, their secrets, and what became of each delivery. Staff's endpoints hear of all accounts."""

from typing import Any
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue

from portal.api.blueprint import api, paged
from portal.api.problems import refuses
from portal.api.schemas.values import Nothing, PageQuery
from portal.api.schemas.webhooks import DeliveryOut, EndpointChange, EndpointOut, NewEndpoint, SecretOut
from portal.foundation.access import Permission, requires
from portal.http.gate import current_actor
from portal.webhooks import service
from portal.webhooks.models import WebhookDelivery, WebhookEndpoint
from portal.webhooks.queries import delivery_page, endpoints_of, get_endpoint


@api.get("/webhook-endpoints/")
@api.response(200, EndpointOut(many=True))
@requires(Permission.WEBHOOK_MANAGE)
def webhook_endpoints() -> list[WebhookEndpoint]:
    """The endpoints, newest first; ten at most."""
    return endpoints_of(current_actor())


@api.post("/webhook-endpoints/")
@api.arguments(NewEndpoint)
@api.response(201, EndpointOut)
@requires(Permission.WEBHOOK_MANAGE)
@refuses("webhook_url_refused", "invalid_event_types", "too_many_webhook_endpoints", "confirmation_required")
def add_webhook_endpoint(body: dict[str, Any]) -> ResponseReturnValue:
    """Name an endpoint. Its secret is asked for by itself: no kept answer holds it."""
    added = service.create_endpoint(by=current_actor(), **body)
    return added, {"Location": url_for("api.webhook_endpoint", endpoint_id=added.id)}  # type: ignore[return-value]


@api.get("/webhook-endpoints/<id:endpoint_id>/")
@api.response(200, EndpointOut)
@requires(Permission.WEBHOOK_MANAGE)
def webhook_endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    """One endpoint, also an ended one."""
    return get_endpoint(endpoint_id, by=current_actor())


@api.patch("/webhook-endpoints/<id:endpoint_id>/")
@api.arguments(EndpointChange)
@api.response(200, EndpointOut)
@requires(Permission.WEBHOOK_MANAGE)
@refuses("webhook_url_refused", "invalid_event_types", "webhook_endpoint_ended", "confirmation_required")
def change_webhook_endpoint(body: dict[str, Any], endpoint_id: UUID) -> WebhookEndpoint:
    """Change its address or events, switch it off or on."""
    return service.change_endpoint(endpoint_id, by=current_actor(), **body)


@api.delete("/webhook-endpoints/<id:endpoint_id>/")
@api.response(200, EndpointOut)
@requires(Permission.WEBHOOK_MANAGE)
def end_webhook_endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    """End it for good. What was sent to it can be read as before."""
    return service.end_endpoint(endpoint_id, by=current_actor())


@api.get("/webhook-endpoints/<id:endpoint_id>/secret/")
@api.response(200, SecretOut)
@requires(Permission.WEBHOOK_MANAGE)
@refuses("webhook_endpoint_ended", "webhook_secret_unreadable", "confirmation_required")
def webhook_secret(endpoint_id: UUID) -> dict[str, str]:
    """The secret. Each time that it is shown stands in the audit log."""
    return {"secret": service.show_secret(endpoint_id, by=current_actor())}


@api.post("/webhook-endpoints/<id:endpoint_id>/rotation/")
@api.arguments(Nothing)
@api.response(200, EndpointOut)
@requires(Permission.WEBHOOK_MANAGE)
@refuses("webhook_endpoint_ended", "confirmation_required")
def rotate_webhook_secret(_body: dict[str, Any], endpoint_id: UUID) -> WebhookEndpoint:
    """Sign by another secret, and for a day by the one of before as well."""
    return service.rotate_secret(endpoint_id, by=current_actor())


@api.post("/webhook-endpoints/<id:endpoint_id>/test/")
@api.arguments(Nothing)
@api.response(200, DeliveryOut)
@requires(Permission.WEBHOOK_MANAGE)
@refuses("webhook_endpoint_ended", "webhook_endpoint_disabled")
def try_webhook_endpoint(_body: dict[str, Any], endpoint_id: UUID) -> WebhookDelivery:
    """Send a message that is a test, whatever the endpoint listens to."""
    return service.send_test(endpoint_id, by=current_actor())


@api.get("/webhook-endpoints/<id:endpoint_id>/deliveries/")
@api.arguments(PageQuery, location="query")
@api.response(200, DeliveryOut(many=True))
@requires(Permission.WEBHOOK_MANAGE)
def webhook_deliveries(query: dict[str, Any], endpoint_id: UUID) -> list[Any]:
    """What was sent to the endpoint, newest first."""
    endpoint = get_endpoint(endpoint_id, by=current_actor())
    service.must_read(endpoint.event_types, current_actor())
    return paged(delivery_page(endpoint.id, **query))


@api.post("/webhook-deliveries/<id:delivery_id>/retry/")
@api.arguments(Nothing)
@api.response(200, DeliveryOut)
@requires(Permission.WEBHOOK_MANAGE)
@refuses("webhook_endpoint_ended", "webhook_endpoint_disabled")
def retry_webhook_delivery(_body: dict[str, Any], delivery_id: UUID) -> WebhookDelivery:
    """Send it again, now."""
    return service.retry_delivery(delivery_id, by=current_actor())
