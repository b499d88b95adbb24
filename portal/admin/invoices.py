"""Invoices: the list, drafting one with its lines, issuing and withdrawing it."""

from functools import partial
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectMultipleField

from portal.admin.blueprint import admin
from portal.admin.filters import AmountFilter, offer_places
from portal.admin.invoice_forms import InvoiceForm, VoidForm
from portal.billing.invoices import service
from portal.billing.invoices.figures import InvoiceRow, InvoiceStatus
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.queries import InvoiceFilter, get_invoice, invoice_page
from portal.billing.payments.queries import payments_of_invoice
from portal.billing.payments.service import void_invoice
from portal.foundation.access import Permission, requires
from portal.foundation.audit_queries import AuditFilter, audit_page
from portal.foundation.keyset import Page
from portal.html.exports import INVOICE_COLUMNS, export
from portal.html.filters import status_word
from portal.html.forms import Form, refused
from portal.html.lists import ChoiceFilter, FilterForm, TextFilter
from portal.http.gate import current_actor


class InvoiceListFilter(FilterForm):
    """Which invoices to list."""

    q = TextFilter("Search", description="Invoice number")
    currency = ChoiceFilter("Currency", "All currencies")
    account = TextFilter("Account", description="Name or number")
    amount = AmountFilter("Total", description="49.00 EUR")
    status = SelectMultipleField(
        "Status", choices={str(word): status_word(word) for word in (*InvoiceStatus, "overdue")}
    )

    def __init__(self) -> None:
        super().__init__()
        offer_places(None, self.currency)

    def wanted(self) -> InvoiceFilter:
        values = self.values()
        values.pop("amount", None)
        statuses = tuple(values.pop("status", ()))
        return InvoiceFilter(statuses=statuses, with_drafts=True, amounts=self.amount.amounts, **values)


@admin.get("/invoices/")
@requires(Permission.STAFF_READ)
def invoice_list() -> ResponseReturnValue:
    form = InvoiceListFilter()
    page: Page[InvoiceRow] = Page([], None, None, 0)
    if form.validate():
        page = invoice_page(form.wanted(), cursor=request.args.get("cursor"))
    return render_template("admin/invoices/list.html", filter=form, page=page), form.http_status


@admin.post("/invoices/export")
@requires(Permission.STAFF_READ)
def invoice_export() -> ResponseReturnValue:
    form = InvoiceListFilter()
    columns = (*INVOICE_COLUMNS, "external_id", "account_id", "account_name")
    return export(form, "invoices", columns, lambda: partial(invoice_page, form.wanted()), listed="admin.invoice_list")


@admin.route("/invoices/new", methods=["GET", "POST"])
@requires(Permission.INVOICE_MANAGE)
def invoice_new() -> ResponseReturnValue:
    form = InvoiceForm()
    if request.method == "GET":
        if not form.is_given_back:
            form.begin(service.suggest_number(), request.args.get("account", ""))
    elif form.add_line.data:
        form.lines.grow()
    elif form.validate_on_submit():
        with refused(form):
            new = form.read()
            if new is not None:
                made = service.create_invoice(by=current_actor(), **new)
                flash(f"{made.number} is a draft. The customer can see it once it is issued.", "good")
                return redirect(url_for("admin.invoice", invoice_id=made.id), 303)
    return render_template("admin/invoices/new.html", form=form), form.status


@admin.get("/invoices/<id:invoice_id>/")
@requires(Permission.STAFF_READ)
def invoice(invoice_id: UUID) -> ResponseReturnValue:
    return _show(invoice_id)


@admin.post("/invoices/<id:invoice_id>/issue")
@requires(Permission.INVOICE_MANAGE)
def invoice_issue(invoice_id: UUID) -> ResponseReturnValue:
    form = Form()
    if form.validate_on_submit():
        with refused(form):
            issued = service.issue_invoice(invoice_id, by=current_actor())
            flash(f"{issued.number} is issued: the customer can now see it and pay it.", "good")
            return redirect(url_for("admin.invoice", invoice_id=invoice_id), 303)
    return _show(invoice_id, sent=form)


@admin.post("/invoices/<id:invoice_id>/voiding")
@requires(Permission.INVOICE_MANAGE)
def invoice_voiding(invoice_id: UUID) -> ResponseReturnValue:
    form = VoidForm()
    if form.validate_on_submit():
        with refused(form):
            gone = void_invoice(invoice_id, by=current_actor(), reason=form.reason.data)
            flash(f"{gone.number} is void: nothing is owed on it.", "good")
            return redirect(url_for("admin.invoice", invoice_id=invoice_id), 303)
    return _show(invoice_id, sent=form)


def _show(invoice_id: UUID, sent: Form | None = None) -> ResponseReturnValue:
    shown = get_invoice(invoice_id, with_drafts=True)
    page = render_template(
        "admin/invoices/invoice.html",
        invoice=shown,
        account=shown.account,
        payments=payments_of_invoice(shown.id),
        voided=_voided(shown),
        void_form=sent if isinstance(sent, VoidForm) else VoidForm(formdata=None),
        sent=sent,
    )
    return page, sent.status if sent else 200


def _voided(shown: Invoice) -> Any:
    """The entry of the audit log that says when, by whom and why: the invoice itself keeps none of it."""
    if shown.status != InvoiceStatus.VOID:
        return None
    return next(iter(audit_page(AuditFilter(action="invoice.voided", subject_id=shown.id), page_size=1).rows), None)
