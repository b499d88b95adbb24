"""Endpoints and deliveries, read: an owner's are the account's, an admin's are staff's own."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select

from portal.foundation.actor import Actor
from portal.foundation.db import session
from portal.foundation.keyset import PAGE_SIZE, Page, paginate
from portal.foundation.refusals import NotFound
from portal.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent


def is_mine(by: Actor) -> ColumnElement[bool]:
    """Whether an endpoint is the actor's: staff's have no account."""
    account_id = WebhookEndpoint.account_id
    return account_id.is_(None) if by.account_id is None else account_id == by.account_id


def endpoints_of(by: Actor) -> list[WebhookEndpoint]:
    """The actor's endpoints but for those that were ended, newest first. There are ten at most."""
    mine = select(WebhookEndpoint).where(is_mine(by), WebhookEndpoint.ended_at.is_(None))
    return list(session.scalars(mine.order_by(WebhookEndpoint.id.desc())))


def get_endpoint(endpoint_id: UUID, *, by: Actor) -> WebhookEndpoint:
    """The actor's endpoint, also an ended one. Raises NotFound."""
    found = session.scalar(select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id, is_mine(by)))
    if found is None:
        raise NotFound()
    return found


def get_delivery(delivery_id: UUID, *, by: Actor) -> WebhookDelivery:
    """A delivery to an endpoint of the actor's. Raises NotFound."""
    statement = select(WebhookDelivery).join(WebhookDelivery.endpoint)
    found = session.scalar(statement.where(WebhookDelivery.id == delivery_id, is_mine(by)))
    if found is None:
        raise NotFound()
    return found


def delivery_page(
    endpoint_id: UUID, *, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Page[Row[*tuple[Any, ...]]]:
    """What was sent to the endpoint, newest first, each with its event. It was asked for by its owner before."""
    statement = (
        select(
            WebhookDelivery.id,
            WebhookDelivery.endpoint_id,
            WebhookDelivery.event_id,
            WebhookDelivery.status,
            WebhookDelivery.due_at,
            WebhookDelivery.attempts,
            WebhookDelivery.answer,
            WebhookDelivery.created_at,
            WebhookEvent.type.label("event_type"),
            WebhookEvent.body,
        )
        .join(WebhookDelivery.event)
        .where(WebhookDelivery.endpoint_id == endpoint_id)
    )
    return paginate(statement, WebhookDelivery.id, cursor=cursor, page_size=page_size)
