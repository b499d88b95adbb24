"""Refusals in the audit log: what somebody who is known asked the portal to change, and did not get.

Whoever translates a refusal into an answer leaves its code in ``g.refusal``; here it is written down, once for all
faces. Requests of nobody are left out, and those beyond a limit: they cost their sender nothing, and the log could be
filled with them. They stand in the log of requests, and so does what failed because the database was not there.
"""

from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from flask import Flask, Response, current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from portal.accounts import throttle
from portal.accounts.throttle import Limit
from portal.foundation import audit
from portal.foundation.actor import Actor
from portal.foundation.refusals import Refusal, TooManyAttempts
from portal.http.gate import SAFE_METHODS

_NOTED = Limit("refusals in the audit log, of a user", 100, timedelta(seconds=10))
_NOT_NOTED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def init_refusals(app: Flask) -> None:
    """Write refusals down, when the answer is made."""
    app.after_request(_note)


def _note(response: Response) -> Response:
    actor: Actor | None = g.get("actor")
    if (
        actor is not None
        and "refusal" in g
        and request.method not in SAFE_METHODS
        and response.status_code not in _NOT_NOTED
    ):
        try:
            _record(actor, g.refusal, response.status_code)
        except (
            SQLAlchemyError,
            Refusal,
        ):  # nothing was changed, which the answer says: it stands, whatever became of the log
            current_app.logger.exception("the refusal of request %s could not be recorded", g.request_id)
    return response


def _record(actor: Actor, code: str, status: int) -> None:
    """The operation by the name of its route; nothing of what was typed. Beyond a limit, that there were too many."""
    try:
        throttle.take(_NOTED.of(actor.user_id), note=lambda _limit: _write(actor, "too_many_refusals", status))
    except TooManyAttempts:
        return
    _write(actor, code, status)


def _write(actor: Actor, code: str, status: int) -> None:
    kind, subject_id = _subject(actor)
    told = {"operation": request.endpoint, "code": code, "status": status}
    audit.record(actor, "request.refused", kind, subject_id, account_id=actor.account_id, **told)


def _subject(actor: Actor) -> tuple[str, UUID]:
    """What the address names, be it there or not; else whoever asked."""
    for name, value in (request.view_args or {}).items():
        if isinstance(value, UUID):
            return name.removesuffix("_id"), value
    return "user", actor.user_id or audit.NOBODY
