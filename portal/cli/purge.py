"""Purging: what has had its time goes. For a timer, once a day or oftener."""

from collections.abc import Callable, Mapping
from typing import Any

import click
from sqlalchemy import text

from portal.accounts import links, unsent
from portal.billing.payments.proofs import purging as proofs
from portal.cli.database_logins import PURGED
from portal.cli.speaking import OPERATOR, THE_DATABASE, speaking
from portal.foundation import audit, idempotency
from portal.foundation.db import db, session
from portal.mail import delivering as mails
from portal.webhooks import delivering

_PURGES: dict[str, Callable[[], int]] = {
    "idempotency keys": idempotency.purge,
    "unsent forms": unsent.purge,
    "events of webhooks": delivering.purge,
    "mails": mails.purge,
    "links in mails": links.purge,
    "files of proofs": proofs.purge,
}


@click.command("purge")
@speaking
def purge_command() -> None:
    """Delete idempotency keys and unsent forms of a day ago, webhooks' events, deliveries and mails of 30 days, and the
    files of reports that came to nothing 90 days ago.
    """
    _check_right()
    deleted: dict[str, int] = {}
    try:
        for what, purge in _PURGES.items():
            deleted[what] = purge()
            click.echo(f"{deleted[what]:,} {what} deleted.")
    finally:
        _note(deleted)  # what went before something failed, too


def _note(deleted: Mapping[str, int]) -> None:
    """One entry for the run, if anything was deleted: one for each row would keep what is to go."""
    told: dict[str, Any] = {what.replace(" ", "_"): number for what, number in deleted.items() if number}
    if told:
        audit.record(OPERATOR, "database.purged", "database", THE_DATABASE, **told)


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
