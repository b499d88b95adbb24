"""Many power cuts of one workload, and what was left after each."""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.torture import invariants
from tests.torture.powercut import Recording, record, recovered, rows
from tests.torture.workload import Workload

CHECKPOINT = 40
"""Pages after which SQLite copies the log into the file: small, so that many cuts fall into a checkpoint."""


@dataclass
class Damage:
    """What the cuts did. ``lost``: acknowledged transactions missing. ``halves``: rows that no transaction left."""

    cuts: int = 0
    lost: int = 0
    halves: list[str] = field(default_factory=list)


def pull_the_plug(workload: Workload, folder: Path, cuts: int, *, synchronous: str = "", seed: int = 1) -> Damage:
    """Cut the power so many times while the workload runs; as the portal sets SQLite up, or with another setting."""
    pragmas = workload.pragmas | {"wal_autocheckpoint": str(CHECKPOINT)}
    if synchronous:
        pragmas["synchronous"] = synchronous
    recording = record(workload.before, workload.transactions, pragmas, folder)
    random = Random(seed)
    damage = Damage()
    for _ in range(cuts):
        _cut_once(recording, random, folder, damage)
    return damage


def _cut_once(recording: Recording, random: Random, folder: Path, damage: Damage) -> None:
    place = random.randrange(len(recording.log) + 1)
    files, acknowledged = recording.cut(place, random)
    damage.cuts += 1
    connection = recovered(files, folder)
    try:
        found = rows(connection)
        broken = invariants.broken(connection.execute)
    except Exception as error:  # noqa: BLE001 - a file that cannot be read is the worst of damages
        damage.halves.append(f"cut at {place}: {error}")
        return
    finally:
        connection.close()
    if found not in recording.states or broken:
        damage.halves.append(f"cut at {place}: rows that no transaction left; broken: {broken}")
    elif recording.states.index(found) < acknowledged:
        damage.lost += 1
