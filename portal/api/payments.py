"""Payments: list, one, report, withdraw, decide."""

from typing import Any
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue

from portal.api.blueprint import api, paged
from portal.api.schemas.payments import (
    Approval,
    Cancellation,
    ManualPayment,
    PaymentOut,
    PaymentQuery,
    PaymentWithEventsOut,
    ReasonedDecision,
)
from portal.billing.payments import service
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.models import Payment
from portal.billing.payments.queries import PaymentFilter, get_payment, payment_page
from portal.foundation.access import Permission, requires
from portal.http.gate import current_actor


@api.get("/payments/")
@api.arguments(PaymentQuery, location="query")
@api.response(200, PaymentOut(many=True))
@requires(Permission.PAYMENT_READ)
def payment_list(query: dict[str, Any]) -> list[PaymentRow]:
    """The payments in the caller's scope, newest first."""
    cursor, page_size = query.pop("cursor"), query.pop("page_size")
    wanted = PaymentFilter(statuses=tuple(query.pop("status")), **query)
    return paged(payment_page(wanted, cursor=cursor, page_size=page_size))


@api.get("/payments/<id:payment_id>/")
@api.response(200, PaymentWithEventsOut)
@requires(Permission.PAYMENT_READ)
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
