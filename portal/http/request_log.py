"""A request's id, and the one line that the log holds of it."""

import re
from time import perf_counter
from typing import Any

import structlog
from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from portal.foundation.actor import Actor
from portal.foundation.ids import new_id
from portal.foundation.redaction import redact

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
log = structlog.get_logger("portal.requests")


def init_request_log(app: Flask) -> None:
    """Give each request its id and its line. To be called before whatever may refuse a request or end it."""
    app.before_request(_begin)
    app.after_request(_tell)  # what is registered first runs last
    app.teardown_request(_end)


def _begin() -> None:
    g.began = perf_counter()
    g.request_id = _own_id(request.headers.get("X-Request-ID", "")) or str(new_id())
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)


def _own_id(given: str) -> str | None:
    """The caller's id where it is well-formed. One like a token or a card number is not kept: pages show it."""
    return given if _WELL_FORMED.fullmatch(given) and redact(given) == given else None


def _tell(response: Response) -> Response:
    """The route's template instead of the address: ids say nothing to a reader, and queries hold what people typed."""
    say = log.debug if request.endpoint == "static" else log.info if response.status_code < 500 else log.error
    say(
        "request",
        method=request.method if request.method.isalpha() and len(request.method) < 10 else "?",
        route=request.url_rule.rule if request.url_rule else "-",
        status=response.status_code,
        ms=round((perf_counter() - g.began) * 1000, 1),
        address=request.remote_addr or "",
        **_who(g.get("actor")),
        **({"refusal": g.refusal} if "refusal" in g else {}),
    )
    return response


def _who(actor: Actor | None) -> dict[str, Any]:
    if actor is None:
        return {}
    return {
        "actor_id": str(actor.user_id),
        "role": actor.role.value,
        "face": actor.face,
        "account_id": str(actor.account_id) if actor.account_id else None,
        **({"token_id": str(actor.token_id)} if actor.token_id else {}),
    }


def _end(_error: BaseException | None) -> None:
    clear_contextvars()
