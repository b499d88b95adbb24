"""Torture shares the worlds of the reliability tests; ``scaled`` is in ``scale.py``."""

from tests.reliability.conftest import behind, network, world

__all__ = ["behind", "network", "world"]
