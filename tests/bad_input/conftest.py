"""Fields in a house where it stays the moment at which everybody signed in."""

from collections.abc import Iterator

import pytest
from flask import Flask

from portal.foundation import clock
from tests.bad_input.fields import Fields
from tests.factories import Factory


@pytest.fixture
def shares_apps() -> bool:
    """What is written is listened to for good."""
    return False


@pytest.fixture
def fields(app: Flask, make: Factory) -> Iterator[Fields]:
    with clock.set_to(clock.now()):
        yield Fields(app, make)
