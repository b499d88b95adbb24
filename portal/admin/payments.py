"""Payments: the list, and the page on which staff decide."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from wtforms import DateField, SelectMultipleField
from wtforms.validators import Optional

from portal.admin import queue
from portal.admin.blueprint import admin
from portal.admin.decisions import Approval, Cancellation, DecisionForm, Refund, Rejection, forms_for
from portal.admin.filters import AmountFilter, day_begins, day_ends, method_filter, offer_methods, offer_places
from portal.billing.payments import service
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.models import Payment
from portal.billing.payments.proofs.queries import get_proof
from portal.billing.payments.queries import PaymentFilter, payment_page
from portal.billing.payments.refusals import OwnPayment
from portal.billing.payments.review import review
from portal.billing.payments.states import Action, Status
from portal.foundation.access import Permission, requires
from portal.foundation.keyset import Page
from portal.html.exports import PAYMENT_COLUMNS, export
from portal.html.files import file_answer
from portal.html.filters import status_word
from portal.html.forms import refused
from portal.html.lists import ChoiceFilter, FilterForm, TextFilter
from portal.http.gate import current_actor
from portal.http.once import once

COLUMNS = (*PAYMENT_COLUMNS, "account_id", "account_name", "country")


class PaymentListFilter(FilterForm):
    """Which payments to list."""

    q = TextFilter("Search", description="Ref. or invoice")
    payment_method = method_filter()
    currency = ChoiceFilter("Currency", "All currencies")
    country = ChoiceFilter("Country", "All countries")
    account = TextFilter("Account", description="Name or number")
    amount = AmountFilter("Amount", description="49.00 EUR")
    created_from = DateField("Reported from", validators=[Optional()])
    created_to = DateField("Reported until", validators=[Optional()])
    status = SelectMultipleField("Status", choices={s.value: status_word(s.value) for s in Status})

    def __init__(self) -> None:
        super().__init__()
        offer_methods(self.payment_method)
        offer_places(self.country, self.currency)

    def wanted(self) -> PaymentFilter:
        values = self.values()
        values.pop("amount", None)
        statuses = tuple(Status(word) for word in values.pop("status", ()))
        created_from, created_to = values.pop("created_from", None), values.pop("created_to", None)
        return PaymentFilter(
            statuses=statuses,
            created_from=day_begins(created_from),
            created_to=day_ends(created_to),
            amounts=self.amount.amounts,
            **values,
        )


@admin.get("/payments/")
@requires(Permission.STAFF_READ)
def payment_list() -> ResponseReturnValue:
    form = PaymentListFilter()
    page: Page[PaymentRow] = Page([], None, None, 0)
    if form.validate():
        page = payment_page(form.wanted(), cursor=request.args.get("cursor"))
    return render_template("admin/payments/list.html", filter=form, page=page), form.http_status


@admin.post("/payments/export")
@requires(Permission.STAFF_READ)
def payment_export() -> ResponseReturnValue:
    form = PaymentListFilter()
    return export(form, "payments", COLUMNS, lambda: partial(payment_page, form.wanted()), listed="admin.payment_list")


@admin.get("/payments/<id:payment_id>/")
@requires(Permission.STAFF_READ)
def payment(payment_id: UUID) -> ResponseReturnValue:
    return _show(payment_id)


@admin.get("/payments/<id:payment_id>/proofs/<id:proof_id>")
@requires(Permission.STAFF_READ)
def proof(payment_id: UUID, proof_id: UUID) -> ResponseReturnValue:
    return file_answer(get_proof(payment_id, proof_id))


@admin.post("/payments/<id:payment_id>/approval")
@requires(Permission.PAYMENT_DECIDE)
@once
def approve_payment(payment_id: UUID) -> ResponseReturnValue:
    form = Approval()
    return _decide(
        Action.APPROVE,
        payment_id,
        form,
        lambda: service.approve_payment(
            payment_id, by=current_actor(), version=form.seen, same_text_reason=form.same_text_reason.data
        ),
    )


@admin.post("/payments/<id:payment_id>/rejection")
@requires(Permission.PAYMENT_DECIDE)
@once
def reject_payment(payment_id: UUID) -> ResponseReturnValue:
    form = Rejection()
    return _decide(
        Action.REJECT,
        payment_id,
        form,
        lambda: service.reject_payment(payment_id, by=current_actor(), version=form.seen, reason=form.told),
    )


@admin.post("/payments/<id:payment_id>/cancellation")
@requires(Permission.PAYMENT_DECIDE)
@once
def cancel_payment(payment_id: UUID) -> ResponseReturnValue:
    form = Cancellation()
    return _decide(
        Action.CANCEL,
        payment_id,
        form,
        lambda: service.cancel_payment(payment_id, by=current_actor(), version=form.seen),
    )


@admin.post("/payments/<id:payment_id>/refund")
@requires(Permission.PAYMENT_REFUND)
@once
def refund_payment(payment_id: UUID) -> ResponseReturnValue:
    form = Refund()
    return _decide(
        Action.REFUND,
        payment_id,
        form,
        lambda: service.refund_payment(payment_id, by=current_actor(), version=form.seen, reason=form.reason.data),
    )


def _decide(
    action: Action, payment_id: UUID, form: DecisionForm, carry_out: Callable[[], Payment]
) -> ResponseReturnValue:
    """Carry the decision out, or show the payment as it is now, with why not and with what was typed.

    The queue leads on to what waits next. A payment's own page stays with it: a second press finds nothing to decide.
    """
    here = queue.place()
    if form.validate_on_submit():
        with refused(form, OwnPayment):
            decided = carry_out()
            _say(action, decided)
            return redirect(
                here.following(decided.id) if here else url_for("admin.payment", payment_id=decided.id), 303
            )
    return queue.show(here, payment_id, action, form) if here else _show(payment_id, action, form)


def _say(action: Action, decided: Payment) -> None:
    told = render_template("admin/payments/decided.html", action=action.value, payment=decided)
    flash(Markup(told.strip()), "good")  # noqa: S704  (a template's output: it is escaped)


def _show(payment_id: UUID, sent: Action | None = None, form: DecisionForm | None = None) -> ResponseReturnValue:
    shown = review(payment_id, reader=current_actor())
    page = render_template(
        "admin/payments/payment.html",
        review=shown,
        payment=shown.payment,
        forms=forms_for(shown, sent, form),
        sent=form,
        sent_action=sent,
    )
    return page, form.status if form else 200
