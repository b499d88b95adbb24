"""What must hold before the portal serves anybody. Each thing that does not is one sentence that says what to do.

Commands work without it. ``flask serve`` looks before it listens, ``wsgi.py`` when another server imports it, and the
first request of every process once more, for whatever way leads around both.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from math import log2
from pathlib import Path
from typing import Any

from flask import Flask, current_app, request

from portal.accounts.passwords import is_demo
from portal.config import LOOPBACK
from portal.foundation import logs
from portal.foundation.access import declared
from portal.foundation.db import db
from portal.foundation.login_checks import login_problems
from portal.foundation.network_checks import network_problems

MIN_SECRET_BYTES, MIN_SECRET_BITS = 32, 100
_GUESSABLE = re.compile(
    r"change.?me|default|example|insecure|password|passw0rd|placeholder|replace.?me|secret|development|your.?key|"
    r"correct.?horse|portal.?demo|abcdefgh|12345678|qwerty",
    re.IGNORECASE,
)
_HOW = "Make one with: python -c 'import secrets; print(secrets.token_hex(32))'"
_CHECKED = "portal_safety"


class Unsafe(SystemExit):
    """The portal does not serve like this. Its text is a sentence for each thing that is missing."""


def init_safety(app: Flask) -> None:
    """Look once more at the first request of each process."""
    app.before_request(_look_once)


def settle_environment(app: Flask, *, demo: bool, host: str) -> None:
    """Say that this process and those that it starts serve the demo, where they do.

    Raises Unsafe where the portal is set up as production, or would listen to other machines by accident.
    """
    if demo and os.environ.get("PORTAL_ENV") == "production":
        raise Unsafe("PORTAL_ENV says production: serve without --demo.")
    is_production = not demo and app.config["ENVIRONMENT"] == "production"
    listens_here = host in LOOPBACK or f"[{host}]" in LOOPBACK
    if not (is_production or listens_here or _others_reach_it(app.config)):
        raise Unsafe(
            f"Demo and development serve this machine only: to listen on {host}, say in PORTAL_HOSTS under which names "
            "others reach the portal."
        )
    if demo:
        app.config["ENVIRONMENT"] = os.environ["PORTAL_ENV"] = "demo"
        logs.set_up(level=app.config["LOG_LEVEL"], as_json=False)


def check_settings(app: Flask) -> None:
    """Raise Unsafe where the settings are not fit for serving."""
    _refuse(unsafe_settings(app.config, debug=app.debug))


def check_logins(app: Flask) -> None:
    """Raise Unsafe where a login of the database does not work, or is not the one that it should be. Needs an app
    context; tables need not be there yet.
    """
    _refuse(_unsafe_logins(app.config))


def check_before_serving(app: Flask) -> None:
    """Raise Unsafe where the settings or what the database holds are not fit for serving. Needs an app context."""
    _refuse(unsafe_settings(app.config, debug=app.debug) + _unsafe_data(app.config))


def unsafe_settings(config: Mapping[str, Any], *, debug: bool) -> list[str]:
    """What is wrong with the settings, a sentence each."""
    if not _is_in_earnest(config):
        exposed = debug and _others_reach_it(config)
        return ["Debug is on, which lets visitors run code: switch it off, or unset PORTAL_HOSTS."] if exposed else []
    found = []
    if not config["SECRET_KEY_IS_GIVEN"]:
        found.append(f"There is no secret: set PORTAL_SECRET_KEY or PORTAL_SECRET_KEY_FILE. {_HOW}")
    for name, secret in [
        ("PORTAL_SECRET_KEY", config["SECRET_KEY"]),
        *(("PORTAL_SECRET_KEY_FALLBACKS", older) for older in config["SECRET_KEY_FALLBACKS"]),
        *(("PORTAL_METRICS_TOKEN", token) for token in [config["METRICS_TOKEN"]] if token),
    ]:
        weakness = weakness_of(secret)
        if weakness:
            found.append(f"The secret in {name} is weak: {weakness}. {_HOW}")
    if debug or config.get("TESTING"):
        found.append("Debug is on, which shows visitors what is inside: unset FLASK_DEBUG.")
    if not config["SESSION_COOKIE_SECURE"]:
        found.append("Set PORTAL_HTTPS=1, and serve the portal over HTTPS only: passwords cross the network.")
    if not config["HOSTS_ARE_GIVEN"]:
        found.append("Set PORTAL_HOSTS to the names under which people reach the portal, separated by commas.")
    return found + network_problems(config)


def _is_in_earnest(config: Mapping[str, Any]) -> bool:
    """Whether others than the people of this machine are served. What is shown as a demo says so itself."""
    environment: str = config["ENVIRONMENT"]
    return environment == "production" or (environment == "development" and _others_reach_it(config))


def _others_reach_it(config: Mapping[str, Any]) -> bool:
    """Whether the portal has a name that other machines call it by."""
    return not set(config["HOSTS"]) <= set(LOOPBACK)


def weakness_of(secret: str) -> str | None:
    """Why somebody could guess the secret, or None. An estimate: it finds what people type, not what is merely old."""
    if len(secret.encode()) < MIN_SECRET_BYTES:
        return f"it is shorter than {MIN_SECRET_BYTES} bytes"
    if _GUESSABLE.search(secret):
        return "it holds a word that people guess"
    if (secret * 2).find(secret, 1) < len(secret) or _bits(secret) < MIN_SECRET_BITS:
        return "it repeats itself"
    steps = Counter(ord(after) - ord(before) for before, after in pairwise(secret))
    return "it follows a pattern" if max(steps.values()) > len(secret) / 2 else None


def _bits(secret: str) -> float:
    """How much the secret's characters surprise, at most (Shannon)."""
    return -sum(number * log2(number / len(secret)) for number in Counter(secret).values())


