"""kill -9 of a process of the server under open-loop load: every acknowledged payment is there once, every key once."""

from flask import Flask

from tests.reliability.conftest import World
from tests.reliability.killed_workers import run
from tests.torture.scale import scaled


def test_killed_processes_lose_nothing(app: Flask, world: World) -> None:
    kills = scaled(500) // 2 or 1  # the other half on the other database
    outcome = run(app, world.make, kills=kills)
    print(f"{kills} kills: {outcome}")  # noqa: T201
    assert outcome.lost == outcome.doubled == 0
    assert outcome.refused == {}
    assert outcome.unanswered >= kills


def test_without_keys_clients_are_misled(app: Flask, world: World) -> None:
    """The control: a request whose answer died with its process is refused when it is sent again."""
    outcome = run(app, world.make, kills=200, with_key=False)
    assert outcome.refused[409] > 0
