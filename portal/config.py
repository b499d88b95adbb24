"""Settings: from the environment, with defaults that need nothing."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 1024 * 1024


def load(overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """All settings of the app. ``overrides`` win over the environment.

    ``PORTAL_DATA_DIR``: folder of the embedded database and the generated key (``instance/``).
    ``DATABASE_URL``: another database, such as ``postgresql://…``.
    ``PORTAL_SECRET_KEY``: signs sessions; a generated one is kept in the data folder otherwise.
    ``PORTAL_METRICS_TOKEN`` or ``PORTAL_METRICS_TOKEN_FILE``: shows ``/metrics`` to other machines that send it.
    ``PORTAL_HTTPS=1``: the portal is served over HTTPS, so that browsers send its cookie over nothing else.
    """
    given = dict(overrides or {})
    data_dir = Path(given.get("DATA_DIR") or os.environ.get("PORTAL_DATA_DIR") or ROOT / "instance").resolve()
    _make_writable(data_dir)
    return {
        "DATA_DIR": data_dir,
        "SQLALCHEMY_DATABASE_URI": _database_url(os.environ.get("DATABASE_URL"), data_dir),
        # Values of statements stay out of logs and traces: they are people's data.
        "SQLALCHEMY_ENGINE_OPTIONS": {"hide_parameters": True, "pool_timeout": 3},
        "SECRET_KEY": given.get("SECRET_KEY") or os.environ.get("PORTAL_SECRET_KEY") or _kept_key(data_dir),
        "METRICS_TOKEN": _secret("PORTAL_METRICS_TOKEN"),
        "SESSION_COOKIE_NAME": "portal_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": os.environ.get("PORTAL_HTTPS") == "1",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        "MAX_CONTENT_LENGTH": MEGABYTE,
        "MAX_FORM_MEMORY_SIZE": MEGABYTE,
        "MAX_FORM_PARTS": 1000,
        "WTF_CSRF_CHECK_DEFAULT": False,  # the gate checks, once it knows whether a browser asks
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session
        **given,
    }


def _make_writable(folder: Path) -> None:
    """Make the data folder, for its owner only. Ends the program with one sentence where it cannot be written to."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"The data folder {folder} cannot be made: {error.strerror}. Set PORTAL_DATA_DIR.") from None
    if not os.access(folder, os.W_OK):
        raise SystemExit(f"The data folder {folder} cannot be written to. Change its owner, or set PORTAL_DATA_DIR.")


def _database_url(url: str | None, data_dir: Path) -> str:
    if not url:
        return f"sqlite:///{data_dir / 'portal.db'}"
    scheme, separator, rest = url.partition("://")
    driver = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}.get(scheme, scheme)
    return f"{driver}{separator}{rest}"


def _secret(name: str) -> str:
    """A secret from the environment, or from the file that ``…_FILE`` names; empty where neither is set."""
    path = os.environ.get(f"{name}_FILE")
    return Path(path).read_text("utf-8").strip() if path else os.environ.get(name, "")


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