def _unsafe_data(config: Mapping[str, Any]) -> list[str]:
    return [*_open_files(config), *_unfit_rows(config)]


def _open_files(config: Mapping[str, Any]) -> list[str]:
    """A SQLite file, made by a release of before or by hand, that everybody on this machine can read."""
    if db.engine.dialect.name != "sqlite" or not _is_in_earnest(config):
        return []
    path = Path(str(db.engine.url.database))
    leads_there = all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)
    is_open = leads_there and path.exists() and path.stat().st_mode & stat.S_IROTH
    return [f"Everybody on this machine can read the database: chmod -R go= {path.parent}"] if is_open else []


def _unfit_rows(config: Mapping[str, Any]) -> list[str]:
    if _is_in_earnest(config) and is_demo():
        return ["This database holds the demo, whose passwords everybody knows: set DATABASE_URL to another one."]
    if config["ENVIRONMENT"] == "demo" and _others_reach_it(config) and not is_demo():
        return ["This database holds data of your own, not the demo: serve without --demo."]
    return []


def _unsafe_logins(config: Mapping[str, Any]) -> list[str]:
    return login_problems(db.engines, allows_one_superuser=not _is_in_earnest(config))


def _look_once() -> None:
    if _CHECKED in current_app.extensions:
        return
    problems = unsafe_settings(current_app.config, debug=current_app.debug)
    if not problems and _shows_nothing():
        return
    problems += _unsafe_data(current_app.config)
    if _is_in_earnest(current_app.config):
        problems += _unsafe_logins(current_app.config)
    if problems:
        raise RuntimeError(f"The portal does not serve like this. {' '.join(problems)}")
    current_app.extensions[_CHECKED] = True


def _shows_nothing() -> bool:
    """Whether the request is for what everybody may see, such as the portal's health: that waits for no database."""
    view = current_app.view_functions.get(request.endpoint or "")
    return request.method in ("GET", "HEAD") and (view is None or declared(view) is None)


def _refuse(problems: list[str]) -> None:
    if problems:
        raise Unsafe("\n".join(problems))
