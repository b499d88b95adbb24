"""What waits for a decision, oldest first."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.admin.blueprint import admin
from portal.admin.filters import method_filter, offer_methods, offer_places
from portal.billing.payments.queries import QUEUE_COUNT_CAP, PaymentFilter, approval_queue, queue_length
from portal.foundation.access import Permission, requires
from portal.foundation.keyset import Page
from portal.html.lists import ChoiceFilter, FilterForm, TextFilter


class QueueFilter(FilterForm):
    """Which of the waiting payments to show."""

    payment_method = method_filter()
    currency = ChoiceFilter("Currency", "All currencies")
    country = ChoiceFilter("Country", "All countries")
    account = TextFilter("Account", description="Its number, or a part of its name")

    def __init__(self) -> None:
        super().__init__()
        offer_methods(self.payment_method)
        offer_places(self.country, self.currency)


@admin.get("/")
@requires(Permission.STAFF_READ)
def index() -> ResponseReturnValue:
    return redirect(url_for("admin.approval_queue"))


@admin.get("/approvals/", endpoint="approval_queue")
@requires(Permission.PAYMENT_DECIDE)
def approval_queue_page() -> ResponseReturnValue:
    form = QueueFilter()
    if form.validate():
        wanted = PaymentFilter(**form.values())
        page, count = approval_queue(wanted, cursor=request.args.get("cursor")), queue_length(wanted)
    else:
        page, count = Page([], None, None, 0), 0
    return (
        render_template("admin/approvals/queue.html", filter=form, page=page, count=count, cap=QUEUE_COUNT_CAP),
        form.http_status,
    )
