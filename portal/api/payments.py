"""Payments: list, one, report, withdraw, decide."""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from flask import g, url_for
from flask.typing import ResponseReturnValue

from portal.accounts.queries import get_account
from portal.api.blueprint import api, paged
from portal.api.problems import STALE, TEXTS, refuses
from portal.api.schemas.payments import (
    OF_LISTS_FOR_STAFF,
    SELECTABLE,
    Approval,
    Cancellation,
    ManualPayment,
    PaymentListQuery,
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
from portal.billing.payments.proofs.queries import proofs_by_payment
from portal.billing.payments.queries import PaymentFilter, approval_queue, payment_page, row_of
from portal.billing.payments.tracking import tracking
from portal.foundation.access import Permission, requires
from portal.foundation.keyset import Page
from portal.http.gate import current_actor

MOVED_ON = (*STALE, "action_not_allowed")


@api.get("/payments/")
@api.arguments(PaymentListQuery, location="query")
@api.response(200, PaymentSelectionOut(many=True))
@requires(Permission.PAYMENT_READ)
def payment_list(query: dict[str, Any]) -> list[PaymentRow]:
    """The payments in the caller's scope, newest first; or staff's queue, the oldest first."""
    names, expand = query.pop("fields_") or (*SELECTABLE, *OF_LISTS_FOR_STAFF), query.pop("expand")
    if query.pop("queue"):
        current_actor().must(Permission.PAYMENT_DECIDE)
        return _selected(_page(approval_queue, query), names, expand)
    return _selected(_page(payment_page, query), names, expand)


@api.get("/accounts/<id:account_id>/payments/")
@api.arguments(PaymentQuery, location="query")
@api.response(200, PaymentOut(many=True))
@requires(Permission.PAYMENT_LOOK_UP)
def account_payments(query: dict[str, Any], account_id: UUID) -> list[PaymentRow]:
    """The account's payments, newest first."""
    return _page(payment_page, query, account_id=get_account(account_id).id)


@api.get("/payments/<id:payment_id>/")
@api.arguments(Selection, location="query")
@api.response(200, PaymentSelectionOut)
@requires(Permission.PAYMENT_READ)
def payment(query: dict[str, Any], payment_id: UUID) -> PaymentRow:
    """One payment with its events, its proofs and where it stands, or those of its fields that were asked for."""
    names, expand = query["fields_"], query["expand"]
    if not names:
        names, expand = SELECTABLE, {*expand, "events", "tracking", "proofs"}
    return _selected([row_of(payment_id)], names, expand)[0]


@api.post("/payments/manual/")
@api.arguments(ManualPayment)
@api.response(201, PaymentOut)
@requires(Permission.PAYMENT_SUBMIT)
@refuses(
    *TEXTS, "invoice_already_paid", "invoice_void", "invoice_draft", "payment_method_not_available", "not_found",
    "open_payment_exists", "reference_already_used", "wrong_check_digits", "reference_of_other_invoice",
    "paid_in_the_future", "paid_too_long_ago",
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


def _page(read: Callable[..., Page[PaymentRow]], query: dict[str, Any], **more: Any) -> list[PaymentRow]:
    cursor, page_size = query.pop("cursor"), query.pop("page_size")
    wanted = PaymentFilter(statuses=tuple(query.pop("status")), **query, **more)
    return paged(read(wanted, cursor=cursor, page_size=page_size))


def _selected(rows: list[PaymentRow], names: Collection[str], expand: Collection[str]) -> list[PaymentRow]:
    """The rows, and for their schema what of them is wanted: looked up for all of them at once."""
    g.selected, g.expanded = {*names, *expand}, {}
    if "events" in expand:
        g.expanded["events"] = histories([row.id for row in rows], current_actor())
    if "proofs" in expand:
        g.expanded["proofs"] = proofs_by_payment([row.id for row in rows])
    if "invoice" in expand:
        current_actor().must(Permission.INVOICE_READ)
    if {"invoice", "tracking"} & {*expand}:
        invoices = invoices_by_id({row.invoice_id for row in rows})
        g.expanded["invoice"] = {row.id: invoices[row.invoice_id] for row in rows}
        g.expanded["tracking"] = {row.id: tracking(row, invoices[row.invoice_id], current_actor()) for row in rows}
    return rows
