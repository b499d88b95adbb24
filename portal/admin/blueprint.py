"""The blueprint that the staff pages hang on. Staff see the rows of all accounts, and this is where that is said."""

from flask import Blueprint

from portal.foundation.refusals import Forbidden
from portal.foundation.tenancy import across_accounts
from portal.html.webhook_pages import hang_webhook_pages_on
from portal.http.gate import current_actor, enter

admin = Blueprint("admin", __name__, url_prefix="/admin")
hang_webhook_pages_on(admin)


@admin.before_request
def _see_all_accounts() -> None:
    """Runs behind the gate. Staff only, whatever permission a route asks for: from here on all rows are in sight."""
    if not current_actor().is_staff:
        raise Forbidden("forbidden", "These pages are for the portal's staff.")
    enter(across_accounts())
