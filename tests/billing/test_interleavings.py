"""Pairs of operations on PostgreSQL in all orders of their statements. ``make torture`` plays every pair."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.factories import Factory
from tests.postgres import Server
from tests.torture.operations import Scene
from tests.torture.pairs import Theatre, connect

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def theatre(app: Flask, make: Factory, server: Server) -> Iterator[Theatre]:
    scene = Scene(app, make)
    stage = connect(server, app)
    yield Theatre(app, scene, stage)
    stage.connection.close()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("submit free", "submit free again"),
        ("submit free", "void free"),
        ("approve waiting", "approve waiting again"),
        ("approve waiting", "reject waiting"),
        ("approve waiting", "cancel waiting"),
        ("approve mine", "approve theirs"),
        ("refund paid", "refund paid"),
        ("settle gateway", "fail gateway"),
    ],
)
def test_two_at_once_end_as_one_after_the_other(theatre: Theatre, one: str, other: str) -> None:
    verdict = theatre.play(one, other)
    print(verdict)
    assert verdict.wrong == []
    assert verdict.orders > 1
