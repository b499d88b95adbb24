"""Invoices and receipts as PDF, as their accounts get them."""

from uuid import UUID

from flask import current_app
from flask.typing import ResponseReturnValue

from portal.admin.blueprint import admin
from portal.billing.invoices.queries import get_invoice
from portal.billing.payments.queries import get_payment
from portal.documents.invoice import invoice_pdf
from portal.documents.receipt import receipt_pdf
from portal.foundation.access import Permission, requires
from portal.http.downloads import as_file


@admin.get("/invoices/<id:invoice_id>/invoice.pdf")
@requires(Permission.STAFF_READ)
def invoice_document(invoice_id: UUID) -> ResponseReturnValue:
    return as_file(invoice_pdf(get_invoice(invoice_id), stationery=current_app.config["STATIONERY"]))


@admin.get("/payments/<id:payment_id>/receipt.pdf")
@requires(Permission.STAFF_READ)
def receipt(payment_id: UUID) -> ResponseReturnValue:
    return as_file(receipt_pdf(get_payment(payment_id), stationery=current_app.config["STATIONERY"]))
