"""The search for canaries: what was planted, where things stand, and what may stand there."""

import base64
import html
import json
import logging
import re
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from portal.foundation import logs

Place = str
LOG, RECORDS, DATABASE, TERMINAL = "log", "records before redaction", "database", "terminal"
PAGES, API, EXPORTS, ANSWER = "pages of ", "API of ", "exports of ", "the answer to "
OWN = {f"{kind}{who}" for kind in (PAGES, API, EXPORTS) for who in ("owner", "viewer", "reviewer", "admin")}
# What legitimately stands somewhere, by the secret's name.
MAY: dict[str, set[Place]] = {
    # A customer's own words about their transfer: staff need them to find it. Logs and other accounts have nothing.
    "an IBAN in a note": {DATABASE, *OWN, f"{ANSWER}a form", f"{ANSWER}a header"},
    # Shown once, on the answer to the request that made it.
    "a token": {f"{ANSWER}issuing it"},
    # Each form of one's own page carries one.
    "a CSRF token": {
        f"{PAGES}owner",
        f"{ANSWER}issuing it",
        f"{ANSWER}a form",
        f"{ANSWER}a header",
        f"{ANSWER}a query",
    },
    # So are they, each to whoever may manage what it is for. The API has an address for the secret of an endpoint.
    "a webhook's secret of before": {f"{ANSWER}asking for it"},
    "a webhook's secret": {f"{ANSWER}asking for it", f"{API}owner"},
    "a phone's secret": {f"{ANSWER}setting it up"},
    "a recovery code": {f"{ANSWER}setting it up"},
    "a recovery code that was used": {f"{ANSWER}setting it up"},
    # The form behind a link sends along what the link held.
    "a link of password_reset": {f"{ANSWER}opening it"},
    "a link of email_change": {f"{ANSWER}opening it"},
    "a link of invitation": {f"{ANSWER}opening it"},
    # Shown once too, and a repeat by the same key says null.
    "a token by the API": {f"{ANSWER}issuing it"},
    # Whoever types something else as their address finds it in the field again, and it is kept nowhere.
    "a password typed as an address": {f"{ANSWER}signing in with it"},
    "a code of the second factor": {f"{ANSWER}signing in with it"},
    # Whoever looks for a text finds it in the field again.
    "an IBAN in a query": {f"{ANSWER}a query"},
    "a token in a query": {f"{ANSWER}a query"},
}


@dataclass
class Planted:
    """The secrets by name, and the places by name with all that stands there."""

    secrets: dict[str, str] = field(default_factory=dict)
    places: dict[Place, list[bytes]] = field(default_factory=dict)

    def note(self, place: Place, *contents: str | bytes) -> None:
        """Something stands there."""
        self.places.setdefault(place, []).extend(
            one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one for one in contents
        )

    def found(self) -> set[tuple[str, Place]]:
        """Which secret stands where, in whatever spelling."""
        return {
            (name, place)
            for name, secret in self.secrets.items()
            for place, contents in self.places.items()
            if any(spelling in one for one in contents for spelling in spellings(secret))
        }

    def forbidden(self) -> set[tuple[str, Place]]:
        return {(name, place) for name, place in self.found() if place not in MAY.get(name, set())}


def spellings(secret: str) -> set[bytes]:
    """As it is, and as pages, addresses, JSON and base64 write it; numbers in groups too."""
    grouped = {secret} | {
        mark.join(secret[at : at + 4] for at in range(0, len(secret), 4))
        for mark in (" ", "-")
        if re.fullmatch(r"[A-Z]{0,2}[0-9A-Z]+", secret)
    }
    written = {
        way(one) for one in grouped for way in (str, html.escape, quote, quote_plus, lambda s: json.dumps(s)[1:-1])
    }
    encoded = {base64.b64encode(secret[at:].encode())[2:-4].decode() for at in range(3)}
    return {one.encode() for one in written | encoded}


class Watch(logging.Handler):
    """Keeps each record as it was given, and as it left."""

    def __init__(self, planted: Planted) -> None:
        super().__init__(logging.DEBUG)
        self.planted = planted
        self.setFormatter(logs.formatter(as_json=True))

    def emit(self, record: logging.LogRecord) -> None:
        given = (
            f"{record.msg!r} {record.args!r} {record.exc_info and logging.Formatter().formatException(record.exc_info)}"
        )
        self.planted.note(RECORDS, given)
        self.planted.note(LOG, self.format(record))
