"""Purging: what has had its time goes. For a timer, once a day or oftener."""

import click

from portal.accounts import links, unsent
from portal.cli.speaking import speaking
from portal.foundation import idempotency
from portal.mail import delivering as mails
from portal.webhooks import delivering


@click.command("purge")
@speaking
def purge_command() -> None:
    """Delete idempotency keys and unsent forms of a day ago, and webhooks' events, deliveries and mails of 30 days."""
    click.echo(f"{idempotency.purge():,} idempotency keys deleted.")
    click.echo(f"{unsent.purge():,} unsent forms deleted.")
    click.echo(f"{delivering.purge():,} events of webhooks deleted.")
    click.echo(f"{mails.purge():,} mails and {links.purge():,} links in mails deleted.")
