"""Routes that take a file: ``@takes_file("proof")`` on a view whose form has such a field.

Only they take more than other requests, and the file is copied before the view begins: outside of any unit, so that
nobody waits for a lock meanwhile. The view asks ``uploaded()`` where it wants the file, and hears there what is wrong
with it. Belongs above ``@once``, below ``@requires``.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import current_app, g, request
from flask.typing import ResponseReturnValue

from portal.accounts import throttle
from portal.accounts.throttle import Limit
from portal.foundation import audit
from portal.foundation.actor import Actor
from portal.foundation.db import forget_commits
from portal.foundation.deadline import uncounted
from portal.foundation.files.cleaning import MAX_BYTES, CleanFile, FilesBusy, clean_file
from portal.foundation.files.unfit import REFUSALS, Unfit
from portal.foundation.refusals import Invalid, Refusal, TooManyAttempts
from portal.http.gate import current_actor

MAX_PARTS = 30
"""Parts of a form with a file."""
LATER = (TooManyAttempts, FilesBusy)
"""What ``uploaded`` raises for a file that is not looked at now, beside Invalid for one that is not taken."""
_MARK = "takes_file"
_SENT = Limit("files sent, by a user", 10, timedelta(minutes=1))
View = Callable[..., ResponseReturnValue]


def takes_file(field: str) -> Callable[[View], View]:
    """Let the view take a file of up to 10 MB in this field of its form."""

    def mark(view: View) -> View:
        @wraps(view)
        def with_file(**values: Any) -> ResponseReturnValue:
            try:
                g.uploaded = _read(field)
                return view(**values)
            finally:
                for file in request.files.values():
                    file.close()  # large ones lie on the disk meanwhile

        setattr(with_file, _MARK, field)
        return with_file

    return mark


def uploaded() -> CleanFile | None:
    """The file that came with the form; None where none was chosen. Raises Invalid, and ``LATER``."""
    sent: CleanFile | Refusal | None = g.uploaded
    if isinstance(sent, Refusal):
        raise sent
    return sent


def required_upload(field: str) -> CleanFile:
    """The same where a file must come. Raises Invalid where none was chosen, too."""
    sent = uploaded()
    if sent is None:
        raise Invalid("required", "Choose a file first.", field=field)
    return sent


def widen_for_a_file() -> None:
    """Let the body of a form to such a route be as long as a file and its form. Called before any of it is read."""
    view = current_app.view_functions.get(request.endpoint or "")
    if request.mimetype == "multipart/form-data" and hasattr(view, _MARK):
        request.max_content_length = MAX_BYTES + current_app.config["MAX_CONTENT_LENGTH"]
        request.max_form_parts = MAX_PARTS


def _read(field: str) -> CleanFile | Refusal | None:
    sent = request.files.get(field)
    if sent is None:
        return None
    raw = sent.stream.read()
    if not raw and not sent.filename:
        return None  # what browsers send where nothing was chosen
    actor = current_actor()
    try:
        _count(actor)
        with uncounted():
            return clean_file(raw, sent.filename or "", sender=actor.account_id or actor.user_id)
    except Unfit as unfit:
        return Invalid(unfit.code, REFUSALS[unfit.code], field=field)
    except LATER as later:
        return later


def _count(actor: Actor) -> None:
    """To look through a file costs a second. Raises TooManyAttempts."""

    def note(limit: str) -> None:
        subject = actor.user_id or audit.NOBODY
        audit.record(actor, "upload.throttled", "user", subject, account_id=actor.account_id, limit=limit)

    try:
        throttle.take(_SENT.of(actor.user_id), note=note)
    except TooManyAttempts as refused:
        message = "You sent many files in a short time. Nothing was changed. Wait a minute, then send the form again."
        raise TooManyAttempts(message, retry_after=refused.retry_after or 60) from None
    forget_commits()  # what is asked for has not begun
