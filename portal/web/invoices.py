"""Invoices: the list and one of them."""

from functools import partial
from uuid import UUID

from flask import render_template, request
from flask.typing import ResponseReturnValue

from portal.billing.invoices.figures import InvoiceRow
from portal.billing.invoices.queries import get_invoice, invoice_page
from portal.billing.payments.queries import open_payment_of, open_payments_of, payments_of_invoice
from portal.foundation.access import Permission, requires
from portal.foundation.keyset import Page
from portal.html.exports import INVOICE_COLUMNS, export
from portal.web.blueprint import web
from portal.web.filters import InvoiceListFilter


@web.get("/invoices/")
@requires(Permission.OWN_ACCOUNT)
def invoice_list() -> ResponseReturnValue:
    """The account's invoices, newest first."""
    form = InvoiceListFilter()
    page: Page[InvoiceRow] = Page([], None, None, 0)
    if form.validate():
        page = invoice_page(form.wanted(), cursor=request.args.get("cursor"))
    paying = open_payments_of([row.id for row in page.rows])
    return render_template("web/invoices/list.html", filter=form, page=page, paying=paying), form.http_status


@web.post("/invoices/export")
@requires(Permission.OWN_ACCOUNT)
def invoice_export() -> ResponseReturnValue:
    """The filtered invoices as a file."""
    form = InvoiceListFilter()
    return export(
        form, "invoices", INVOICE_COLUMNS, lambda: partial(invoice_page, form.wanted()), listed="web.invoice_list"
    )


@web.get("/invoices/<id:invoice_id>/")
@requires(Permission.OWN_ACCOUNT)
def invoice(invoice_id: UUID) -> ResponseReturnValue:
    """One invoice, what was paid of it, and how to pay it."""
    found = get_invoice(invoice_id)
    return render_template(
        "web/invoices/invoice.html",
        invoice=found,
        payments=payments_of_invoice(found.id),
        open_payment=open_payment_of(found.id),
    )
