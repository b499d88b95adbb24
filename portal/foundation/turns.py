"""Turns at writing: first come, first served.

SQLite lets one writer in at a time and has no queue: who waits looks again now and then, and with bad luck never finds
the lock free. So the threads of a process queue up here, and only the first of them looks, often.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock
from weakref import WeakKeyDictionary

from sqlalchemy import Engine


class NoTurn(Exception):
    """Those before took too long."""


class Queue:
    """Who writes, and who waits for it in the order of coming."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._taken = False
        self._waiting: deque[Event] = deque()

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Wait for the turn, at most so long, and keep it for the block. Raises NoTurn."""
        self._take(seconds)
        try:
            yield
        finally:
            self._pass_on()

    def _take(self, seconds: float) -> None:
        mine = Event()
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            self._waiting.append(mine)
        if mine.wait(seconds):
            return
        with self._guard:
            if not mine.is_set():
                self._waiting.remove(mine)
                raise NoTurn
        # The turn came in the very moment of giving up: it is ours.

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


_queues: WeakKeyDictionary[Engine, Queue] = WeakKeyDictionary()
_guard = Lock()


def queue_of(engine: Engine) -> Queue:
    """The one queue of this process for the engine's database."""
    with _guard:
        return _queues.setdefault(engine, Queue())
