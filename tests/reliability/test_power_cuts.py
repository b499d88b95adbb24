"""Power cuts of SQLite, simulated, in a small number. ``make torture`` makes ten thousand."""

from pathlib import Path

import pytest
from flask import Flask

from tests.factories import Factory
from tests.torture.cuts import pull_the_plug
from tests.torture.workload import Workload

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def workload(app: Flask, make: Factory, tmp_path: Path) -> Workload:
    return Workload(app, make, tmp_path, rounds=4)


def test_the_workload_is_what_the_service_says(workload: Workload) -> None:
    assert len(workload.transactions) == 4 * 5
    assert any("INSERT INTO postings" in statement for statement in workload.transactions[1])
    assert workload.pragmas == {
        "journal_mode": "wal",
        "synchronous": "2",
        "foreign_keys": "1",
        "recursive_triggers": "1",
    }


def test_no_acknowledged_payment_is_lost_in_a_power_cut(workload: Workload, tmp_path: Path) -> None:
    damage = pull_the_plug(workload, tmp_path, 150)
    assert (damage.cuts, damage.lost, damage.halves) == (150, 0, [])


def test_with_synchronous_normal_some_are_lost(workload: Workload, tmp_path: Path) -> None:
    damage = pull_the_plug(workload, tmp_path, 60, synchronous="NORMAL")
    assert damage.lost > 10
    assert damage.halves == []


def test_with_synchronous_off_the_file_breaks(workload: Workload, tmp_path: Path) -> None:
    assert pull_the_plug(workload, tmp_path, 60, synchronous="OFF").halves
