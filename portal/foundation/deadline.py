"""How long the present request may wait for the database. Outside a request (commands) nothing hurries."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from time import monotonic

_ends: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What the block waits for ends after so many seconds all together, or sooner where it is part of such a block."""
    ends, outer = monotonic() + seconds, _ends.get()
    token = _ends.set(ends if outer is None else min(ends, outer))
    try:
        yield
    finally:
        _ends.reset(token)


@contextmanager
def sparing(seconds: float) -> Iterator[None]:
    """What the block waits for ends so many seconds before the request's time: they are left for what comes after."""
    left = remaining()
    with nullcontext() if left is None else within(left - seconds):
        yield


@contextmanager
def uncounted() -> Iterator[None]:
    """What passes in the block is no waiting for the database: a body that comes slowly, a file that is decoded."""
    begun = monotonic()
    try:
        yield
    finally:
        ends = _ends.get()
        if ends is not None:
            _ends.set(ends + monotonic() - begun)


def remaining() -> float | None:
    """The seconds left, 0 when they are used up; None where nobody waits."""
    ends = _ends.get()
    return None if ends is None else max(ends - monotonic(), 0.0)
