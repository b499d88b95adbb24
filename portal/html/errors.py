"""Refusals and errors as pages: what happened, why, and what to do."""

from urllib.parse import urlencode

from flask import g, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from portal.foundation.actor import Actor
from portal.foundation.db import end_reading
from portal.foundation.freetext import mask_card_numbers
from portal.foundation.outages import best_effort
from portal.foundation.refusals import ConfirmationRequired, NotSignedIn, OutcomeUnknown, Refusal, TooManyAttempts
from portal.html import confirmation, unsent
from portal.http.identity import identify
from portal.http.once import FIELD
from portal.http.unattended import asks_by_itself

_ADVICE = {
    400: "Go back and check what you sent.",
    403: "If you need this for your work, ask an owner of your account or an admin of the portal.",
    404: "Check the address, or go back to the page that you came from.",
    405: "Go back and use the links and buttons of the page.",
    410: "Go back to the page that you came from.",
    413: "A file may have 10 MB, and all else 1 MB. Go back, choose a smaller file, and send the form again.",
    414: "Leave out some of the filters.",
    415: "Go back and use the form of the page.",
    431: "Delete this site’s cookies in your browser, and try again.",
    422: "The payments show what it did. To send something else, open the form again.",
    429: "Nothing was changed. Wait a moment, then go back or reload this page.",
    503: "Reload this page in a moment. If it keeps happening, tell us the request number below.",
    500: "Nothing was changed. Try again. If it keeps happening, tell us the request number below.",
}
# What to do about a mailed link that does not work, by what it was for: advice, and where a button leads.
_AFTER_LINKS = {
    "/password-reset/password": ("It works once, and for an hour.", "Ask for a new link", "web.forgotten_password"),
    "/email-change": ("Change the address again on your profile.", "Go to your profile", "web.profile"),
    "/invitation": ("Ask whoever invited you for a new one, or sign in if you are set up.", "Sign in", "web.sign_in"),
}
_AFTER_ATTEMPTS = "Nothing was changed. A browser in which you signed in before is not slowed down by what others try."
_AFTER_UNKNOWN = "Look whether it is there before you send it again."
_AFTER_UNKNOWN_WITH_KEY = "Look whether it is there, or send the very same form again: it counts once."
_SAID = {
    400: "The portal could not read this request.",
    404: "There is no such page, or it is not yours.",
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
    response = make_response(_page(error, status, message), status)
    if isinstance(error, Refusal) and error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, HTTPException):
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return response


def _page(error: Exception, status: int, message: str) -> str:
    """With the navigation of whoever asks, which takes the database; without, where that may be what failed."""
    unknown = isinstance(error, OutcomeUnknown)

    def render(layout: str) -> str:
        advice, label, address = _way_on(error, status)
        said = {"status": status, "message": message, "advice": advice, "unknown": unknown}
        return render_template("errors/error.html", layout=layout, label=label, address=address, **said)

    if status < 500 and status != 429:
        with best_effort("the navigation of an error's page"):
            if request.endpoint is None and status in (404, 405):
                g.actor = identify()  # where no route matches, the gate asks for nobody
            if g.get("actor") is not None:
                end_reading()  # what is counted in the navigation may come by another login
                return render("layouts/admin.html" if g.actor.is_staff else "layouts/customer.html")
    return render("layouts/plain.html")


def _read(error: Exception) -> tuple[int, str]:
    if isinstance(error, OutcomeUnknown):
        return error.status, "The database did not answer in time, so we cannot tell whether this was recorded."
    if isinstance(error, Refusal) and error.code == "not_found":
        return 404, _SAID[404]
    if isinstance(error, Refusal):
        return error.status, mask_card_numbers(error.message)
    if isinstance(error, CSRFError):
        return 400, "This page was open for so long, or in so many tabs, that its form is no longer valid."
    status = error.code or 500 if isinstance(error, HTTPException) else InternalServerError.code
    return status, _SAID.get(status, "The portal did not take this request.")


def _way_on(error: Exception, status: int) -> tuple[str, str, str]:
    """What to do, and the button for it: its words and its address."""
    if status == 410 and request.path in _AFTER_LINKS:
        advice, label, endpoint = _AFTER_LINKS[request.path]
        return advice, label, url_for(endpoint)
    return _advice(error, status), *_button(error, status)


def _button(error: Exception, status: int) -> tuple[str, str]:
    actor: Actor | None = g.get("actor")
    is_staff = actor is not None and actor.is_staff
    if isinstance(error, OutcomeUnknown) or status == 422:
        return "See the payments", url_for("admin.payment_list" if is_staff else "web.payment_list")
    if request.method == "GET" and status in (429, 500, 503):
        return "Try again", ""
    if actor is None:
        return "Sign in", url_for("web.sign_in")
    if is_staff:
        return "Go to the approvals", url_for("admin.approval_queue")
    return "Go to the overview", url_for("web.overview")


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
