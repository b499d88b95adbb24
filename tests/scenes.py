"""Who is there before a test begins: made once for a process by the domain's functions, and copied for each test."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from portal.app import create_app
from tests import authenticators
from tests.engines import disconnect
from tests.factories import Factory

Scene = Callable[[Factory], Any]
"""Makes them. What it gives is what a test gets as ``there``: rows are detached, and each test has its own copies."""


@dataclass(frozen=True)
class Played:
    """A database in which the scene was played: SQLite's file, or the name that PostgreSQL knows it by."""

    origin: Path | str
    _there: bytes
    _phones: dict[UUID, str]

    def there(self) -> Any:
        """What the scene gave, as new as at its end: no phone has shown a code since."""
        authenticators.lay_out(self._phones)
        return pickle.loads(self._there)


def play(scene: Scene, settings: dict[str, Any], origin: Path | str) -> Played:
    """Play the scene in the migrated database of these settings. Numbers begin below those of tests."""
    app = create_app(settings)
    there = pickle.dumps(scene(Factory(app, first=1)))
    disconnect(app)
    return Played(origin, there, authenticators.phones())
