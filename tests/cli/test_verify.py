"""``verify``: its exit status, its lines, and the heads that are kept elsewhere."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import delete, select, text

from portal.foundation import audit
from portal.foundation.audit import AuditChain, AuditEntry
from portal.foundation.db import Base
from portal.foundation.ids import new_id
from tests.corruption import past_the_rules
from tests.factories import SYSTEM, Factory

ROOT = Path(__file__).resolve().parents[2]


def verify(app: Flask, *options: str) -> Result:
    return app.test_cli_runner().invoke(args=["verify", *options])


@pytest.fixture
def written(app: Flask, make: Factory) -> Flask:
    account = make.account()
    make.method()
    invoice = make.invoice(account, credits=3)
    make.approved(make.payment(invoice, make.user("owner", account)), make.user("reviewer"))
    return app


def test_all_holds(written: Flask) -> None:
    result = verify(written)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("All holds. Read: ")
    assert result.stdout.endswith(
        "1 credit transactions, 2 events, 1 invoices, 1 lines, 1 methods, 1 payments, 1 postings, 2 users.\n"
    )


def test_an_empty_database_holds(app: Flask) -> None:
    assert (verify(app).exit_code, verify(app).stdout) == (0, "There is nothing to read.\n")


@pytest.mark.corrupts
def test_each_finding_is_a_line(written: Flask) -> None:
    with past_the_rules(written) as connection:
        connection.execute(text("UPDATE invoices SET amount_paid_minor = 4899"))
        connection.execute(text("UPDATE credit_transactions SET balance_after = 4"))
    result = verify(written)
    lines = [line for line in result.stdout.splitlines() if not line.startswith("file: ")]
    assert result.exit_code == 1
    assert [line.partition(": ")[0] for line in lines[:-1]] == ["amount_paid", "amount_paid", "credit_balance"]
    assert lines[0].endswith(": expected paid by postings 4900, found 4899")
    assert " findings. Read: " in lines[-1]


def test_a_database_without_tables_could_not_be_verified(tmp_path: Path) -> None:
    from portal.app import create_app

    empty = create_app({"TESTING": True, "DATA_DIR": tmp_path, "SECRET_KEY": "tests"})
    result = verify(empty)
    assert (result.exit_code, result.stderr) == (
        2, f"Error: The database {tmp_path}/portal.db has no tables yet. Run: flask --app wsgi db upgrade\n",
    )  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.corrupts
def test_a_damaged_file_could_not_be_verified(written: Flask) -> None:
    path = Path(written.config["DATA_DIR"]) / "portal.db"
    path.write_bytes(b"this is no database" * 1000)
    result = verify(written)
    assert (result.exit_code, result.stderr) == (
        2, "Error: The database's file is damaged: restore the last copy, as docs/operations.md says.\n",
    )  # fmt: skip


@pytest.mark.corrupts
def test_heads_that_were_kept_show_what_was_cut_off(written: Flask, tmp_path: Path, make: Factory) -> None:
    """Entries that nothing else follows from: what somebody took along."""
    with written.app_context(), audit.chain_of_its_own():
        audit.record(SYSTEM, "export.payments", "user", new_id(), filter="")
    kept = tmp_path / "heads"
    assert verify(written, "--write-heads", str(kept)).exit_code == 0
    lines = kept.read_text().splitlines()
    assert lines == sorted(lines)
    make.user("admin")
    assert verify(written, "--heads", str(kept)).exit_code == 0
    entries, chains = (Base.metadata.tables[model.__tablename__] for model in (AuditEntry, AuditChain))
    with past_the_rules(written) as connection:
        export = connection.execute(select(entries).where(entries.c.action == "export.payments")).one()
        connection.execute(delete(entries).where(entries.c.chain == export.chain))
        connection.execute(delete(chains).where(chains.c.chain == export.chain))
    assert verify(written).exit_code == 0
    before = kept.read_text()
    result = verify(written, "--heads", str(kept), "--write-heads", str(kept))
    assert result.exit_code == 1
    assert result.stdout.startswith(f"audit_chain: chain {export.chain}: expected entries up to ")
    assert kept.read_text() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("content", ["nonsense\n", "a b c\n", "\xff\n", "{0} 1 00\n", "{1}\n{1}\n"])
def test_heads_that_verify_did_not_write(written: Flask, tmp_path: Path, content: str) -> None:
    good = f"00000000-0000-0000-0000-000000000001 1 {'ab' * 32}"
    path = tmp_path / "heads"
    path.write_bytes(content.format("00000000-0000-0000-0000-000000000001", good).encode("latin-1"))
    result = verify(written, "--heads", str(path))
    assert result.exit_code == 2
    assert "this was not written by verify --write-heads" in result.stderr
    assert verify(written, "--heads", str(tmp_path / "absent")).exit_code == 2


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_there_is_a_bar_on_a_terminal(written: Flask) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"PORTAL_DATA_DIR": str(written.config["DATA_DIR"]), "TERM": "xterm"}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "verify"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    drawn = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "100%" in drawn
    assert done.stdout.decode().startswith("All holds.")
