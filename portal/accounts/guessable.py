"""Passwords that are guessed first: those of stolen lists, and words of the portal and of the person."""

import gzip
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from portal.foundation.refusals import Invalid

OWN_WORDS = ("billing", "portal", "invoice", "payment", "credit", "admin", "reviewer", "password")
"""What anybody would try here first (``docs/security.md`` lists them too)."""
LEAST_OF_ONES_OWN = 8
_LIST = Path(__file__).with_name("breached_passwords.txt.gz")


def refuse_guessable(password: str, *, about: Iterable[str]) -> None:
    """Raise Invalid for a password that stands in the list, in any case, or is made of words that all can know.

    ``about`` is what is known of the person, such as name and address: no word of it counts, nor one of the portal.
    """
    plain = password.casefold()
    if f"\n{plain}\n".encode(errors="surrogatepass") in _listed():
        message = "This password stands in lists of stolen ones, which are tried first. Choose another."
        raise Invalid("breached_password", message, field="password")
    for word in sorted({*OWN_WORDS, *_words(about)}, key=len, reverse=True):
        plain = plain.replace(word, "")
    if len(plain) < LEAST_OF_ONES_OWN:
        message = "This password is little more than the portal's words, or your name or address. Choose another."
        raise Invalid("guessable_password", message, field="password")


def _words(about: Iterable[str]) -> set[str]:
    """Of four letters and more: shorter ones stand in other words by chance."""
    return {word for text in about for word in re.findall(r"[^\W_]{4,}", text.casefold())}


@cache
def _listed() -> bytes:
    """The list as it lies there, an entry a line: looking through it takes less than a millisecond."""
    return b"\n" + gzip.decompress(_LIST.read_bytes())
