"""The dashboard: what waits, what is decided, and how long that takes."""

from flask import render_template
from flask.typing import ResponseReturnValue

from portal.admin.blueprint import admin
from portal.billing.methods.models import METHOD_NAMES
from portal.billing.payments import workload
from portal.foundation.access import Permission, requires
from portal.foundation.places import country_names

AGES = ("Under 4 hours", "4 to 24 hours", "1 to 3 days", "3 to 7 days", "Over 7 days")


@admin.get("/dashboard/")
@requires(Permission.STAFF_READ)
def dashboard() -> ResponseReturnValue:
    """Staff still begin at the queue, where the work is: this page is for whoever looks after it."""
    waiting = workload.waiting()
    return render_template(
        "admin/dashboard/dashboard.html",
        waiting=waiting,
        ages=list(zip(AGES, waiting.by_age, strict=True)),
        days=workload.decided_per_day(),
        pace=workload.pace(),
        by_method=workload.pace_by_method(),
        by_country=workload.pace_by_country(),
        countries=country_names(),
        methods=METHOD_NAMES,
    )
