"""The model walker at full length: ten million steps, four fifths of them on SQLite and one on PostgreSQL.

``WALK_SEED`` walks on from the world of that number, which a failure prints; each run takes another one otherwise.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flask import Flask

from tests.torture.scale import scaled
from tests.torture.walker import WORLD, walk

PART = 250_000
SHARES = [("sqlite", part) for part in range(32)] + [("postgresql", part) for part in range(8)]
FRESH = 20 * WORLD
"""Steps on one database before the next, so that each step costs the same."""


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """SQLite's folder in memory where there is such a place: the walk pulls no plug, and need not wait for disks."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize(("database", "part"), SHARES, indirect=["database"])
def test_ten_million_steps(new_app: Callable[[], Flask], part: int, record_property: Callable[..., None]) -> None:
    steps = scaled(PART)
    seed = int(os.environ.get("WALK_SEED") or random.SystemRandom().randrange(10**9))
    record_property("seed", seed)
    began, worked, done, moved = time.monotonic(), time.process_time(), 0, 0
    for start in range(0, steps, FRESH):
        outcomes = walk(new_app(), seed + start // WORLD, min(FRESH, steps - start))
        done += outcomes.total()
        moved += sum(count for (_, outcome), count in outcomes.items() if outcome == "ok")
    rate, cost = done / (time.monotonic() - began), (time.process_time() - worked) / done
    record_property(
        "steps", f"{done}, {moved} of them moved something; {rate:.0f}/s, {cost * 1000:.1f} ms of this CPU each"
    )
    assert done == steps
