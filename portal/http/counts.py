"""Counts of requests in a window of time, kept by this process."""

from collections import Counter
from threading import Lock

WINDOW = 60
"""Seconds: a minute of the clock."""


class OwnCounts:
    """Of this process: a number for whoever asked in the present window."""

    def __init__(self) -> None:
        self._window = 0
        self._numbers: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, key: str, window: int) -> int:
        """Count one more; how many there are now."""
        with self._lock:
            if window != self._window:
                self._window, self._numbers = window, Counter()
            self._numbers[key] += 1
            return self._numbers[key]
