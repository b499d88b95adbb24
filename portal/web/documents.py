"""Invoices and receipts as PDF."""

from uuid import UUID

from flask import current_app
from flask.typing import ResponseReturnValue

from portal.billing.invoices.queries import get_invoice
from portal.billing.payments.queries import get_payment
from portal.documents.invoice import invoice_pdf
from portal.documents.receipt import receipt_pdf
from portal.foundation.access import Permission, requires
from portal.http.downloads import as_file
from portal.web.blueprint import web


@web.get("/invoices/<id:invoice_id>/invoice.pdf")
@requires(Permission.OWN_ACCOUNT)
def invoice_document(invoice_id: UUID) -> ResponseReturnValue:
    return as_file(invoice_pdf(get_invoice(invoice_id), stationery=current_app.config["STATIONERY"]))


@web.get("/payments/<id:payment_id>/receipt.pdf")
@requires(Permission.OWN_ACCOUNT)
def receipt(payment_id: UUID) -> ResponseReturnValue:
    return as_file(receipt_pdf(get_payment(payment_id), stationery=current_app.config["STATIONERY"]))
