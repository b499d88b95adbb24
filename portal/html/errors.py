"""Refusals and errors as pages: what happened, why, and what to do."""

from urllib.parse import urlencode

from flask import g, make_response, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from portal.foundation.freetext import mask_card_numbers
from portal.foundation.refusals import ConfirmationRequired, NotSignedIn, OutcomeUnknown, Refusal, TooManyAttempts
from portal.html import confirmation, unsent
from portal.http.once import FIELD
from portal.http.unattended import asks_by_itself

_ADVICE = {
    400: "Go back and check what you sent.",
    403: "If you need this for your work, ask an owner of your account or an admin of the portal.",
    404: "Check the address, or start from the overview.",
    405: "Go back and use the links and buttons of the pages.",
    410: "Ask for another one where you asked for this one, or ask whoever invited you.",
    413: "A file may have 10 MB, and all else 1 MB. Go back, choose a smaller file, and send the form again.",
    414: "Leave out some of the filters.",
    415: "Go back and use the forms of the pages.",
    431: "Delete this site's cookies in your browser, and try again.",
    422: "Look at your payments: what this form did stands there. For something else, open the form anew.",
    429: "Nothing was changed. Wait a moment, then go back or reload this page.",
    503: "Reload this page in a moment. If it lasts, tell us the request number below.",
    500: "Nothing was changed. Try again; if it happens again, tell us the request number below.",
}
_AFTER_ATTEMPTS = "Nothing was changed. A browser in which you signed in before is not slowed down by what others try."
_AFTER_UNKNOWN = "Look whether it is there before you send it again."
_AFTER_UNKNOWN_WITH_KEY = "Look whether it is there, or send the very same form again: it counts once."
_SAID = {
    400: "The portal could not read this request.",
    404: "There is nothing here, or it is not yours.",
    405: "This address does not take that kind of request.",
    413: "This is larger than the portal takes.",
    414: "This address is longer than the portal takes.",
    431: "Your browser sent more headers than the portal takes.",
    500: "Something went wrong on our side.",
}


def answer(error: Exception) -> Response:
    """The page for an error. Somebody who is not signed in is sent to sign in first, and back afterwards."""
    if isinstance(error, NotSignedIn):
        return _to_sign_in()
    if isinstance(error, ConfirmationRequired):
        return confirmation.page()
    if isinstance(error, CSRFError) and (again := unsent.keep()):
        return redirect(again, 303)
    status, message = _read(error)
    unknown = isinstance(error, OutcomeUnknown)
    advice = _advice(error, status)
    page = render_template("errors/error.html", status=status, message=message, advice=advice, unknown=unknown)
    response = make_response(page, status)
    if isinstance(error, Refusal) and error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, HTTPException):
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return response


def _read(error: Exception) -> tuple[int, str]:
    if isinstance(error, OutcomeUnknown):
        return error.status, "We cannot tell whether this was recorded: the database did not answer in time."
    if isinstance(error, Refusal):
        return error.status, mask_card_numbers(error.message)
    if isinstance(error, CSRFError):
        return 400, "This page was open for so long, or in so many tabs, that its form is no longer valid."
    status = error.code or 500 if isinstance(error, HTTPException) else InternalServerError.code
    return status, _SAID.get(status, "The portal did not take this request.")


def _advice(error: Exception, status: int) -> str:
    if isinstance(error, OutcomeUnknown):
        return _AFTER_UNKNOWN_WITH_KEY if request.form.get(FIELD) else _AFTER_UNKNOWN
    return _AFTER_ATTEMPTS if isinstance(error, TooManyAttempts) else _ADVICE.get(status, _ADVICE[400])


def _to_sign_in() -> Response:
    of_signing_in = request.path.startswith("/login")
    here = request.full_path.rstrip("?") if request.method == "GET" and not of_signing_in else ""
    back = unsent.keep() or here
    target = "/login" + (f"?{urlencode({'next': back})}" if back not in ("", "/") else "")
    is_fragment = bool(request.headers.get("HX-Request"))
    if is_fragment and asks_by_itself():  # nobody is led away from a page that they read, or type into
        return make_response(render_template("components/signed_out.html"))
    if is_fragment:  # a fragment's place is too small for the sign-in page
        response = make_response("", 200)
        response.headers["HX-Redirect"] = target
        return response
    g.pop("actor", None)
    return redirect(target)
