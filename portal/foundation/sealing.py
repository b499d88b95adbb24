"""Sealing: secrets that must be read again are kept encrypted; what must only be recognised is kept as a fingerprint.

Both work with keys that are derived from the portal's own (``PORTAL_SECRET_KEY``), so that a copy of the database
alone opens nothing.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from hmac import compare_digest, digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class Unreadable(Exception):
    """What was sealed does not open: by another key, for something else, or changed."""


class Sealer:
    """Seals and recognises. ``use`` gives it the portal's key before anything else; it is one for the process."""

    def use(self, key: str | bytes, older: Iterable[str] = ()) -> None:
        """Derive the keys (HKDF, RFC 5869). What an older key sealed opens still; nothing more is sealed by it."""
        self._boxes = [AESGCM(_derive(_bytes(each), b"portal: sealed secrets")) for each in (key, *older)]
        self._mac_keys = [_derive(_bytes(each), b"portal: fingerprints") for each in (key, *older)]

    def seal(self, text: str, *, bound_to: object) -> str:
        """The text, encrypted (AES-256-GCM). It opens only for what it is bound to, such as its user's id."""
        nonce = secrets.token_bytes(_NONCE)
        return urlsafe_b64encode(nonce + self._boxes[0].encrypt(nonce, text.encode(), str(bound_to).encode())).decode()

    def unseal(self, sealed: str, *, bound_to: object) -> str:
        """The text again. Raises Unreadable."""
        try:
            raw = urlsafe_b64decode(sealed)
        except ValueError as error:
            raise Unreadable from error
        for box in self._boxes:
            try:
                return box.decrypt(raw[:_NONCE], raw[_NONCE:], str(bound_to).encode()).decode()
            except (InvalidTag, ValueError):
                continue
        raise Unreadable

    def fingerprint(self, *parts: object) -> str:
        """64 hexadecimal digits that stand for the parts (HMAC-SHA-256) and tell nothing about them."""
        return _fingerprint(self._mac_keys[0], parts)

    def recognises(self, fingerprint: str, *parts: object) -> bool:
        """Whether it stands for the parts, by this key or an older one."""
        return any(compare_digest(fingerprint, _fingerprint(key, parts)) for key in self._mac_keys)


def _fingerprint(key: bytes, parts: Iterable[object]) -> str:
    whole = b"".join(
        len(part).to_bytes(4, "big") + part for part in (str(p).encode(errors="surrogatepass") for p in parts)
    )
    return digest(key, whole, "sha256").hex()


def _bytes(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key)


sealer = Sealer()
