"""Payments: the list, one of them, and withdrawing it."""

from functools import partial
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.validators import InputRequired

from portal.billing.payments.decision_times import usual_decision_times
from portal.billing.payments.figures import PaymentRow
from portal.billing.payments.history import history
from portal.billing.payments.milestones import milestones
from portal.billing.payments.proofs.queries import get_proof, proofs_of
from portal.billing.payments.proofs.service import attach_proof, takes_proof
from portal.billing.payments.queries import get_payment, payment_page, superseding
from portal.billing.payments.service import cancel_payment
from portal.billing.payments.states import LOST_STATUSES, Status
from portal.billing.payments.tracking import tracking
from portal.foundation.access import Permission, requires
from portal.foundation.keyset import Page
from portal.html.exports import PAYMENT_COLUMNS, export
from portal.html.files import file_answer, file_field, say_that_file_is_lost
from portal.html.forms import OnceForm, VersionForm, refused
from portal.http.gate import current_actor
from portal.http.once import once
from portal.http.uploads import LATER, required_upload, takes_file
from portal.web.blueprint import web
from portal.web.filters import PaymentListFilter

FIRST_PAUSE = 5
"""Seconds after which the page of a payment under way asks how it stands; ``progress`` says when to ask again."""


class ProofForm(OnceForm):
    """A file for a payment that waits."""

    proof = file_field("Add a file", InputRequired("Choose a file first."))


@web.get("/payments/")
@requires(Permission.OWN_ACCOUNT)
def payment_list() -> ResponseReturnValue:
    """The account's payments, newest first."""
    form = PaymentListFilter()
    page: Page[PaymentRow] = Page([], None, None, 0)
    if form.validate():
        page = payment_page(form.wanted(), cursor=request.args.get("cursor"))
    return render_template("web/payments/list.html", filter=form, page=page), form.http_status


@web.post("/payments/export")
@requires(Permission.OWN_ACCOUNT)
def payment_export() -> ResponseReturnValue:
    """The filtered payments as a file."""
    form = PaymentListFilter()
    return export(
        form, "payments", PAYMENT_COLUMNS, lambda: partial(payment_page, form.wanted()), listed="web.payment_list"
    )


@web.get("/payments/<id:payment_id>/")
@requires(Permission.OWN_ACCOUNT)
def payment(payment_id: UUID) -> ResponseReturnValue:
    """Where a payment stands, how it came there, and what comes next."""
    return payment_view(payment_id)


@web.post("/payments/<id:payment_id>/cancellation")
@requires(Permission.PAYMENT_CANCEL)
@once
def withdraw(payment_id: UUID) -> ResponseReturnValue:
    """Withdraw a payment that nobody decided on yet."""
    form = VersionForm()
    with refused(form):
        cancel_payment(payment_id, by=current_actor(), version=form.seen)
        flash("The payment is withdrawn.")
        return redirect(url_for("web.payment", payment_id=payment_id), 303)
    return payment_view(payment_id, form)


@web.post("/payments/<id:payment_id>/proofs")
@requires(Permission.PAYMENT_SUBMIT)
@takes_file("proof")
@once
def add_proof(payment_id: UUID) -> ResponseReturnValue:
    """Add a proof to a payment that waits."""
    form = ProofForm()
    if form.validate():
        with refused(form, *LATER):
            attach_proof(payment_id, by=current_actor(), file=required_upload("proof"))
            flash("Your file is added. Our staff see it with your report.")
            return redirect(url_for("web.payment", payment_id=payment_id), 303)
    return payment_view(payment_id, proof_form=form)


@web.get("/payments/<id:payment_id>/proofs/<id:proof_id>")
@requires(Permission.OWN_ACCOUNT)
def proof(payment_id: UUID, proof_id: UUID) -> ResponseReturnValue:
    """A proof, as a file."""
    return file_answer(get_proof(payment_id, proof_id))


def payment_view(
    payment_id: UUID, form: VersionForm | None = None, proof_form: ProofForm | None = None
) -> ResponseReturnValue:
    """The payment's page."""
    found, proofs = get_payment(payment_id), proofs_of(payment_id)
    form, proof_form = form or VersionForm(formdata=None), proof_form or ProofForm(formdata=None)
    say_that_file_is_lost(proof_form, "proof")
    page = render_template(
        "web/payments/payment.html",
        payment=found,
        tracking=tracking(found, found.invoice, current_actor()),
        newer=superseding(found) if found.status in LOST_STATUSES else None,
        milestones=milestones(found, history(found, current_actor())),
        usual=usual_decision_times() if found.status == Status.PENDING_APPROVAL else None,
        first_pause=FIRST_PAUSE,
        actions=found.allowed_actions(current_actor()),
        form=form,
        proofs=proofs,
        proof_form=proof_form if takes_proof(found, len(proofs), current_actor()) else None,
    )
    return page, max(form.status, proof_form.status)
