"""Purging: what has had its time goes. For a timer, once a day or oftener."""

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy import text

from portal.accounts import links, unsent
from portal.billing.payments.proofs import purging as proofs
from portal.cli.database_logins import PURGED
from portal.cli.speaking import OPERATOR, speaking
from portal.foundation import audit, idempotency
from portal.foundation.db import db, session, transaction
from portal.mail import delivering as mails
from portal.webhooks import delivering

PURGES: dict[str, Callable[[], int]] = {
    "idempotency keys": idempotency.purge,
    "unsent forms": unsent.purge,
    "events of webhooks": delivering.purge,
    "mails": mails.purge,
    "links in mails": links.purge,
    "files of proofs": proofs.purge,
}
"""By what goes: what deletes some of it in a unit, until none is left."""


@click.command("purge")
@speaking
def purge_command() -> None:
    """Delete idempotency keys and unsent forms of a day ago, webhooks' events, deliveries and mails of 30 days, and the
    files of reports that came to nothing 90 days ago.
    """
    _check_right()
    for what, purge in PURGES.items():
        click.echo(f"{_purge(what, purge):,} {what} deleted.")


def _purge(what: str, purge: Callable[[], int]) -> int:
    """Delete all of the kind, in small units, so that nobody waits for long; how many."""
    deleted = 0
    while some := _unit(what, purge):
        deleted += some
    return deleted


def _unit(what: str, purge: Callable[[], int]) -> int:
    """Delete some, and say how many in one entry: one for each row would keep what is to go."""
    with transaction():
        if some := purge():
            told: dict[str, Any] = {what.replace(" ", "_"): some}
            audit.record(OPERATOR, "database.purged", "database", audit.THE_DATABASE, **told)
        return some


def _check_right() -> None:
    """Refuse a login that may delete some of it only, before it does that."""
    if db.engine.dialect.name != "postgresql":
        return
    may = text(
        "SELECT bool_and(has_table_privilege(name, 'DELETE'))"
        " AND has_column_privilege('payment_proofs', 'content', 'UPDATE') FROM unnest(CAST(:names AS text[])) AS name"
    )
    if not session.scalar(may, {"names": list(PURGED)}):
        raise click.ClickException("This login may not delete what is purged. Purge by DATABASE_WORKER_URL.")
