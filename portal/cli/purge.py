"""Purging: what has had its time goes. For a timer, once a day or oftener."""

import click
from sqlalchemy import text

from portal.accounts import links, unsent
from portal.cli.database_logins import PURGED
from portal.cli.speaking import speaking
from portal.foundation import idempotency
from portal.foundation.db import db, session
from portal.mail import delivering as mails
from portal.webhooks import delivering


@click.command("purge")
@speaking
def purge_command() -> None:
    """Delete idempotency keys and unsent forms of a day ago, and webhooks' events, deliveries and mails of 30 days."""
    _check_right()
    click.echo(f"{idempotency.purge():,} idempotency keys deleted.")
    click.echo(f"{unsent.purge():,} unsent forms deleted.")
    click.echo(f"{delivering.purge():,} events of webhooks deleted.")
    click.echo(f"{mails.purge():,} mails and {links.purge():,} links in mails deleted.")


def _check_right() -> None:
    """Refuse a login that may delete some of it only, before it does that."""
    if db.engine.dialect.name != "postgresql":
        return
    may = text("SELECT bool_and(has_table_privilege(name, 'DELETE')) FROM unnest(CAST(:names AS text[])) AS name")
    if not session.scalar(may, {"names": list(PURGED)}):
        raise click.ClickException("This login may not delete what is purged. Purge by DATABASE_WORKER_URL.")
