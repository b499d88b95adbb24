"""Ten thousand simulated power cuts of SQLite as the portal sets it up, and the same with NORMAL for a control."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.factories import Factory
from tests.torture.cuts import Damage, pull_the_plug
from tests.torture.scale import scaled
from tests.torture.workload import Workload

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PARTS = 10
Note = Callable[..., None]


def note(record_property: Note, damage: Damage) -> None:
    record_property(
        "cuts", f"{damage.cuts}, acknowledged payments lost in {damage.lost}, half done {len(damage.halves)}"
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_power_cuts(app: Flask, make: Factory, tmp_path: Path, part: int, record_property: Note) -> None:
    workload = Workload(app, make, tmp_path, rounds=10)
    damage = pull_the_plug(workload, tmp_path, scaled(10_000 // PARTS), seed=part)
    note(record_property, damage)
    assert (damage.lost, damage.halves) == (0, [])


def test_normal_loses_what_was_acknowledged(app: Flask, make: Factory, tmp_path: Path, record_property: Note) -> None:
    workload = Workload(app, make, tmp_path, rounds=10)
    damage = pull_the_plug(workload, tmp_path, max(30, scaled(1000)), synchronous="NORMAL")
    note(record_property, damage)
    assert damage.lost > 0
    assert damage.halves == []
