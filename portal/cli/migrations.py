"""Flask-Migrate's commands, ``db …``, made to speak as the others do, and to say what they did."""

from collections.abc import Callable
from functools import wraps

import click
from flask_migrate.cli import db as migration_commands

from portal.cli.speaking import speaking
from portal.foundation.db import db
from portal.foundation.releases import revisions_of
from portal.foundation.row_security import Login


def _telling(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def run(*args: object, **options: object) -> None:
        before = _revision()
        command(*args, **options)
        after = _revision()
        click.echo(f"Nothing to migrate: the tables are at {after}." if after == before else f"Migrated to {after}.")

    return run


def _revision() -> str:
    with db.engines.get(Login.OWNER, db.engine).connect() as connection:
        return ", ".join(sorted(revisions_of(connection))) or "nothing"


for _name, _command in migration_commands.commands.items():
    # In their place: Flask finds them before any of ours.
    _command.callback = speaking(
        _telling(_command.callback) if _name in ("upgrade", "downgrade") else _command.callback
    )
