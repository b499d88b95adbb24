"""Purging: what has had its time goes. For a timer, once a day or oftener."""

import click

from portal.cli.speaking import speaking
from portal.foundation import idempotency


@click.command("purge")
@speaking
def purge_command() -> None:
    """Delete idempotency keys that are older than 24 hours."""
    click.echo(f"{idempotency.purge():,} idempotency keys deleted.")
