"""Payments: the list, one of them, and withdrawing it."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.billing.payments.decision_times import usual_decision_times
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.history import history
from portal.billing.payments.milestones import milestones
from portal.billing.payments.queries import get_payment, open_payment_of, payment_page
from portal.billing.payments.service import cancel_payment
from portal.billing.payments.states import Status
from portal.billing.payments.tracking import tracking
from portal.foundation.access import Permission, requires
from portal.foundation.keyset import Page
from portal.html.forms import VersionForm, refused
from portal.http.gate import current_actor
from portal.http.once import once
from portal.web.blueprint import web
from portal.web.filters import PaymentListFilter

FIRST_PAUSE = 5
"""Seconds after which the page of a payment under way asks how it stands; ``progress`` says when to ask again."""


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
    return payment_view(payment_id, VersionForm())


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
    return payment_view(payment_id, form)


def payment_view(payment_id: UUID, form: VersionForm) -> ResponseReturnValue:
    """The payment's page."""
    found = get_payment(payment_id)
    tracked = tracking(found, found.invoice, current_actor())
    page = render_template(
        "web/payments/payment.html",
        payment=found,
        tracking=tracked,
        can_correct=found.was_rejected and tracked.can_pay_again and open_payment_of(found.invoice_id) is None,
        milestones=milestones(found, history(found, current_actor())),
        usual=usual_decision_times() if found.status == Status.PENDING_APPROVAL else None,
        first_pause=FIRST_PAUSE,
        actions=found.allowed_actions(current_actor()),
        form=form,
    )
    return page, form.status
