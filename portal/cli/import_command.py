"""The command that imports accounts with their invoices from a file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from portal.billing.imports.service import BadFile, Outcome, Progress, check_file, import_file
from portal.cli.speaking import OPERATOR, speaking

SHOWN_ERRORS = 100


@click.command("import")
@click.argument("path", metavar="FILE.csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@speaking
def import_command(path: Path, dry_run: bool) -> None:
    """Add accounts with their invoices from a CSV file, all or nothing. docs/import.md says what it looks like."""
    try:
        with path.open("rb") as file, _progress(path, "Checking") as progress:
            outcome = check_file(file, progress=progress)
        if not dry_run and outcome.new_invoices:
            with path.open("rb") as file, _progress(path, "Writing ") as progress:
                outcome = import_file(file, by=OPERATOR, progress=progress)
    except BadFile as refusal:
        for error in refusal.lines[:SHOWN_ERRORS]:
            click.echo(str(error), err=True)
        if len(refusal.lines) > SHOWN_ERRORS:
            click.echo(f"… and {len(refusal.lines) - SHOWN_ERRORS} more.", err=True)
        raise click.ClickException("The file is not right: see above. Nothing was imported.") from refusal
    click.echo(_told(outcome, dry_run=dry_run))


def _told(outcome: Outcome, *, dry_run: bool) -> str:
    if not outcome.new_invoices:
        return f"Nothing to do: all {outcome.unchanged} invoices of the file are there already, unchanged."
    what = (
        f"{outcome.new_accounts} accounts and {outcome.new_invoices} invoices with {outcome.new_lines} lines; "
        f"{outcome.unchanged} invoices were there already, unchanged."
    )
    return f"Would import {what} Nothing was written." if dry_run else f"Imported {what}"


@contextmanager
def _progress(path: Path, label: str) -> Iterator[Progress]:
    """A bar over the file's bytes, on a terminal."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=path.stat().st_size, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield bar.update
