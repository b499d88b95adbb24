"""Payments: list, one, report, withdraw, decide."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from flask import g, url_for
from flask.typing import ResponseReturnValue

from portal.api.blueprint import api, paged
from portal.api.problems import STALE, TEXTS, refuses
from portal.api.schemas.payments import (
    SELECTABLE,
    Approval,
    Cancellation,
    ManualPayment,
    PaymentOut,
    PaymentQuery,
    PaymentSelectionOut,
    ReasonedDecision,
    Selection,
)
from portal.billing.invoices.queries import invoices_by_id
from portal.billing.payments import service
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.history import histories
from portal.billing.payments.models import Payment
from portal.billing.payments.queries import PaymentFilter, payment_page, row_of
from portal.foundation.access import Permission, requires
from portal.http.gate import current_actor

MOVED_ON = (*STALE, "action_not_allowed")


@api.get("/payments/")
@api.arguments(PaymentQuery, location="query")
@api.response(200, PaymentSelectionOut(many=True))
@requires(Permission.PAYMENT_READ)
def payment_list(query: dict[str, Any]) -> list[PaymentRow]:
    """The payments in the caller's scope, newest first."""
    cursor, page_size = query.pop("cursor"), query.pop("page_size")
    chosen = query.pop("fields_"), query.pop("expand")
    wanted = PaymentFilter(statuses=tuple(query.pop("status")), **query)
    return _selected(paged(payment_page(wanted, cursor=cursor, page_size=page_size)), *chosen)


@api.get("/payments/<id:payment_id>/")
@api.arguments(Selection, location="query")
@api.response(200, PaymentSelectionOut)
@requires(Permission.PAYMENT_READ)
def payment(query: dict[str, Any], payment_id: UUID) -> PaymentRow:
    """One payment with its events, or those of its fields that were asked for."""
    names = query["fields_"]
    return _selected([row_of(payment_id)], names, query["expand"] if names else {*query["expand"], "events"})[0]


def _selected(rows: list[PaymentRow], names: Collection[str], expand: Collection[str]) -> list[PaymentRow]:
    """The rows, and for their schema what of them is wanted: looked up for all of them at once."""
    g.selected = {*(names or SELECTABLE), *expand}
    g.expanded = {}
    if "events" in expand:
        g.expanded["events"] = histories([row.id for row in rows], current_actor())
    if "invoice" in expand:
        invoices = invoices_by_id({row.invoice_id for row in rows})
        g.expanded["invoice"] = {row.id: invoices[row.invoice_id] for row in rows}
    return rows


@api.post("/payments/manual/")
@api.arguments(ManualPayment)
@api.response(201, PaymentOut)
@requires(Permission.PAYMENT_SUBMIT)
@refuses(
    *TEXTS, "invoice_already_paid", "invoice_void", "invoice_draft", "payment_method_not_available", "not_found",
    "open_payment_exists", "reference_already_used",
)  # fmt: skip
def report(body: dict[str, Any]) -> ResponseReturnValue:
    """Report a payment: it waits for approval."""
    reported = service.create_manual_payment(by=current_actor(), **body)
    return reported, {"Location": url_for("api.payment", payment_id=reported.id)}  # type: ignore[return-value]


@api.post("/payments/<id:payment_id>/cancellation/")
@api.arguments(Cancellation)
@api.response(200, PaymentOut)
@requires(Permission.PAYMENT_CANCEL)
@refuses(*MOVED_ON)
def cancel(body: dict[str, Any], payment_id: UUID) -> Payment:
    """Withdraw a payment."""
    return service.cancel_payment(payment_id, by=current_actor(), **body)


@api.post("/payments/<id:payment_id>/approval/")
@api.arguments(Approval)
@api.response(200, PaymentOut)
@requires(Permission.PAYMENT_DECIDE)
@refuses(*MOVED_ON, *TEXTS, "own_payment", "reference_already_booked")
def approve(body: dict[str, Any], payment_id: UUID) -> Payment:
    """Book a payment."""
    return service.approve_payment(payment_id, by=current_actor(), **body)


@api.post("/payments/<id:payment_id>/rejection/")
@api.arguments(ReasonedDecision)
@api.response(200, PaymentOut)
@requires(Permission.PAYMENT_DECIDE)
@refuses(*MOVED_ON, *TEXTS, "own_payment")
def reject(body: dict[str, Any], payment_id: UUID) -> Payment:
    """Refuse a payment."""
    return service.reject_payment(payment_id, by=current_actor(), **body)


@api.post("/payments/<id:payment_id>/refund/")
@api.arguments(ReasonedDecision)
@api.response(200, PaymentOut)
@requires(Permission.PAYMENT_REFUND)
@refuses(*MOVED_ON, *TEXTS, "own_payment", "confirmation_required")
def refund(body: dict[str, Any], payment_id: UUID) -> Payment:
    """Give a booked payment back."""
    return service.refund_payment(payment_id, by=current_actor(), **body)
