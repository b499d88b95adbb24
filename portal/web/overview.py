"""The overview: what is owed, what is under way, credits."""

from flask import g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.billing.credits.queries import balance
from portal.billing.invoices.queries import due_first, owed
from portal.billing.payments.queries import open_payments
from portal.foundation.access import Permission, requires
from portal.http.gate import current_actor
from portal.web.blueprint import web


@web.get("/")
@requires(Permission.PROFILE)
def overview() -> ResponseReturnValue:
    """Where one begins. Staff begin at their queue."""
    if current_actor().is_staff:
        return redirect(url_for("admin.approval_queue"))
    under_way = open_payments()
    return render_template(
        "web/overview/overview.html",
        sums=owed(),
        due=due_first(),
        under_way=under_way,
        paying={payment.invoice_id: payment.id for payment in open_payments(limit=1000)},
        credits=balance(g.account.id),
    )
