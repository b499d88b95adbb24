"""The command line: ``flask --app wsgi …``."""

from flask import Flask

from portal.cli.demo_commands import demo_commands
from portal.cli.import_command import import_command
from portal.cli.people import account_commands, token_commands, user_commands
from portal.cli.serve import serve_command
from portal.cli.verify import verify_command


def register(app: Flask) -> None:
    """Add the commands to the app."""
    for command in (
        account_commands, user_commands, token_commands, demo_commands, import_command, serve_command, verify_command,
    ):  # fmt: skip
        app.cli.add_command(command)
