"""Setting a document as PDF, by typst. Its sheet reads what stands on it as JSON: markup in it stays text."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import BoundedSemaphore, Lock
from typing import Any

import structlog

from portal.documents import press
from portal.foundation.refusals import Unavailable

LARGE = 30_000
"""Characters. Below, a document takes milliseconds. Of a thousand long lines it takes seconds, and 200 MB that typst
would keep for the next ten: then a process of its own sets it, which can be ended."""
WAIT_SECONDS, SET_SECONDS = 5, 30
_large_one = Lock()
_not_refused = BoundedSemaphore(2)
"""One large document is set, and one more waits: a thread that waits serves nobody, and a process has few."""

log = structlog.get_logger("portal.documents")


@dataclass(frozen=True, slots=True)
class Pdf:
    """A document, and a name for it as a file: ASCII, without anything that a header or a shell could misread."""

    file_name: str
    content: bytes


def typeset(sheet: str, data: Mapping[str, Any], *, made_at: datetime) -> bytes:
    """The sheet with this data. The same data and moment give the same bytes.

    Raises Unavailable where a large one is being set already, or takes too long.
    """
    text, second = json.dumps(data, ensure_ascii=False), int(made_at.timestamp())
    content = press.press(sheet, text, second) if len(text) < LARGE else _set_apart(sheet, text, second)
    if press.CLAIM not in content:
        log.warning("a character has no font", sheet=sheet)
    return content


def file_name(kind: str, number: str) -> str:
    """``invoice-INV-2026-00001.pdf``; other characters than letters, digits, dots and dashes become dashes."""
    words = re.sub(r"[^A-Za-z0-9.]+", "-", number).strip("-.")
    return f"{kind}-{words}.pdf" if words else f"{kind}.pdf"


def _set_apart(sheet: str, text: str, second: int) -> bytes:
    """Set it in a process of its own, one at a time, which has none of our secrets in its environment."""
    if not _not_refused.acquire(blocking=False):
        raise _busy()
    try:
        return _set_in_turn(sheet, text, second)
    finally:
        _not_refused.release()


def _busy() -> Unavailable:
    return Unavailable("document_busy", "Another large document is being made. Ask again in a few seconds.")


def _set_in_turn(sheet: str, text: str, second: int) -> bytes:
    if not _large_one.acquire(timeout=WAIT_SECONDS):
        raise _busy()
    order = json.dumps({"sheet": sheet, "data": text, "made_at": second}).encode()
    try:
        done = subprocess.run(  # noqa: S603  (our own file; what others typed comes by stdin)
            [sys.executable, "-I", press.__file__],
            input=order,
            capture_output=True,
            check=True,
            timeout=SET_SECONDS,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise Unavailable("document_slow", "This document took too long to make. Ask again in a few minutes.") from None
    finally:
        _large_one.release()
    return done.stdout
