"""What a token looks like: ``bp_live_``, 43 random characters, and a checksum of 6, as GitHub writes its tokens.

Scanners of leaked secrets find it by its shape, and one that was mistyped is refused without asking the database.
"""

import re
import secrets
import string
from hashlib import sha256
from zlib import crc32

PREFIX = "bp_live_"
HINT_LENGTH = 4
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM, _CHECKSUM = 43, 6  # 62**43 is just above 2**256; 62**6 holds any CRC-32
_SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECKSUM}}}")
_OLDER = re.compile(r"bp_[A-Za-z0-9_-]{43}")  # before there was a checksum


def new_secret() -> str:
    """A token that nobody has."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return body + _checksum(body)


def is_well_formed(secret: str) -> bool:
    """Whether this can be a token at all."""
    if _OLDER.fullmatch(secret):
        return True
    return _SHAPE.fullmatch(secret) is not None and _checksum(secret[:-_CHECKSUM]) == secret[-_CHECKSUM:]


def hint_of(secret: str) -> str:
    """Its last characters, by which people tell their tokens apart. They are of the checksum, and tell no more."""
    return secret[-HINT_LENGTH:]


def hash_of(secret: str) -> str:
    """SHA-256: the secret has 256 random bits, a slow hash would add nothing."""
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _checksum(body: str) -> str:
    """CRC-32 of all that stands before, in base 62."""
    number, digits = crc32(body.encode("ascii")), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
