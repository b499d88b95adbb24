"""Payments: list, one, report, withdraw, decide."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue

from portal.accounts.queries import get_account
from portal.api.blueprint import api, paged
from portal.api.schemas.payments import (
    Approval,
    Cancellation,
    ManualPayment,
    PaymentListQuery,
    PaymentOut,
    PaymentQuery,
    PaymentRowOut,
    PaymentWithEventsOut,
    ReasonedDecision,
)
from portal.billing.payments import service
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.models import Payment
from portal.billing.payments.queries import PaymentFilter, approval_queue, get_payment, payment_page
from portal.foundation.access import Permission, requires
from portal.foundation.keyset import Page
from portal.http.gate import current_actor


@api.get("/payments/")
@api.arguments(PaymentListQuery, location="query")
@api.response(200, PaymentRowOut(many=True))
@requires(Permission.BILLING_READ)
def payment_list(query: dict[str, Any]) -> list[PaymentRow]:
    """The payments in the caller's scope, newest first; or staff's queue, the oldest first."""
    if query.pop("queue"):
        current_actor().must(Permission.PAYMENT_DECIDE)
        return _page(approval_queue, query)
    return _page(payment_page, query)


@api.get("/accounts/<id:account_id>/payments/")
@api.arguments(PaymentQuery, location="query")
@api.response(200, PaymentOut(many=True))
@requires(Permission.STAFF_READ)
def account_payments(query: dict[str, Any], account_id: UUID) -> list[PaymentRow]:
    """The account's payments, newest first."""
    return _page(payment_page, query, account_id=get_account(account_id).id)


@api.get("/payments/<id:payment_id>/")
@api.response(200, PaymentWithEventsOut)
@requires(Permission.BILLING_READ)
def payment(payment_id: UUID) -> Payment:
    """One payment with its events."""
    return get_payment(payment_id)


@api.post("/payments/manual/")
@api.arguments(ManualPayment)
@api.response(201, PaymentOut)
@requires(Permission.PAYMENT_SUBMIT)
def report(body: dict[str, Any]) -> ResponseReturnValue:
    """Report a payment: it waits for approval."""
    reported = service.create_manual_payment(by=current_actor(), **body)
    return reported, {"Location": url_for("api.payment", payment_id=reported.id)}  # type: ignore[return-value]


@api.post("/payments/<id:payment_id>/cancellation/")
@api.arguments(Cancellation)
@api.response(200, PaymentOut)
@requires(Permission.PAYMENT_CANCEL)
def cancel(body: dict[str, Any], payment_id: UUID) -> Payment:
    """Withdraw a payment."""
    return service.cancel_payment(payment_id, by=current_actor(), **body)


@api.post("/payments/<id:payment_id>/approval/")
@api.arguments(Approval)
@api.response(200, PaymentOut)
@requires(Permission.PAYMENT_DECIDE)
def approve(body: dict[str, Any], payment_id: UUID) -> Payment:
    """Book a payment."""
    return service.approve_payment(payment_id, by=current_actor(), **body)


@api.post("/payments/<id:payment_id>/rejection/")
@api.arguments(ReasonedDecision)
@api.response(200, PaymentOut)
@requires(Permission.PAYMENT_DECIDE)
def reject(body: dict[str, Any], payment_id: UUID) -> Payment:
    """Refuse a payment."""
    return service.reject_payment(payment_id, by=current_actor(), **body)


@api.post("/payments/<id:payment_id>/refund/")
@api.arguments(ReasonedDecision)
@api.response(200, PaymentOut)
@requires(Permission.PAYMENT_REFUND)
def refund(body: dict[str, Any], payment_id: UUID) -> Payment:
    """Give a booked payment back."""
    return service.refund_payment(payment_id, by=current_actor(), **body)


def _page(read: Callable[..., Page[PaymentRow]], query: dict[str, Any], **more: Any) -> list[PaymentRow]:
    cursor, page_size = query.pop("cursor"), query.pop("page_size")
    wanted = PaymentFilter(statuses=tuple(query.pop("status")), **query, **more)
    return paged(read(wanted, cursor=cursor, page_size=page_size))
