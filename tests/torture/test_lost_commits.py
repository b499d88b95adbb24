"""Answers to COMMIT lost (25 %), connections cut before it (10 %): each payment is there once, each client knows."""

import pytest
from flask import Flask

from tests.faults import AtCommit, Proxy
from tests.reliability.conftest import World
from tests.reliability.lost_commits import CUT, LOST, run
from tests.torture.scale import scaled

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.mark.parametrize("face", ["api", "form"])
def test_each_payment_is_there_once(face: str, world: World, behind: Flask, network: Proxy) -> None:
    payments = scaled(10_000)
    outcome = run(world, behind, network, payments, face=face)
    print(f"{payments:,} payments by {face}: {dict(outcome.fates)}, {dict(outcome.answers)}")  # noqa: T201
    assert outcome.payments == {1: payments}
    assert (outcome.keys, outcome.misled) == (payments, 0)
    assert outcome.fates[AtCommit.LOSE] >= payments * LOST * 0.8
    assert outcome.fates[AtCommit.CUT] >= payments * CUT * 0.8


@pytest.mark.parametrize("face", ["api", "form"])
def test_without_keys_clients_are_misled(face: str, world: World, behind: Flask, network: Proxy) -> None:
    """The control."""
    payments = scaled(1_000)
    assert run(world, behind, network, payments, face=face, with_key=False).misled > payments * LOST * 0.5
