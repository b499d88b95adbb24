"""How often somebody may ask: each token, each person in a browser, and each address of those who are nobody.

Counted at the gate, once it is known who asks: so a page counts as its twin of the API does, and whoever shows a bad
token counts by the address that the proxies of the settings name. A window is a minute of the clock.
"""

from dataclasses import dataclass
from math import ceil
from typing import Protocol

from flask import Flask, Response, current_app, g, request

from portal.accounts.sign_in import neighbourhood
from portal.foundation import clock
from portal.foundation.actor import Actor
from portal.foundation.refusals import Refusal
from portal.foundation.sealing import sealer
from portal.http.counts import WINDOW, OwnCounts
from portal.http.identity import is_api
from portal.http.unattended import asks_by_itself

_EXTENSION = "portal_rates"


class Counts(Protocol):
    """Where requests are counted."""

    def add(self, key: str, window: int) -> int:
        """Count one more of this key in this window; how many there are now."""


class TooManyRequests(Refusal):
    """Asked too often. Nothing was looked at, and nothing changed."""

    status = 429

    def __init__(self, limit: int, *, retry_after: int) -> None:
        super().__init__("too_many_requests", f"More than {limit} requests in a minute. Wait {retry_after} seconds.")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Rate:
    """Where somebody stands: so many a minute, so many left, and seconds until all are free again."""

    limit: int
    remaining: int
    reset: int


def init_rates(app: Flask) -> None:
    """Make ready to count, and tell callers of the API where they stand."""
    app.extensions[_EXTENSION] = _counts(app.config["RATE_LIMIT_STORAGE"])
    app.after_request(_tell)


def count(actor: Actor | None) -> None:
    """Count this request. Raises TooManyRequests beyond the limit."""
    limit, key = _limit_of(actor)
    window, passed = divmod(clock.now().timestamp(), WINDOW)
    counts: Counts = current_app.extensions[_EXTENSION]
    number = counts.add(key, int(window))
    g.rate = Rate(limit, max(limit - number, 0), ceil(WINDOW - passed))
    if number > limit:
        raise TooManyRequests(limit, retry_after=g.rate.reset)


def _counts(address: str) -> Counts:
    if address == "memory":
        return OwnCounts()
    from portal.http.shared_counts import SharedCounts  # noqa: PLC0415  (its client is slow to load; most do without)

    return SharedCounts(address)


def _limit_of(actor: Actor | None) -> tuple[int, str]:
    """How many a minute, and whose. An address by its fingerprint: whoever reads the counts learns nobody's."""
    settings = current_app.config
    if actor is None:
        where = sealer.fingerprint("requests of nobody", neighbourhood(request.remote_addr or ""))
        return settings["RATE_LIMIT_ADDRESS"], f"address:{where}"
    if actor.token_id is not None:
        return settings["RATE_LIMIT_TOKEN"], f"token:{actor.token_id}"
    return settings["RATE_LIMIT_USER"], f"{'page of user' if asks_by_itself() else 'user'}:{actor.user_id}"


def _tell(response: Response) -> Response:
    rate: Rate | None = g.get("rate")
    if rate is not None and is_api(request):
        response.headers["RateLimit-Limit"] = str(rate.limit)
        response.headers["RateLimit-Remaining"] = str(rate.remaining)
        response.headers["RateLimit-Reset"] = str(rate.reset)
    return response
