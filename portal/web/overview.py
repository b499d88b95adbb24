"""The overview: what is owed, what is under way, credits."""

from collections.abc import Collection
from uuid import UUID

from flask import g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.billing.credits.queries import month_ends
from portal.billing.invoices.figures import InvoiceRow
from portal.billing.invoices.queries import due_first, owed
from portal.billing.payments.queries import open_payments
from portal.billing.payments.tracking import stands
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
    under_way, due = open_payments(limit=1000), due_first(_SHOWN)
    paying = {payment.invoice_id: payment.id for payment in under_way}
    return render_template(
        "web/overview/overview.html",
        sums=owed(),
        due=due,
        urgent=_most_urgent(due, paying),
        open_payments=under_way[:_SHOWN],
        stands=stands,
        paying=paying,
        credits=month_ends(g.account.id, g.account.timezone),
    )


def _most_urgent(due: list[InvoiceRow], paying: Collection[UUID]) -> InvoiceRow | None:
    """The longest due invoice that no payment is under way for."""
    shown = next((invoice for invoice in due if invoice.id not in paying), None)
    if shown is not None or len(due) < _SHOWN:
        return shown
    return next(iter(due_first(1, without=paying)), None)
