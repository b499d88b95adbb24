"""Migrations: they build what the models say, and go down and up again."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from portal.app import create_app
from portal.foundation.db import Base, db
from tests.factories import Factory


@pytest.fixture
def empty(tmp_path: Path) -> Flask:
    """An app over a database without tables."""
    return create_app({"TESTING": True, "DATA_DIR": tmp_path, "SECRET_KEY": "tests"})


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_they_build_what_the_models_say(empty: Flask) -> None:
    with empty.app_context():
        upgrade()
        assert tables() == set(Base.metadata.tables)
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []


def test_they_go_down_and_up_again(empty: Flask) -> None:
    with empty.app_context():
        upgrade()
        downgrade(revision="base")
        assert tables() == set()
        upgrade()
        assert tables() == set(Base.metadata.tables)


def test_they_go_down_from_a_filled_database(app: Flask, make: Factory) -> None:
    account = make.account()
    make.method()
    make.approved(make.payment(make.invoice(account, credits=5), make.user("owner", account)), make.user("reviewer"))
    with app.app_context():
        downgrade(revision="base")
        assert tables() == set()
        upgrade()
        assert tables() == set(Base.metadata.tables)
