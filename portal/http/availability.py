"""The database gone, slow or full: every request is answered in time, in words, and nothing is half done."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, current_app, g

from portal.foundation.db import has_committed
from portal.foundation.deadline import within
from portal.foundation.outages import Outage, outage
from portal.foundation.refusals import OutcomeUnknown, Refusal, Unavailable
from portal.http import metrics

SECONDS = 4.0
"""What a request may wait for the database in all, so that it is answered within five."""
_SAID = {
    Outage.GONE: ("database_unavailable", "The portal cannot reach its database. Nothing was changed."),
    Outage.FULL: (
        "database_unavailable",
        "The portal can store nothing at the moment. Nothing was changed.",
    ),
    Outage.BUSY: ("database_busy", "The portal is very busy. Nothing was changed. Try again in a moment."),
}
_RETRY_AFTER = {Outage.GONE: 5, Outage.FULL: 30, Outage.BUSY: 1}


def init_availability(app: Flask) -> None:
    """Let no request wait for the database for longer than people do."""
    serve = app.wsgi_app

    def in_time(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with within(SECONDS):
            return serve(environ, start_response)

    app.wsgi_app = in_time  # type: ignore[method-assign]


def as_refusal(error: Exception) -> Refusal | None:
    """What the person reads when the database did not do its work; None for an error of another kind.

    Operators read the cause in the log, in one line: the database's own words, without any value of a statement.
    """
    if isinstance(error, OutcomeUnknown):
        metrics.outages.labels("unknown").inc()
        _log("outcome unknown", error.__cause__ or error)
        return error
    kind = outage(error)
    if kind is None:
        return None
    metrics.outages.labels(kind.value).inc()
    _log(f"database {kind}", error)
    if has_committed():  # what was asked for is done, or a part of it; only its answer could not be put together
        return OutcomeUnknown()
    code, message = _SAID[kind]
    refusal = Unavailable(code, message)
    refusal.retry_after = _RETRY_AFTER[kind]
    return refusal


def _log(what: str, error: BaseException) -> None:
    cause = getattr(error, "orig", None) or error
    words = " ".join(str(cause).split()) or type(cause).__name__
    current_app.logger.error("request %s: %s: %s", g.get("request_id", "-"), what, words)
