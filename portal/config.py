"""Settings: from the environment, with defaults that need nothing."""

import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from portal.documents.stationery import read_stationery
from portal.foundation.logs import LEVELS
from portal.foundation.row_security import Login

ROOT = Path(__file__).resolve().parent.parent
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.ASCII)
_SENDER = re.compile(r"(?:[^<>@\r\n]+ )?<?[^<>@\s]+@[^<>@\s]+>?")
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "sqlite": "sqlite"}
SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}
MEGABYTE = 1024 * 1024
MILLION = 1_000_000
ENVIRONMENTS = ("production", "demo", "development")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
MAX_SESSION_DAYS = 30


def load(overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """All settings of the app. ``overrides`` win over the environment.

    ``docs/operations.md`` says what each variable means. Raises SystemExit, with one sentence, for what cannot be read.
    """
    given = dict(overrides or {})
    data_dir = Path(given.get("DATA_DIR") or os.environ.get("PORTAL_DATA_DIR") or ROOT / "instance").resolve()
    _make_writable(data_dir)
    key, older = given.get("SECRET_KEY") or _secret("PORTAL_SECRET_KEY"), _secret("PORTAL_SECRET_KEY_FALLBACKS")
    hosts = _hosts()
    https = os.environ.get("PORTAL_HTTPS") == "1"
    logins = given.get("DATABASE_LOGINS") or _logins()
    # A worker or an upgrader is given its own login only: without the customers', that is the database.
    other = logins.get(Login.WORKER) or logins.get(Login.OWNER) or f"sqlite:///{data_dir / 'portal.db'}"
    url = given.get("SQLALCHEMY_DATABASE_URI") or _database_url(Login.CUSTOMER) or other
    options = given.get("SQLALCHEMY_ENGINE_OPTIONS") or _engine_options(url)
    environment = _environment(testing=bool(given.get("TESTING")))
    return {
        "ENVIRONMENT": environment,
        "DATA_DIR": data_dir,
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": options,
        "SQLALCHEMY_BINDS": {login: {"url": its, **options} for login, its in logins.items()},
        "SECRET_KEY": key or _kept_key(data_dir),
        "SECRET_KEY_IS_GIVEN": key is not None,
        "SECRET_KEY_FALLBACKS": older.split() if older else [],
        "STATIONERY": read_stationery(os.environ, demo=environment == "demo"),
        "METRICS_TOKEN": _secret("PORTAL_METRICS_TOKEN"),
        "HOSTS": hosts or LOOPBACK,
        "HOSTS_ARE_GIVEN": bool(hosts),
        "CORS_ORIGINS": _origins(),
        "PROXIES": _proxies(),
        "NETWORK_IS_PRIVATE": os.environ.get("PORTAL_PRIVATE_NETWORK") == "1",
        "BASE_URL": _base_url(hosts, https=https),
        **_mail(hosts),
        "LOG_LEVEL": _one_of("PORTAL_LOG_LEVEL", LEVELS, default="info"),
        # A browser takes a cookie of this prefix over HTTPS and from this host only: no sister site can plant one.
        "SESSION_COOKIE_NAME": "__Host-portal_session" if https else "portal_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": https,
        "SESSION_REFRESH_EACH_REQUEST": False,  # an answer that comes late must not bring back the cookie of before
        "PERMANENT_SESSION_LIFETIME": timedelta(days=MAX_SESSION_DAYS),  # the row of the session ends it before
        "SESSION_STAFF_IDLE": timedelta(minutes=_number("PORTAL_STAFF_IDLE_MINUTES", 30)),
        "SESSION_STAFF": timedelta(hours=_number("PORTAL_STAFF_SESSION_HOURS", 12)),
        "SESSION_CUSTOMER_IDLE": timedelta(minutes=_number("PORTAL_CUSTOMER_IDLE_MINUTES", 12 * 60)),
        "SESSION_CUSTOMER": timedelta(hours=_number("PORTAL_CUSTOMER_SESSION_HOURS", 7 * 24)),
        # Requests a minute: of a token, of somebody in a browser, of an address from which nobody is signed in.
        "RATE_LIMIT_TOKEN": _number("PORTAL_RATE_LIMIT_TOKEN", 600, most=MILLION),
        "RATE_LIMIT_USER": _number("PORTAL_RATE_LIMIT_USER", 600, most=MILLION),
        "RATE_LIMIT_ADDRESS": _number("PORTAL_RATE_LIMIT_ADDRESS", 300, most=MILLION),
        "RATE_LIMIT_STORAGE": _counts(_secret("PORTAL_RATE_LIMIT_STORAGE")),
        "MAX_CONTENT_LENGTH": MEGABYTE,
        "MAX_FORM_MEMORY_SIZE": MEGABYTE,
        "MAX_FORM_PARTS": 1000,
        "WTF_CSRF_CHECK_DEFAULT": False,  # the gate checks, once it knows whether a browser asks
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session
        "WTF_CSRF_SSL_STRICT": False,  # it asks for a Referer, which some browsers leave out; the gate asks for more
        **given,
    }


def _environment(*, testing: bool) -> str:
    """What the portal runs as. Whoever says nothing means production, which refuses to serve unless all is set."""
    return _one_of("PORTAL_ENV", ENVIRONMENTS, default="development" if testing else "production")


def _one_of(name: str, words: tuple[str, ...], *, default: str) -> str:
    word = (os.environ.get(name) or default).lower()
    if word not in words:
        raise SystemExit(f"{name} is one of {', '.join(words)}, not “{word}”.")
    return word


def _secret(name: str) -> str | None:
    """A secret from its variable, or from the file that the variable with ``_FILE`` names, or None."""
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value and file:
        raise SystemExit(f"Both {name} and {name}_FILE are set. Keep one of them.")
    if not file:
        return value or None
    try:
        return Path(file).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise SystemExit(f"The file {file} of {name}_FILE cannot be read: {why}.") from None


def _hosts() -> tuple[str, ...]:
    """The names under which people reach the portal; none where nothing is said."""
    names = tuple(part.strip().lower() for part in os.environ.get("PORTAL_HOSTS", "").split(",") if part.strip())
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise SystemExit(f"PORTAL_HOSTS holds names without scheme and port, separated by commas, not “{name}”.")
    return names


def _origins() -> tuple[str, ...]:
    """The sites whose scripts may ask the API by token; none where nothing is said."""
    origins = tuple(part.strip() for part in os.environ.get("PORTAL_CORS_ORIGINS", "").split(",") if part.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            example = "https://app.company.example"
            raise SystemExit(f"PORTAL_CORS_ORIGINS holds origins like {example}, separated by commas, not “{origin}”.")
    return origins


def _base_url(hosts: tuple[str, ...], *, https: bool) -> str:
    """What links in mails begin with: the address that is given, or the first of the names that are."""
    given = (os.environ.get("PORTAL_URL") or "").strip().rstrip("/")
    if given and not _ORIGIN.fullmatch(given):
        raise SystemExit(f"PORTAL_URL is an address like https://billing.company.example, not “{given}”.")
    if hosts:
        return given or f"{'https' if https else 'http'}://{hosts[0]}"
    return given or f"http://localhost:{os.environ.get('PORT') or 8000}"


def _mail(hosts: tuple[str, ...]) -> dict[str, Any]:
    """The SMTP server that mails leave by, if one is named, and whom they come from. None leaves the demo."""
    host = os.environ.get("PORTAL_SMTP_HOST") or ""
    security = _one_of("PORTAL_SMTP_SECURITY", tuple(SMTP_PORTS), default="starttls")
    sender = os.environ.get("PORTAL_MAIL_FROM") or f"Billing Portal <portal@{hosts[0] if hosts else 'localhost'}>"
    if not _SENDER.fullmatch(sender):
        raise SystemExit(f"PORTAL_MAIL_FROM is like “Billing <billing@company.example>”, not “{sender}”.")
    user, password = os.environ.get("PORTAL_SMTP_USER") or "", _secret("PORTAL_SMTP_PASSWORD") or ""
    if bool(user) != bool(password):
        raise SystemExit("PORTAL_SMTP_USER and PORTAL_SMTP_PASSWORD go together: one of them is missing.")
    if user and security == "none":
        raise SystemExit("PORTAL_SMTP_SECURITY is none: the password of PORTAL_SMTP_USER would cross the network.")
    return {
        "MAIL_FROM": sender,
        "SMTP_HOST": "" if os.environ.get("PORTAL_ENV") == "demo" else host,
        "SMTP_PORT": _number("PORTAL_SMTP_PORT", SMTP_PORTS[security], most=65535),
        "SMTP_SECURITY": security,
        "SMTP_USER": user,
        "SMTP_PASSWORD": password,
    }


def _proxies() -> int:
    """How many proxies stand between people and the portal."""
    text = os.environ.get("PORTAL_PROXIES") or "0"
    if not re.fullmatch("[0-9]", text, re.ASCII):
        raise SystemExit(f"PORTAL_PROXIES is a number from 0 to 9, not “{text}”.")
    return int(text)


def _counts(address: str | None) -> str:
    """Where requests are counted: in each process, or in a Redis for all of them."""
    if address is None or address == "memory":
        return "memory"
    with contextlib.suppress(ValueError):  # for a port that is none
        parts = urlsplit(address)
        if parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0:
            return address
    raise SystemExit("PORTAL_RATE_LIMIT_STORAGE is “memory”, or the address of a Redis such as redis://host:6379/0.")


def _number(name: str, default: int, *, most: int = MAX_SESSION_DAYS * 24 * 60) -> int:
    """A whole number from the environment. Ends the program with one sentence where it is none, or out of bounds."""
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise SystemExit(f"{name} must be a whole number from 1 to {most}; it is “{text}”.")
    return int(text)


def _make_writable(folder: Path) -> None:
    """Make the data folder, for its owner only. Ends the program with one sentence where it cannot be written to."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"The data folder {folder} cannot be made: {error.strerror}. Set PORTAL_DATA_DIR.") from None
    if not os.access(folder, os.W_OK):
        raise SystemExit(f"The data folder {folder} cannot be written to. Change its owner, or set PORTAL_DATA_DIR.")


def _database_url(login: Login) -> str | None:
    """The database's address by this login, with the one driver that we have; None where nothing is said."""
    given = _secret(login.setting)
    if not given:
        return None
    scheme, separator, rest = given.partition("://")
    url = f"{_DRIVERS.get(scheme, scheme)}{separator}{rest}"
    with contextlib.suppress(ArgumentError, ValueError):  # for a port that is none
        if make_url(url).drivername in _DRIVERS.values():
            return url
    raise SystemExit(
        f"{login.setting} is an address like postgresql://user:password@host/name, or sqlite:////folder/file.db."
    )


def _logins() -> dict[str, str]:
    """The database's address by the logins that have one of their own; the customers' is ``DATABASE_URL``."""
    given = {login.value: _database_url(login) for login in Login if login is not Login.CUSTOMER}
    return {login: url for login, url in given.items() if url}


def _engine_options(url: str) -> dict[str, Any]:
    """Values of statements stay out of logs and traces: they are people's data.

    No statement stays prepared in PostgreSQL: behind PgBouncer in transaction mode the next transaction may meet
    another server, which has not prepared it, or another client's of the same name.
    """
    options: dict[str, Any] = {"hide_parameters": True, "pool_timeout": 3}
    if url.startswith("postgresql+psycopg") and os.environ.get("DATABASE_PREPARE") != "1":
        options["connect_args"] = {"prepare_threshold": None}
    return options


def _kept_key(data_dir: Path) -> str:
    """The key of this installation, made at its first start and readable by its owner only."""
    path = data_dir / "secret_key"
    if not path.exists():
        fresh = data_dir / f".secret_key.{secrets.token_hex(8)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32), "ascii")
        with contextlib.suppress(FileExistsError):  # another process was quicker: its key counts
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text("ascii")
