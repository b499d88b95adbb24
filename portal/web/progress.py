"""A payment's page while it is open: it asks now and then how the payment stands, ever less often."""

from uuid import UUID

from flask import make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.billing.payments.queries import version_of
from portal.foundation.access import Permission, requires
from portal.html.forms import VersionForm
from portal.http.unattended import unattended
from portal.web.blueprint import web
from portal.web.payments import FIRST_PAUSE, payment_view

PAUSES = (FIRST_PAUSE, 10, 20, 40, 60)
"""Seconds between the questions of one page; the last ones again and again."""


@web.get("/payments/<id:payment_id>/progress")
@requires(Permission.OWN_ACCOUNT)
@unattended
def payment_progress(payment_id: UUID) -> ResponseReturnValue:
    """The page, where the payment is not in the version any more that it shows; else only when to ask again."""
    version = version_of(payment_id)
    if request.args.get("version", type=int) != version:
        response = make_response(payment_view(payment_id, VersionForm()))
        response.headers.update({"HX-Retarget": "#payment", "HX-Reselect": "#payment", "HX-Reswap": "outerMorph"})
        return response
    asked = min(max(request.args.get("asked", 0, type=int), 0) + 1, len(PAUSES) - 1)
    url = url_for("web.payment_progress", payment_id=payment_id, version=version, asked=asked)
    return render_template("web/payments/poll.html", url=url, seconds=PAUSES[asked])
