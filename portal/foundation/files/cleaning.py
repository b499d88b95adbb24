"""A file that somebody sent, as a copy that is safe to keep and to show to others."""

import re
import subprocess
import sys
import unicodedata
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Condition

from portal.foundation.files.unfit import REFUSALS, Unfit
from portal.foundation.freetext import mask_card_numbers
from portal.foundation.refusals import Unavailable

MAX_BYTES = 10 * 1024 * 1024
MEDIA_TYPES = {"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png"}
"""What is taken, and how the names of its copies end."""
MAX_NAME = 100
_MAGIC = {b"%PDF-": "PDF", b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}
_ROOT = Path(__file__).resolve().parents[3]
_SECONDS = 20  # of waiting for the program; of processor time it allows itself less
_AT_ONCE, _PATIENCE = 2, 0.5  # who waits for others holds a thread that pages need
_copying: set[Hashable] = set()
_turns = Condition()


@dataclass(frozen=True, slots=True)
class CleanFile:
    """The copy. ``sha256`` is of what was sent, by which the same file is known again."""

    media_type: str
    content: bytes
    name: str
    sha256: str


class FilesBusy(Unavailable):
    """Too many files are being copied."""

    def __init__(self) -> None:
        super().__init__(
            "files_busy", "Too many files are being looked through. Nothing was changed. Try again in a moment."
        )


def clean_file(raw: bytes, name: str, *, sender: Hashable) -> CleanFile:
    """Copy a file. Raises Unfit, and FilesBusy where the sender's last one, or two of others, are still being copied.

    Takes up to seconds: belongs in front of a unit, never into one.
    """
    if not raw:
        raise Unfit("file_empty")
    if len(raw) > MAX_BYTES:
        raise Unfit("file_too_large")
    kind = next((kind for magic, kind in _MAGIC.items() if raw.startswith(magic)), None)
    if kind is None:
        raise Unfit("file_type_not_taken")
    with turn(sender):
        media_type, content = _copied(kind, raw)
    if len(content) > MAX_BYTES:
        raise Unfit("file_too_large")
    return CleanFile(media_type, content, clean_name(name, media_type), sha256(raw).hexdigest())


def clean_name(name: str, media_type: str) -> str:
    """The last part of the name, without what nobody can see and with the ending of what the file is."""
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    shown = "".join(c for c in last if unicodedata.category(c)[0] != "C" and c != "\ufffd")
    stem, ending = mask_card_numbers(shown).strip(), MEDIA_TYPES[media_type]
    stem = re.sub(r"(?i)\.[a-z0-9]{1,5}$", "", stem).strip(" .")
    return (stem[: MAX_NAME - len(ending)] or "file") + ending


@contextmanager
def turn(sender: Hashable) -> Iterator[None]:
    """One of the few files that this process copies at once, and the only one of its sender. Raises FilesBusy."""
    with _turns:
        if not _turns.wait_for(lambda: sender not in _copying and len(_copying) < _AT_ONCE, _PATIENCE):
            raise FilesBusy
        _copying.add(sender)
    try:
        yield
    finally:
        with _turns:
            _copying.remove(sender)
            _turns.notify_all()


def _copied(kind: str, raw: bytes) -> tuple[str, bytes]:
    """What the program makes of it: killed by its limits, it has said nothing."""
    try:
        command = [sys.executable, "-m", "portal.foundation.files.program", kind]
        ran = subprocess.run(  # noqa: S603  (three words of ours)
            command, input=raw, capture_output=True, timeout=_SECONDS, cwd=_ROOT, env={}, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unfit("file_too_costly") from None
    said, _, content = ran.stdout.partition(b"\n")
    word = said.decode("ascii", "replace")
    if ran.returncode == 0 and word in MEDIA_TYPES:
        return word, content
    raise Unfit(word if ran.returncode == 0 and word in REFUSALS else "file_too_costly")
