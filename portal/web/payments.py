"""Payments: the list, one of them, reporting and withdrawing."""

from uuid import UUID

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired

from portal.billing.invoices.models import Invoice
from portal.billing.invoices.queries import get_invoice
from portal.billing.methods.queries import AvailableMethod, get_available_payment_methods
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.history import history
from portal.billing.payments.queries import get_payment, open_payment_of, payment_page
from portal.billing.payments.references import MAX_LENGTH
from portal.billing.payments.service import MAX_NOTES, cancel_payment, create_manual_payment
from portal.billing.payments.tracking import tracking
from portal.foundation.access import Permission, requires
from portal.foundation.keyset import Page
from portal.html.forms import OnceForm, VersionForm, refused
from portal.http.gate import current_actor
from portal.http.once import once
from portal.web.blueprint import web
from portal.web.filters import PaymentListFilter


class ReportForm(OnceForm):
    """What a customer says about money that they sent."""

    card_free = ("transaction_reference", "notes")

    payment_method = RadioField("How did you pay?", [InputRequired("Choose how you paid.")], validate_choice=False)
    transaction_reference = StringField(
        "Transaction reference",
        [InputRequired("Type the reference that your bank or wallet gave the transfer.")],
        render_kw={"autocomplete": "off", "spellcheck": "false", "maxlength": MAX_LENGTH},
    )
    notes = TextAreaField("Notes", render_kw={"maxlength": MAX_NOTES})


@web.get("/payments/")
@requires(Permission.OWN_ACCOUNT)
def payment_list() -> ResponseReturnValue:
    """The account's payments, newest first."""
    form = PaymentListFilter()
    page: Page[PaymentRow] = Page([], None, None, 0)
    if form.validate():
        page = payment_page(form.wanted(), cursor=request.args.get("cursor"))
    return render_template("web/payments/list.html", filter=form, page=page), form.http_status


@web.get("/payments/<id:payment_id>/")
@requires(Permission.OWN_ACCOUNT)
def payment(payment_id: UUID) -> ResponseReturnValue:
    """Where a payment stands, how it came there, and what comes next."""
    return _payment_page(payment_id, VersionForm())


@web.post("/payments/<id:payment_id>/cancellation")
@requires(Permission.PAYMENT_CANCEL)
@once
def withdraw(payment_id: UUID) -> ResponseReturnValue:
    """Withdraw a payment that nobody decided on yet."""
    form = VersionForm()
    with refused(form):
        cancel_payment(payment_id, by=current_actor(), version=form.seen)
        flash("The payment is withdrawn. You can pay the invoice again.")
        return redirect(url_for("web.payment", payment_id=payment_id), 303)
    return _payment_page(payment_id, form)


@web.get("/invoices/<id:invoice_id>/payment")
@requires(Permission.PAYMENT_SUBMIT)
def payment_form(invoice_id: UUID) -> ResponseReturnValue:
    """How the invoice can be paid, and the form to report it by."""
    return _report_page(get_invoice(invoice_id), ReportForm())


@web.post("/invoices/<id:invoice_id>/payment")
@requires(Permission.PAYMENT_SUBMIT)
@once
def report(invoice_id: UUID) -> ResponseReturnValue:
    """Report a payment."""
    invoice = get_invoice(invoice_id)
    form = ReportForm()
    if form.validate():
        with refused(form):
            reported = create_manual_payment(
                by=current_actor(),
                invoice_id=invoice_id,
                payment_method=form.payment_method.data,
                transaction_reference=form.transaction_reference.data,
                notes=form.notes.data or "",
            )
            flash("Thank you. Your payment is reported; we will look for the money.")
            return redirect(url_for("web.payment", payment_id=reported.id), 303)
    return _report_page(invoice, form)


def _payment_page(payment_id: UUID, form: VersionForm) -> ResponseReturnValue:
    found = get_payment(payment_id)
    page = render_template(
        "web/payments/payment.html",
        payment=found,
        tracking=tracking(found, found.invoice, current_actor()),
        steps=history(found, current_actor()),
        actions=found.allowed_actions(current_actor()),
        form=form,
    )
    return page, form.status


def _report_page(invoice: Invoice, form: ReportForm) -> ResponseReturnValue:
    methods = _methods_for(invoice)
    form.payment_method.choices = [(method.method, method.name) for method in methods]
    default = next((method.method for method in methods if method.is_default), None)
    if form.payment_method.data in (None, "None"):
        form.payment_method.data = default or (methods[0].method if len(methods) == 1 else None)
    page = render_template(
        "web/payments/report.html",
        invoice=invoice,
        methods=methods,
        form=form,
        open_payment=open_payment_of(invoice.id),
    )
    return page, form.status


def _methods_for(invoice: Invoice) -> list[AvailableMethod]:
    methods = get_available_payment_methods(g.account)
    return [method for method in methods if method.is_manual and method.takes(invoice.outstanding)]
