"""Reading a whole database once: in one snapshot, a piece at a time, several ordered tables side by side.

Memory stays flat whatever the database holds, and the number of statements does not grow with it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

AnyRow = Row[*tuple[Any, ...]]
Progress = Callable[[int], None]
"""Is told how many rows were read since the last time."""


class Reading:
    """One passage: what it has read, by the names that it was given, and whom it tells."""

    def __init__(self, session: Session, *, progress: Progress = lambda _: None, piece: int = 500) -> None:
        self.session = session
        self.counts: Counter[str] = Counter()
        self._progress = progress
        self._piece = piece

    def rows(self, statement: Select[*tuple[Any, ...]], name: str = "") -> Iterator[AnyRow]:
        """The statement's rows as they come, counted under the name."""
        result = self.session.execute(statement, execution_options={"yield_per": self._piece})
        for part in result.partitions():
            if name:
                self.counts[name] += len(part)
            self._progress(len(part))
            yield from part


class Ordered:
    """Rows in the ascending order of a key, taken out key by key beside another table in the same order."""

    def __init__(self, rows: Iterable[AnyRow], key: str) -> None:
        self.key = key
        self._rows = iter(rows)
        self._next = next(self._rows, None)
        self._passed: list[AnyRow] = []

    def at(self, key: Any) -> list[AnyRow]:
        """The rows with this key. Those before it belong to nothing that was asked for, and are passed over."""
        found: list[AnyRow] = []
        while self._next is not None and getattr(self._next, self.key) <= key:
            (found if getattr(self._next, self.key) == key else self._passed).append(self._next)
            self._next = next(self._rows, None)
        return found

    def passed_over(self) -> list[AnyRow]:
        """What was passed over since this was asked last."""
        passed, self._passed = self._passed, []
        return passed

    def rest(self) -> Iterator[AnyRow]:
        """What was passed over, and all that is left."""
        yield from self.passed_over()
        while self._next is not None:
            yield self._next
            self._next = next(self._rows, None)
