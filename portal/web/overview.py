"""The overview: what is to pay, what is being checked, credits."""

from flask import g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.billing.credits.queries import month_ends
from portal.billing.payments.owed import due_first, owed
from portal.billing.payments.queries import open_payments, open_payments_of
from portal.foundation.access import Permission, requires
from portal.http.gate import current_actor
from portal.web.blueprint import web

_SHOWN = 5


@web.get("/")
@requires(Permission.PROFILE)
def overview() -> ResponseReturnValue:
    """Where one begins. Staff begin at their queue."""
    if current_actor().is_staff:
        return redirect(url_for("admin.approval_queue"))
    due = due_first(limit=_SHOWN)
    return render_template(
        "web/overview/overview.html",
        sums=owed(),
        due=due,
        paying=open_payments_of([invoice.id for invoice in due]),
        open_payments=open_payments(limit=_SHOWN),
        credits=month_ends(g.account.id, g.account.timezone),
    )
