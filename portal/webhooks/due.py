"""Which delivery may go now: due, of an endpoint that is on, and the first of its subject that is on its way there."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from portal.webhooks.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint, WebhookEvent

AT_ONCE = 2
"""So many deliveries of one endpoint are on their way together: a slow one must not keep others waiting. Workers that
claim at the same moment do not see each other, and may go beyond it by one each."""
OF_ONE_ACCOUNT = 3
"""So many of one account, so that its slow endpoints together leave somebody to send for others: whoever has nothing on
its way comes first, however much of others has been due for longer."""
_PENDING: ColumnElement[str] = literal_column(f"'{DeliveryStatus.PENDING}'")
"""Written out, so that the indexes of what is pending serve."""
_OTHER = aliased(WebhookDelivery)
"""Made once: SQLAlchemy takes longer to make an alias than the database to answer."""


def due(now: datetime, *, of_one_account: int = OF_ONE_ACCOUNT) -> Select[WebhookDelivery]:
    """The delivery that has been due for longest, of those that may go now: so many of one account together.

    The conditions are subqueries that give a value: so the database goes through what is due in order, and stops at the
    first that fits, where it would join and sort all of it for an EXISTS.
    """
    return (
        select(WebhookDelivery)
        .where(
            WebhookDelivery.status == _PENDING,
            WebhookDelivery.due_at <= now,
            or_(WebhookDelivery.leased_until.is_(None), WebhookDelivery.leased_until <= now),
            _live_endpoint() == WebhookDelivery.endpoint_id,
            _first_of_its_subject() == WebhookDelivery.seq,
            _earlier_ones_not_handed_out() == 0,
            _on_their_way(now) < AT_ONCE,
            _of_its_account(now) < of_one_account,
        )
        .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
        .limit(1)
    )


def _live_endpoint() -> ScalarSelect[UUID]:
    live = (WebhookEndpoint.ended_at.is_(None), WebhookEndpoint.disabled_at.is_(None))
    its = select(WebhookEndpoint.id).where(WebhookEndpoint.id == WebhookDelivery.endpoint_id, *live)
    return its.correlate(WebhookDelivery).scalar_subquery()


def _first_of_its_subject() -> ScalarSelect[int]:
    """The place of the first event of the subject that is still on its way to the endpoint."""
    pending = select(func.min(_OTHER.seq)).where(
        _OTHER.endpoint_id == WebhookDelivery.endpoint_id,
        _OTHER.subject_id == WebhookDelivery.subject_id,
        _OTHER.status == _PENDING,
    )
    return pending.correlate(WebhookDelivery).scalar_subquery()


def _earlier_ones_not_handed_out() -> ScalarSelect[int]:
    """How many. An event is committed after those before it (its subject was locked): who sees it sees them."""
    waiting = select(func.count(WebhookEvent.id)).where(
        WebhookEvent.subject_id == WebhookDelivery.subject_id,
        WebhookEvent.seq < WebhookDelivery.seq,
        WebhookEvent.handed_out_at.is_(None),
    )
    return waiting.correlate(WebhookDelivery).scalar_subquery()


def _on_their_way(now: datetime) -> ScalarSelect[int]:
    """How many other deliveries to the endpoint are being sent."""
    leased = (_OTHER.lease.is_not(None), _OTHER.leased_until > now)  # few: they have an index of their own
    count = select(func.count(_OTHER.id)).where(_OTHER.endpoint_id == WebhookDelivery.endpoint_id, *leased)
    return count.correlate(WebhookDelivery).scalar_subquery()


def _of_its_account(now: datetime) -> ScalarSelect[int]:
    """How many other deliveries of the account are being sent; for staff's, none counts."""
    leased = (_OTHER.lease.is_not(None), _OTHER.leased_until > now)
    count = select(func.count(_OTHER.id)).where(_OTHER.account_id == WebhookDelivery.account_id, *leased)
    return count.correlate(WebhookDelivery).scalar_subquery()
