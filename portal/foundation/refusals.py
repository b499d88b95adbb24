"""Refusals: what the domain answers when it will not do something.

A refusal is for the person who asked. It has a ``code`` (a stable word for programs), a ``message`` (what happened,
why, and what to do) and, where one input is at fault, its ``field``. Each face translates refusals in one place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class FieldError:
    """One input at fault. ``code`` is a stable word; ``message`` is for people."""

    field: str
    code: str
    message: str


class Refusal(Exception):
    """Base of all refusals. ``status`` is the HTTP status that a face answers with."""

    status: ClassVar[int] = 400
    retry_after: int | None = None
    """Seconds after which asking again may help; the header ``Retry-After``."""

    def __init__(self, code: str, message: str, *, field: str | None = None, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.moment: datetime | None = None
        """When that was of which the message tells, as ``in_utc`` writes it. Pages write it for their reader."""
        self.details = details
        """Facts beside the message, such as the id of the payment that stands in the way; never a secret."""
        self.errors = [FieldError(field, code, message)] if field else []

    def dated(self, moment: datetime) -> Self:
        """The refusal, with its moment."""
        self.moment = moment
        return self


def in_utc(moment: datetime) -> str:
    """How a message writes a moment."""
    return f"{moment:%Y-%m-%d at %H:%M} UTC"


class Invalid(Refusal):
    """The request itself is wrong: missing, malformed or against a rule that does not depend on time."""

    status = 400

    @classmethod
    def fields(cls, errors: list[FieldError]) -> "Invalid":
        """Several inputs at fault at once."""
        refusal = cls("invalid_input", "Some of the input is missing or not valid. See the single fields.")
        refusal.errors = errors
        return refusal


def read_together(**reads: Callable[[], Any]) -> dict[str, Any]:
    """What each of them reads, by name. Raises Invalid of all that is wrong, so that it is said at once."""
    values: dict[str, Any] = {}
    refused: list[Invalid] = []
    for name, read in reads.items():
        try:
            values[name] = read()
        except Invalid as refusal:
            refused.append(refusal)
    errors = list(dict.fromkeys(error for refusal in refused for error in refusal.errors))
    if len(refused) == 1 or len(errors) == 1:
        raise refused[0]
    if refused:
        raise Invalid.fields(errors)
    return values


class NotSignedIn(Refusal):
    """Nobody, or somebody with a bad token, asks for what needs a person."""

    status = 401


class Forbidden(Refusal):
    """The person is known, and may not."""

    status = 403


class ConfirmationRequired(Forbidden):
    """The person may, but must show once more that it is them: by a code of their second factor."""

    def __init__(self) -> None:
        message = (
            "This needs a code of your second factor that is not older than five minutes. Confirm, then repeat it."
        )
        super().__init__("confirmation_required", message)


class NotFound(Refusal):
    """Absent, or another account's: nobody can tell which."""

    status = 404

    def __init__(self, code: str = "not_found", message: str = "There is nothing here, or it is not yours.") -> None:
        super().__init__(code, message)


class Conflict(Refusal):
    """Right in itself, but something else stands in the way by now."""

    status = 409


class TooManyAttempts(Refusal):
    """Asked too often. ``retry_after`` seconds later it can be tried again."""

    status = 429

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__("too_many_attempts", message)
        self.retry_after = retry_after


class Unavailable(Refusal):
    """Right in itself, and nothing came of it: the database is not there, busy or full. Asking again later helps."""

    status = 503
    retry_after = 5


class OutcomeUnknown(Unavailable):
    """The database was told to keep it, and its answer was lost: it may be written, or not."""

    def __init__(self) -> None:
        message = (
            "The database did not answer in time, so nobody can tell whether this was recorded. "
            "Ask again with the same idempotency key; without one, look whether it is there before you ask again."
        )
        super().__init__("outcome_unknown", message)
