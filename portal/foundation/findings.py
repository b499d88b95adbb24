"""What a verification finds: something that does not follow from what it should follow from."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. ``rule`` is a stable word; ``subject`` names the row by its kind and id, and as people call it."""

    rule: str
    subject: str
    expected: str
    found: str

    def __str__(self) -> str:
        """One line, whatever the row holds: what would break it, or write to the screen by itself, is written out."""
        line = f"{self.rule}: {self.subject}: expected {self.expected}, found {self.found}"
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def compare(rule: str, subject: str, what: str, expected: object, found: object) -> Iterator[Finding]:
    """The finding that the two differ, if they do."""
    if expected != found:
        yield Finding(rule, subject, f"{what} {_shown(expected)}", _shown(found))


def _shown(value: object) -> str:
    return "none" if value is None else value.hex() if isinstance(value, bytes) else str(value)
