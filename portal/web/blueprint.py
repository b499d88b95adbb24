"""The blueprint that the customer pages hang on. They show one's own account, which staff do not have."""

from flask import Blueprint, current_app, g, request

from portal.foundation.access import Permission, declared
from portal.foundation.refusals import Forbidden
from portal.html.webhook_pages import hang_webhook_pages_on

web = Blueprint("web", __name__)
hang_webhook_pages_on(web)
_FOR_EVERYBODY = (None, Permission.PROFILE, Permission.OWN_TOKENS)


@web.before_request
def _keep_staff_to_their_own_pages() -> None:
    """Runs behind the gate. Some permissions are staff's too; here they would act without an account in scope."""
    permission = declared(current_app.view_functions[str(request.endpoint)])
    if g.actor is not None and g.actor.is_staff and permission not in _FOR_EVERYBODY:
        raise Forbidden("forbidden", "These pages are for customers. Yours are under /admin/.")
