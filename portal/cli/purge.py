"""Purging: what has had its time goes. For a timer, once a day or oftener."""

import click

from portal.accounts import links
from portal.cli.speaking import speaking
from portal.foundation import idempotency
from portal.mail import delivering as mails
from portal.webhooks import delivering


@click.command("purge")
@speaking
def purge_command() -> None:
    """Delete idempotency keys older than 24 hours, and webhooks' events, deliveries and mails older than 30 days."""
    click.echo(f"{idempotency.purge():,} idempotency keys deleted.")
    click.echo(f"{delivering.purge():,} events of webhooks deleted.")
    click.echo(f"{mails.purge():,} mails and {links.purge():,} links in mails deleted.")
