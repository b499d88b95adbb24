"""Tests mirror ``portal/``; ``e2e/`` drives a real browser."""
