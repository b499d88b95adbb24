"""The blueprint that the staff pages hang on. Staff see the rows of all accounts, and this is where that is said."""

from flask import Blueprint

from portal.foundation.tenancy import across_accounts
from portal.http.gate import enter

admin = Blueprint("admin", __name__, url_prefix="/admin")


@admin.before_request
def _see_all_accounts() -> None:
    """Runs behind the gate, which has let in staff only: every route here needs a permission of theirs."""
    enter(across_accounts())
