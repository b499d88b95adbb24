"""Servers and databases of different releases: the newer database is left alone, the older one is named."""

import pytest
from flask import Flask
from sqlalchemy import text

from tests.engines import engine_of_the_owner
from tests.serving import serving

NEWER = "The database is of a newer release: its tables stay as they are."


@pytest.fixture
def ahead(app: Flask) -> Flask:
    """An app whose database was migrated by a release that it does not know."""
    with engine_of_the_owner(app).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    return app


def test_a_server_of_before_starts_beside_newer_ones(ahead: Flask) -> None:
    with serving(ahead) as running:
        assert running.ask("/login").status == 200


@pytest.mark.parametrize("words", [["upgrade"], ["downgrade"]])
def test_an_older_program_migrates_nothing_of_a_newer_release(ahead: Flask, words: list[str]) -> None:
    result = ahead.test_cli_runner().invoke(args=["db", *words])
    assert (result.exit_code, result.output) == (1, f"{NEWER}\n")
