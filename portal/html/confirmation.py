"""The second factor, asked for again in front of what is weighty: a refund, a role.

Where the domain wants it, the page asks for a code and carries the form that was sent. It goes to the same address
once more, with the code; so nothing that was typed is lost, and the code leads nowhere else.
"""

from flask import Flask, g, make_response, render_template, request
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired

from portal.foundation.refusals import TooManyAttempts
from portal.html.forms import Form, refused
from portal.http import identity

_FIELD = "confirmation_code"
_NOT_CARRIED = ("csrf_token", _FIELD)


class ConfirmationForm(Form):
    """A code, once more."""

    confirmation_code = StringField("Code", [InputRequired("Type the code that your app shows now.")])


def register(app: Flask) -> None:
    """Read the code of a confirmation before the view does what it is for. Runs behind the gate."""
    app.before_request(_read)


def page(form: ConfirmationForm | None = None) -> Response:
    """Ask for a code, and keep what was sent. Passwords are not kept: no page holds one."""
    carried = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in _NOT_CARRIED and "password" not in name
    ]
    lost = any(file.filename for file in request.files.values())  # a page can carry no file
    shown = form or ConfirmationForm(formdata=None)
    response = make_response(render_template("web/session/confirm.html", form=shown, carried=carried, lost=lost), 403)
    if isinstance(shown.refusal, TooManyAttempts):
        response.status_code = shown.refusal.status
        response.headers["Retry-After"] = str(shown.refusal.retry_after)
    return response


def _read() -> Response | None:
    asked = request.method == "POST" and not identity.is_api(request) and _FIELD in request.form
    if not asked or g.actor is None or not g.actor.needs_confirmation:
        return None
    form = ConfirmationForm()
    if form.validate():
        with refused(form, TooManyAttempts):
            identity.confirm(form.confirmation_code.data)
            return None
    return page(form)
