"""Commands about the demo."""

import click
from flask import current_app

from portal.accounts.passwords import DEMO_PASSWORD
from portal.cli.demo import SIGN_INS, load_demo
from portal.cli.speaking import speaking


@click.group("demo")
def demo_commands() -> None:
    """The demo: invented accounts, for an empty database only."""


@demo_commands.command("load")
@speaking
def load() -> None:
    """Load the demo into an empty database."""
    if current_app.config["ENVIRONMENT"] == "production":  # which is what an empty database would be good for no more
        message = "PORTAL_ENV says production, or nothing. To give this database to the demo for good: PORTAL_ENV=demo"
        raise click.ClickException(message)
    load_demo()
    click.echo(f"The demo is loaded. Sign in as {', '.join(SIGN_INS)}; password {DEMO_PASSWORD}.")
