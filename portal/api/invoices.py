"""Invoices: read by all; drafted, issued and withdrawn by staff, one by one or many at once."""

from typing import Any
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue

from portal.accounts.queries import get_account
from portal.api.blueprint import api, paged
from portal.api.problems import OF_INVOICES, TEXTS, refuses
from portal.api.schemas.invoices import (
    InvoiceByExternalId,
    InvoiceListQuery,
    InvoiceOut,
    InvoiceQuery,
    Invoices,
    InvoiceWithLinesOut,
    IssueDates,
    ItemOut,
    NewInvoice,
    Voiding,
)
from portal.billing.invoices import service
from portal.billing.invoices.bulk import Result, create_invoices
from portal.billing.invoices.figures import InvoiceRow
from portal.billing.invoices.lines import read_lines
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.queries import InvoiceFilter, get_invoice, get_invoice_by_external_id, invoice_page
from portal.billing.invoices.upsert import put_invoice
from portal.billing.payments.service import void_invoice
from portal.foundation.access import Permission, requires
from portal.http.gate import current_actor


@api.get("/invoices/")
@api.arguments(InvoiceListQuery, location="query")
@api.response(200, InvoiceOut(many=True))
@requires(Permission.INVOICE_READ)
def invoice_list(query: dict[str, Any]) -> list[InvoiceRow]:
    """The invoices in the caller's scope, newest first; drafts for staff only."""
    return _page(query, with_drafts=current_actor().is_staff)


@api.get("/invoices/<id:invoice_id>/")
@api.response(200, InvoiceWithLinesOut)
@requires(Permission.INVOICE_READ)
def invoice(invoice_id: UUID) -> Invoice:
    """One invoice with its lines."""
    return get_invoice(invoice_id, with_drafts=current_actor().is_staff)


@api.get("/accounts/<id:account_id>/invoices/")
@api.arguments(InvoiceQuery, location="query")
@api.response(200, InvoiceOut(many=True))
@requires(Permission.INVOICE_LOOK_UP)
def account_invoices(query: dict[str, Any], account_id: UUID) -> list[InvoiceRow]:
    """The account's invoices, newest first."""
    return _page(query, account_id=get_account(account_id).id, with_drafts=True)


@api.post("/accounts/<id:account_id>/invoices/")
@api.arguments(NewInvoice)
@api.response(201, InvoiceWithLinesOut)
@requires(Permission.INVOICE_MANAGE)
@refuses(*OF_INVOICES)
def create_invoice(body: dict[str, Any], account_id: UUID) -> ResponseReturnValue:
    """Add an invoice of the account: a draft, or issued."""
    return _created(service.create_invoice(by=current_actor(), **_read(body, account_id)))


@api.get("/accounts/<id:account_id>/invoices/by-external-id/<external_id>/")
@api.response(200, InvoiceWithLinesOut)
@requires(Permission.INVOICE_LOOK_UP)
@refuses(*TEXTS, "invalid_external_id")
def invoice_by_external_id(account_id: UUID, external_id: str) -> Invoice:
    """One invoice of the account, by the id that the back office calls it."""
    return get_invoice_by_external_id(account_id, external_id)


@api.put("/accounts/<id:account_id>/invoices/by-external-id/<external_id>/")
@api.arguments(InvoiceByExternalId)
@api.response(200, InvoiceWithLinesOut)
@api.alt_response(201, schema=InvoiceWithLinesOut, success=True)
@requires(Permission.INVOICE_MANAGE)
@refuses(*OF_INVOICES, "invoice_differs")
def put_invoice_of_account(body: dict[str, Any], account_id: UUID, external_id: str) -> ResponseReturnValue:
    """See to it that the account has this invoice, by the id that the back office calls it."""
    found, is_new = put_invoice(external_id, by=current_actor(), **_read(body, account_id))
    return _created(found) if is_new else found  # type: ignore[return-value]


@api.post("/invoices/bulk/")
@api.arguments(Invoices)
@api.response(200, ItemOut(many=True))
@requires(Permission.INVOICE_MANAGE)
@refuses("invalid_items", "items_refused", "invoice_number_taken", "external_id_taken")
def create_many_invoices(body: dict[str, Any]) -> list[Result]:
    """Add up to 1,000 invoices, of whichever accounts."""
    return create_invoices(body["items"], by=current_actor(), all_or_nothing=body["all_or_nothing"])


@api.post("/invoices/<id:invoice_id>/issue/")
@api.arguments(IssueDates)
@api.response(200, InvoiceWithLinesOut)
@requires(Permission.INVOICE_MANAGE)
@refuses("due_before_issue", "invalid_date", "invoice_asks_nothing", "invoice_not_draft")
def issue_invoice(body: dict[str, Any], invoice_id: UUID) -> Invoice:
    """Show a draft to its account and ask for the money."""
    return service.issue_invoice(invoice_id, by=current_actor(), **body)


@api.post("/invoices/<id:invoice_id>/voiding/")
@api.arguments(Voiding)
@api.response(200, InvoiceWithLinesOut)
@requires(Permission.INVOICE_MANAGE)
@refuses(*TEXTS, "invoice_not_open", "invoice_partly_paid", "open_payment_exists")
def void(body: dict[str, Any], invoice_id: UUID) -> Invoice:
    """Withdraw an invoice that nobody paid or is paying."""
    return void_invoice(invoice_id, by=current_actor(), reason=body["reason"])


def _page(query: dict[str, Any], **more: Any) -> list[InvoiceRow]:
    cursor, page_size = query.pop("cursor"), query.pop("page_size")
    wanted = InvoiceFilter(tuple(query.pop("status")), **query, **more)
    return paged(invoice_page(wanted, cursor=cursor, page_size=page_size))


def _read(body: dict[str, Any], account_id: UUID) -> dict[str, Any]:
    """The invoice as the domain takes it. Raises NotFound for an account that there is not, and Invalid."""
    account = get_account(account_id)
    currency = body["currency"] or account.currency
    return body | {
        "account_id": account.id, "currency": currency, "lines": read_lines(body["lines"], currency)
    }  # fmt: skip


def _created(made: Invoice) -> ResponseReturnValue:
    return made, 201, {"Location": url_for("api.invoice", invoice_id=made.id)}  # type: ignore[return-value]
