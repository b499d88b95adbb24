"""What a verification finds: something that does not follow from what it should follow from."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. ``rule`` is a stable word; ``subject`` names the row by its kind and id."""

    rule: str
    subject: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}: expected {self.expected}, found {self.found}"


def compare(rule: str, subject: str, what: str, expected: object, found: object) -> Iterator[Finding]:
    """The finding that the two differ, if they do."""
    if expected != found:
        yield Finding(rule, subject, f"{what} {_shown(expected)}", _shown(found))


def _shown(value: object) -> str:
    return "none" if value is None else value.hex() if isinstance(value, bytes) else str(value)
