"""What waits for a decision, oldest first; and several clear cases approved at once."""

from functools import partial

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectMultipleField

from portal.admin import queue
from portal.admin.blueprint import admin
from portal.admin.payments import COLUMNS
from portal.billing.payments import batch
from portal.billing.payments.queries import approval_queue
from portal.foundation.access import Permission, requires
from portal.foundation.ids import parse_id
from portal.foundation.refusals import Invalid
from portal.html.exports import export
from portal.html.forms import Form, refused
from portal.http.gate import current_actor


class BatchForm(Form):
    """The payments that were selected, each as ``id.version``."""

    payment = SelectMultipleField("Payments", validate_choice=False)

    def seen(self) -> list[batch.Seen]:
        """The payments. Raises Invalid for what no page of ours wrote."""
        return [_read(text) for text in self.payment.data]


@admin.get("/")
@requires(Permission.STAFF_READ)
def index() -> ResponseReturnValue:
    return redirect(url_for("admin.approval_queue"))


@admin.get("/approvals/", endpoint="approval_queue")
@requires(Permission.PAYMENT_DECIDE)
def approval_queue_page() -> ResponseReturnValue:
    return queue.show(queue.Place(queue.QueueFilter()), queue.read_selected())


@admin.post("/approvals/export")
@requires(Permission.PAYMENT_DECIDE)
def approval_export() -> ResponseReturnValue:
    form = queue.QueueFilter()
    return export(
        form, "approvals", COLUMNS, lambda: partial(approval_queue, form.wanted()), listed="admin.approval_queue"
    )


@admin.post("/approvals/batch")
@requires(Permission.PAYMENT_DECIDE)
def batch_of_approvals() -> ResponseReturnValue:
    """Show what was selected, and ask once. It changes nothing."""
    form = BatchForm()
    if form.validate_on_submit():
        with refused(form):
            found = batch.batch_of(form.seen())
            return render_template("admin/approvals/batch.html", form=form, batch=found)
    return render_template("admin/approvals/batch.html", form=form, batch=None), form.status


@admin.post("/approvals/batch/approval")
@requires(Permission.PAYMENT_DECIDE)
def approve_batch() -> ResponseReturnValue:
    form = BatchForm()
    if form.validate_on_submit():
        with refused(form):
            outcomes = batch.approve_payments(form.seen(), by=current_actor())
            return render_template("admin/approvals/outcomes.html", outcomes=outcomes)
    return render_template("admin/approvals/batch.html", form=form, batch=None), form.status


def _read(text: str) -> batch.Seen:
    id_text, _, version = text.partition(".")
    payment_id = parse_id(id_text)
    if payment_id is None or not (version.isascii() and version.isdigit() and len(version) < 10):
        raise Invalid("invalid_selection", "Select the payments in the queue.", field="payment")
    return batch.Seen(payment_id, int(version))
