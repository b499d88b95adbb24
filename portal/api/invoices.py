"""Invoices, read."""

from typing import Any
from uuid import UUID

from portal.api.blueprint import api, paged
from portal.api.schemas.invoices import InvoiceOut, InvoiceQuery, InvoiceWithLinesOut
from portal.billing.invoices.figures import InvoiceRow
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.queries import InvoiceFilter, get_invoice, invoice_page
from portal.foundation.access import Permission, requires
from portal.http.gate import current_actor


@api.get("/invoices/")
@api.arguments(InvoiceQuery, location="query")
@api.response(200, InvoiceOut(many=True))
@requires(Permission.INVOICE_READ)
def invoice_list(query: dict[str, Any]) -> list[InvoiceRow]:
    """The invoices in the caller's scope, newest first; drafts for staff only."""
    wanted = InvoiceFilter(tuple(query["status"]), query["q"], with_drafts=current_actor().is_staff)
    return paged(invoice_page(wanted, cursor=query["cursor"], page_size=query["page_size"]))


@api.get("/invoices/<id:invoice_id>/")
@api.response(200, InvoiceWithLinesOut)
@requires(Permission.INVOICE_READ)
def invoice(invoice_id: UUID) -> Invoice:
    """One invoice with its lines."""
    return get_invoice(invoice_id, with_drafts=current_actor().is_staff)
