"""One pair of operations through all its orders, with what must hold in each."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from unittest.mock import patch
from uuid import UUID

from flask import Flask
from uuid_utils.compat import uuid7

from portal.foundation import ids
from portal.foundation.db import db
from tests.engines import engines_of
from tests.postgres import Server
from tests.torture import invariants
from tests.torture.footprint import Footprints
from tests.torture.interleaving import Exploration, Result, stops
from tests.torture.operations import Scene, Stage
from tests.torture.operations_beside import SEVERAL_UNITS


@dataclass
class Theatre:
    """A scene on a database, ready to be played again and again."""

    app: Flask
    scene: Scene
    stage: Stage

    def play(self, one: str, other: str, *, most: int = 0, all_orders: bool = False) -> "Verdict":
        """All orders of the two, or as many as ``most``; those that cannot differ once, unless ``all_orders``."""
        operations = self.scene.operations()
        exploration = Exploration(
            (operations[one], operations[other]),
            self.stage.restore,
            self.stage.digest,
            self.stage.connection,
            all_orders,
        )
        verdict = Verdict(f"{one} × {other}")
        footprints = Footprints(self.stage.connection)
        with stops(engines_of(self.app), footprints), ids_of_one_shard():
            serial = exploration.serial()
            allowed = [] if SEVERAL_UNITS & {one, other} else serial
            for result in exploration.orders():
                verdict.orders += 1
                verdict.endings.add((result.outcomes, repr(result.state)))
                verdict.wrong += [f"order {result.order}: {why}" for why in self._judge(result, allowed)]
                if len(verdict.wrong) > 5 or verdict.orders == most:
                    break
        verdict.cut = exploration.cut
        return verdict

    def _judge(self, result: Result, serial: list[Result]) -> list[str]:
        """What is wrong with how the order ended, compared with the serial ones where there are some."""
        wrong = [f"it ended in {outcome}" for outcome in result.outcomes if outcome.startswith("ERROR")]
        if serial and (result.outcomes, result.state) not in [(known.outcomes, known.state) for known in serial]:
            wrong.append(
                f"{result.outcomes} is neither {serial[0].outcomes} nor {serial[1].outcomes}, or leaves other rows"
            )
        broken = invariants.broken(self.stage.query)
        return wrong + ([f"broken: {broken}"] if broken else [])


@dataclass
class Verdict:
    """What all orders of a pair came to."""

    pair: str
    orders: int = 0
    cut: int = 0

    def __post_init__(self) -> None:
        self.endings: set[tuple[tuple[str, str], str]] = set()
        self.wrong: list[str] = []


def ids_of_one_shard() -> AbstractContextManager[object]:
    """In the block each id ends in 0: entries of the audit log go to a chain by that digit. Chance would make orders
    that do not repeat themselves, and spare most pairs the queue for the same chain.
    """
    return patch.object(ids, "uuid7", lambda: UUID(int=uuid7().int & ~0xF))


def connect(server: Server, app: Flask) -> Stage:
    """The stage over the app's database."""
    with app.app_context():
        name = db.engine.url.database
    return Stage(server.connect(name or ""))
