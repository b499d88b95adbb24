"""What somebody typed is not lost because their session had ended, or their page's token no longer fits.

The form is kept (``accounts.unsent``), and after signing in its page shows it filled in. It is never sent by itself:
whoever typed it looks it over and sends it. Passwords, codes and files are not kept. Where a button is all that there
was to press, the page says that nothing came of it.
"""

from flask import Flask, current_app, g, request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException

from portal.accounts import unsent
from portal.accounts.unsent import UnsentForm
from portal.foundation.access import declared
from portal.foundation.freetext import mask_card_numbers
from portal.foundation.idempotency import is_used
from portal.foundation.refusals import Invalid
from portal.http import identity
from portal.http.once import FIELD, read_key
from portal.http.origins import comes_from_own_page

_MARK = "unsent"
_OF_THE_PAGE = ("csrf_token", "version", FIELD)
_SECRET = ("password", "code", "secret")


def register(app: Flask) -> None:
    """Give a page back what was typed into its form. Runs behind the gate."""
    app.before_request(_read)


def keep() -> str | None:
    """Keep the form that came; the address of the page that will show it, or None where there is nothing to keep."""
    secret, page = identity.shown_secret(), _page()
    if secret is None or page is None or not comes_from_own_page():
        return None
    form = UnsentForm(page, str(request.endpoint), _key(), _typed())
    if not form.has_words and not form.key:  # nobody could tell later whether the button was pressed again
        return None
    return f"{page}?{_MARK}=1" if unsent.keep(form, secret=secret) else None


def _key() -> str:
    """The form's idempotency key; empty without one that is any good."""
    try:
        return read_key(request.form.get(FIELD, ""))
    except (Invalid, HTTPException):
        return ""


def _typed() -> list[tuple[str, str]]:
    """What is kept of the form; nothing of one that is larger than the portal takes."""
    try:
        sent = list(request.form.items(multi=True))
    except HTTPException:
        return []
    kept = [(name, value) for name, value in sent if name not in _OF_THE_PAGE and not any(x in name for x in _SECRET)]
    if sum(len(value) for _, value in kept) > unsent.MOST:
        return []
    return [(name, mask_card_numbers(value)) for name, value in kept]


def _page() -> str | None:
    """The path of the page with the form: what is done stands below what it is done to."""
    view = current_app.view_functions.get(request.endpoint or "")
    adapter = current_app.create_url_adapter(request)
    if request.method != "POST" or adapter is None or view is None or declared(view) is None:
        return None
    path = request.path
    while path not in ("/", "/admin/"):
        try:
            adapter.match(path, method="GET")
        except HTTPException:
            path = path.rstrip("/").rpartition("/")[0] + "/"
        else:
            return path
    return None


def _read() -> None:
    row = identity.here() if request.method == "GET" and _MARK in request.args and g.actor is not None else None
    form = unsent.kept_in(row) if row is not None else None
    if form is None or form.page != request.path:
        return
    g.was_unsent = not form.key or not is_used(g.actor, form.route, form.key)  # else it was sent since
    if g.was_unsent and form.has_words:
        g.unsent = ImmutableMultiDict([*form.fields, *([(FIELD, form.key)] if form.key else [])])
