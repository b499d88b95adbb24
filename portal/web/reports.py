"""Reporting a payment: how the invoice is paid, and the form that says that it was."""

from collections.abc import Sequence
from uuid import UUID

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, DateField, HiddenField, RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired, Optional

from portal.billing.invoices.models import Invoice
from portal.billing.invoices.queries import get_invoice
from portal.billing.methods.queries import AvailableMethod, get_available_payment_methods
from portal.billing.payments.doubts import doubt_about
from portal.billing.payments.epc import epc_transfer
from portal.billing.payments.models import Payment
from portal.billing.payments.paid_on import possible_days
from portal.billing.payments.proofs.queries import proofs_of
from portal.billing.payments.queries import get_payment, open_payment_of
from portal.billing.payments.references import MAX_LENGTH, normalize_reference
from portal.billing.payments.service import MAX_NOTES, create_manual_payment
from portal.foundation.access import Permission, requires
from portal.foundation.freetext import mask_card_numbers
from portal.html import qr
from portal.html.files import file_field, say_that_file_is_lost
from portal.html.forms import OnceForm, refused
from portal.http.gate import current_actor
from portal.http.once import once
from portal.http.uploads import LATER, takes_file, uploaded
from portal.web.blueprint import web

_CARRIES_REFERENCE = "bank_transfer"
"""The method whose transfers carry the reference that was asked for; a wallet's receipt has a number of its own."""


class ReportForm(OnceForm):
    """What a customer says about money that they sent."""

    card_free = ("transaction_reference", "notes")

    payment_method = RadioField("How did you pay?", [InputRequired("Choose how you paid.")], validate_choice=False)
    transaction_reference = StringField(
        "Transaction reference",
        [InputRequired("Type the reference that your bank or wallet gave the transfer.")],
        render_kw={"spellcheck": "false", "maxlength": MAX_LENGTH},  # with autocomplete off, going back would lose it
    )
    reference_confirmed = BooleanField("This is what my bank or wallet shows. Report it as it is.")
    doubted_reference = HiddenField()
    paid_on = DateField("Date paid", [Optional()])
    notes = TextAreaField("Notes", render_kw={"maxlength": MAX_NOTES})
    proof = file_field("Proof of payment")

    def mask(self) -> None:
        """Also in the place of a day, what is shown again is what was typed."""
        super().mask()
        self.paid_on.raw_data = [mask_card_numbers(text) for text in self.paid_on.raw_data or []]

    @property
    def confirms_reference(self) -> bool:
        """Whether the box is ticked, and stood beside this reference and not one that was typed before."""
        doubted, typed = (field.data or "" for field in (self.doubted_reference, self.transaction_reference))
        return self.reference_confirmed.data and normalize_reference(doubted) == normalize_reference(typed)

    def ask_about_reference(self) -> None:
        """Before the form is shown: let the box be about the reference that stands there now."""
        self.reference_confirmed.data = self.confirms_reference
        self.doubted_reference.data = self.transaction_reference.data

    def offer(self, methods: Sequence[AvailableMethod], invoice: Invoice) -> None:
        """Let them choose among the methods. A fresh form starts with the first, and the reference that it asks for."""
        self.payment_method.choices = [(method.method, method.name) for method in methods]
        if self.payment_method.data in (None, "None"):
            self.payment_method.data = methods[0].method if methods else None
        carries_it = self.payment_method.data in (None, _CARRIES_REFERENCE)
        if carries_it and not self.transaction_reference.data and not self.is_submitted():
            self.transaction_reference.data = invoice.payment_reference


@web.get("/invoices/<id:invoice_id>/payment")
@requires(Permission.PAYMENT_SUBMIT)
def payment_form(invoice_id: UUID) -> ResponseReturnValue:
    """How the invoice can be paid, and the form to report it by."""
    return _report_page(get_invoice(invoice_id), ReportForm())


@web.get("/payments/<id:payment_id>/correction")
@requires(Permission.PAYMENT_SUBMIT)
def correction(payment_id: UUID) -> ResponseReturnValue:
    """The form as it was sent for this payment, to be put right and sent again."""
    sent = get_payment(payment_id)
    return _report_page(sent.invoice, ReportForm(obj=sent), sent)


@web.post("/invoices/<id:invoice_id>/payment/reference-check")
@requires(Permission.PAYMENT_SUBMIT)
def reference_check(invoice_id: UUID) -> ResponseReturnValue:
    """The form as it was typed so far, with what speaks against its reference. Nothing is reported or kept.

    By POST, so that no address holds what somebody types.
    """
    form = ReportForm()
    form.mask()
    return _report_page(get_invoice(invoice_id), form)


@web.post("/invoices/<id:invoice_id>/payment")
@requires(Permission.PAYMENT_SUBMIT)
@takes_file("proof")
@once
def report(invoice_id: UUID) -> ResponseReturnValue:
    """Report a payment."""
    invoice = get_invoice(invoice_id)
    form = ReportForm()
    is_valid = form.validate()
    with refused(form, *LATER):
        proof = uploaded()  # what is wrong with it is said beside all else
        if is_valid:
            reported = create_manual_payment(
                by=current_actor(),
                invoice_id=invoice_id,
                payment_method=form.payment_method.data,
                transaction_reference=form.transaction_reference.data,
                paid_on=form.paid_on.data,
                notes=form.notes.data or "",
                reference_confirmed=form.confirms_reference,
                proof=proof,
            )
            flash("Thank you. Your payment is reported.")
            return redirect(url_for("web.payment", payment_id=reported.id), 303)
    return _report_page(invoice, form)


def _report_page(invoice: Invoice, form: ReportForm, corrected: Payment | None = None) -> ResponseReturnValue:
    methods = _methods_for(invoice)
    form.offer(methods, invoice)
    form.ask_about_reference()
    say_that_file_is_lost(form, "proof")
    transfers = {method.method: epc_transfer(method, invoice) for method in methods}
    page = render_template(
        "web/payments/report.html",
        invoice=invoice,
        methods=methods,
        codes={method: qr.of_transfer(transfer) for method, transfer in transfers.items() if transfer},
        days=possible_days(g.account),
        form=form,
        doubt=doubt_about(form.transaction_reference.data or "", invoice),
        corrected=corrected,
        left_behind=[proof.name for proof in proofs_of(corrected.id)] if corrected else [],
        open_payment=open_payment_of(invoice.id),
    )
    return page, form.status


def _methods_for(invoice: Invoice) -> list[AvailableMethod]:
    """Those that take the amount, the account's default first."""
    available = get_available_payment_methods(g.account)
    methods = [method for method in available if method.is_manual and method.takes(invoice.outstanding)]
    return sorted(methods, key=lambda method: not method.is_default)
