"""The command that derives everything once more and compares. Its exit status says whether all holds."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from portal.billing.verification.service import Verification, rows_to_read
from portal.cli.speaking import speaking
from portal.foundation.audit_check import Head
from portal.foundation.db import snapshot
from portal.foundation.ids import parse_id
from portal.foundation.reading import Progress

FOUND = 1
_DIGEST_LENGTH = 32


class CouldNotRun(click.ClickException):
    """Whatever kept the command from running. Status 1 belongs to findings."""

    exit_code = 2


def _or_could_not_run(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def run(**options: object) -> None:
        try:
            command(**options)
        except click.ClickException as error:
            raise CouldNotRun(error.message) from error
        except (OSError, SQLAlchemyError) as error:
            raise CouldNotRun(f"The verification could not go on: {getattr(error, 'orig', error)}") from error

    return run


@click.command("verify")
@click.option("--heads", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Compare with the ends of the audit chains as this file kept them.")  # fmt: skip
@click.option("--write-heads", type=click.Path(dir_okay=False, path_type=Path),
              help="Keep the ends of the audit chains in this file, if all holds.")  # fmt: skip
@_or_could_not_run
@speaking
def verify_command(heads: Path | None, write_heads: Path | None) -> None:
    """Derive every balance, amount paid and status from the ledgers and events, follow the audit log, and compare.
    Methods, users, accounts and invoices are compared with what the audit log tells of them.

    Exit status 0: all holds. 1: each finding is a line. 2: the verification could not run.
    """
    with _written_to(write_heads) as keep:
        with _progress() as progress, snapshot() as view:
            verification = Verification(kept=_read_heads(heads), keep=keep, progress=progress)
            for finding in verification.findings(view):
                _say(str(finding))
        read = ", ".join(f"{number} {name}" for name, number in sorted(verification.counts.items()))
        if verification.found:
            click.echo(f"{verification.found} findings. Read: {read}.")
            sys.exit(FOUND)
    click.echo(f"All holds. Read: {read}." if read else "There is nothing to read.")


def _say(line: str) -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)  # the bar's line; the bar is drawn again below
    click.echo(line)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar over the rows, on a terminal. Elsewhere they are not even counted."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=rows_to_read(), label="Verifying", file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def _written_to(path: Path | None) -> Iterator[Callable[[Head], None]]:
    """Keeps heads, a line each: chain, number, digest. They replace the file's at the end, unless the block fails."""
    if path is None:
        yield lambda _: None
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="ascii") as file:
            yield lambda head: print(head.chain, head.seq, head.hash.hex(), file=file)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _read_heads(path: Path | None) -> Iterator[Head]:
    if path is None:
        return
    last = None
    with path.open(encoding="ascii", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            head = _read_head(line)
            if head is None or (last is not None and head.chain <= last):
                raise CouldNotRun(f"{path}, line {number}: this was not written by verify --write-heads.")
            last = head.chain
            yield head


def _read_head(line: str) -> Head | None:
    try:
        chain, seq, digest = line.split()
        parsed, head = parse_id(chain), (int(seq), bytes.fromhex(digest))
    except ValueError:
        return None
    return Head(parsed, *head) if parsed is not None and len(head[1]) == _DIGEST_LENGTH else None
