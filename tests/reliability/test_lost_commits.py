"""Few of the payments of ``tests/torture/test_lost_commits.py``, by the same code."""

import pytest
from flask import Flask

from tests.faults import AtCommit, Proxy
from tests.reliability.conftest import World
from tests.reliability.lost_commits import run

PAYMENTS = 40
pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.mark.parametrize("face", ["api", "form"])
def test_each_payment_is_there_once(face: str, world: World, behind: Flask, network: Proxy) -> None:
    outcome = run(world, behind, network, PAYMENTS, face=face)
    assert outcome.payments == {1: PAYMENTS}
    assert (outcome.keys, outcome.misled) == (PAYMENTS, 0)
    assert min(outcome.fates[AtCommit.LOSE], outcome.fates[AtCommit.CUT]) > 0


@pytest.mark.parametrize("face", ["api", "form"])
def test_without_keys_clients_are_misled(face: str, world: World, behind: Flask, network: Proxy) -> None:
    """The control: who asks again without a key is told that somebody else was quicker. It was they themselves."""
    outcome = run(world, behind, network, PAYMENTS, face=face, with_key=False)
    assert outcome.misled > 0
    assert outcome.answers[409] == outcome.misled
