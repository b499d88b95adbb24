"""Identifiers: UUID version 7 (RFC 9562), not guessable and sorting by the time of their making."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh id, greater than every earlier one of this process."""
    return uuid7()


def parse_id(text: str) -> UUID | None:
    """The id that the text writes in the canonical form, or None: ``{…}``, ``urn:uuid:`` and bare hex are not ours."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None
