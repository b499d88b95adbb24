"""Passwords: argon2id, and a demo password that works in the demo database only."""

import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from argon2 import Parameters, PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select

from portal.accounts.guessable import refuse_guessable
from portal.accounts.models import PortalFact
from portal.foundation.db import session, transaction
from portal.foundation.refusals import Invalid

DEMO_PASSWORD = "portal-demo"  # noqa: S105  (known to everybody, and refused outside the demo)
MIN_LENGTH, MAX_LENGTH = 12, 200
_DEMO_FACT = "demo"
# OWASP's least for argon2id, for codes that the portal makes itself: being random, they stand in no list to guess from.
_FOR_CODES = replace(profiles.RFC_9106_LOW_MEMORY, time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Passwords:
    """Hashes and verifies. Tests may choose a cheaper profile; the portal uses RFC 9106's second recommendation."""

    def __init__(self) -> None:
        self.use(profiles.RFC_9106_LOW_MEMORY, for_codes=_FOR_CODES)

    def use(self, profile: Parameters, *, for_codes: Parameters | None = None) -> None:
        self.hasher = PasswordHasher.from_parameters(profile)
        self._code_hasher = PasswordHasher.from_parameters(for_codes or profile)
        self._nobody = self.hasher.hash("nobody has this password")

    def hash(self, password: str, *, about: Iterable[str] = ()) -> str:
        """The password's hash. Raises Invalid for one that is too short, too long, the demo's, or guessed first.

        ``about`` is what others know of the person; none of it makes a password longer.
        """
        if password == DEMO_PASSWORD:
            if not is_demo():
                raise Invalid(
                    "demo_password", "The demo password works in the demo only. Choose another.", field="password"
                )
        elif not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            message = f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters; this has {len(password)}."
            raise Invalid("password_length", message, field="password")
        else:
            refuse_guessable(password, about=about)
        return self.hasher.hash(_bytes(password))

    def hash_code(self, code: str) -> str:
        """The hash of a code that was made at random. ``fits`` tells whether a code belongs to it."""
        return self._code_hasher.hash(_bytes(code))

    def fits(self, password: str, hashed: str | None) -> bool:
        """Whether the password belongs to the hash. Takes the same time when there is no hash.

        What is longer than a password can be is not cut: it is compared as nothing, which no hash is of.
        """
        try:
            fits = self.hasher.verify(hashed or self._nobody, _bytes(password if len(password) <= MAX_LENGTH else ""))
        except (VerificationError, InvalidHashError):
            return False
        return fits and hashed is not None and (password != DEMO_PASSWORD or is_demo())

    def renewed(self, password: str, hashed: str) -> str | None:
        """Another hash of the password that fits this one, where this one was not made by the present parameters."""
        return self.hasher.hash(_bytes(password)) if self.hasher.check_needs_rehash(hashed) else None


def _bytes(password: str) -> bytes:
    """As typed, in the one form that keyboards of all systems agree on (RFC 8265, OpaqueString)."""
    return unicodedata.normalize("NFC", password).encode(errors="surrogatepass")


passwords = Passwords()


def is_demo() -> bool:
    """Whether this database holds the demo."""
    return session.scalar(select(PortalFact.value).where(PortalFact.name == _DEMO_FACT)) == "yes"


def mark_as_demo() -> None:
    """Say that this database holds the demo. For good: its data and passwords are known to everybody."""
    with transaction() as unit:
        unit.add(PortalFact(name=_DEMO_FACT, value="yes"))
