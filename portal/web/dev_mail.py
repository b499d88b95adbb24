"""The mails that the portal writes, on a page: in development and in the demo, instead of a mailbox.

In production there is no such address. Nor is there one where the portal has a name for other machines, and to whoever
asks from one there never is: the mails hold links that let people in.
"""

from flask import Blueprint, Flask, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from portal.config import LOOPBACK
from portal.foundation.access import public
from portal.foundation.ids import parse_id
from portal.foundation.refusals import NotFound
from portal.foundation.tenancy import across_accounts
from portal.http.gate import enter
from portal.http.hosts import comes_from_this_machine
from portal.mail.composing import NoLetter, as_html, letter_of
from portal.mail.letters import Letter
from portal.mail.models import Mail
from portal.mail.queries import get_mail, mail_page

dev = Blueprint("dev", __name__, url_prefix="/dev/mail")
_OWN_STYLE = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def show_mails(app: Flask) -> None:
    """Add the page, where it may be. An app that turns out to serve the demo comes here a second time."""
    is_private = app.config["ENVIRONMENT"] != "production" and set(app.config["HOSTS"]) <= set(LOOPBACK)
    if is_private and dev.name not in app.blueprints:
        app.register_blueprint(dev)


@dev.before_request
def _see_all_mails() -> None:
    if not comes_from_this_machine():
        raise NotFound()
    enter(across_accounts())


@dev.get("/")
@public
def mail_list() -> ResponseReturnValue:
    """Mails with their words, newest first."""
    page = mail_page(cursor=request.args.get("cursor"))
    return render_template("web/dev_mail/list.html", page=page, mails=[(mail, _read(mail)) for mail in page.rows])


@dev.get("/html")
@public
def mail_html() -> Response:
    """One mail as a mailbox shows it; the newest, where none is named."""
    mail_id = parse_id(request.args.get("mail", ""))
    mail = get_mail(mail_id) if mail_id else next(iter(mail_page().rows), None)
    letter = _read(mail) if mail else None
    response = make_response(as_html(letter, mail) if mail and letter else "")
    response.headers["Content-Security-Policy"] = _OWN_STYLE
    return response


def _read(mail: Mail) -> Letter | None:
    """Its words, unless the secret of its link is wiped already."""
    try:
        return letter_of(mail)
    except NoLetter:
        return None
