"""The command line: ``flask --app wsgi …``."""

from flask import Flask

import portal.cli.migrations  # noqa: F401  (changes the commands of Flask-Migrate)
from portal.cli.database import database_commands
from portal.cli.demo_commands import demo_commands
from portal.cli.import_command import import_command
from portal.cli.people import account_commands, token_commands, user_commands
from portal.cli.purge import purge_command
from portal.cli.serve import serve_command
from portal.cli.verify import verify_command
from portal.cli.worker import worker_command


def register(app: Flask) -> None:
    """Add the commands to the app."""
    people = (account_commands, user_commands, token_commands)
    for command in (
        *people,
        database_commands,
        demo_commands,
        import_command,
        purge_command,
        serve_command,
        verify_command,
        worker_command,
    ):
        app.cli.add_command(command)
