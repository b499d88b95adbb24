"""Importing accounts with their invoices: all or nothing, once, every bad line named."""

import tracemalloc
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from portal.accounts.models import Account
from portal.billing.imports.service import check_file, import_file
from portal.billing.invoices.models import Invoice, InvoiceLine
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from tests.factories import SYSTEM, Factory

HEADER = (
    "account_number,account_name,country,currency,invoice_number,issue_date,due_date,credits,"
    "description,quantity,unit_price"
)
ROW = "C-1,Acme,DE,EUR,INV-1,2026-11-01,2026-11-15,5,Support,2.5,19.99"
WHAT = "2 accounts and 3 invoices with 4 lines; 0 invoices were there already, unchanged."
QUANTITY = "A quantity is a number above zero with at most three decimals, such as 2.5."
DAY = "is not a day. Write it like 2026-01-31."
EXAMPLE = Path(__file__).resolve().parents[2] / "examples/invoices.csv"


def write(tmp_path: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8", end: str = "\n") -> Path:
    path = tmp_path / "file.csv"
    path.write_bytes(end.join([header, *rows]).encode(encoding))
    return path


def run(app: Flask, path: Path, *options: str) -> Result:
    return app.test_cli_runner().invoke(args=["import", str(path), *options])


def counts(app: Flask) -> tuple[int, ...]:
    """Accounts, invoices, lines and audit entries."""
    with app.app_context(), across_accounts():
        tables = (Account, Invoice, InvoiceLine, AuditEntry)
        return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def test_the_example_is_imported_once(app: Flask) -> None:
    dry = run(app, EXAMPLE, "--dry-run")
    assert (dry.exit_code, dry.output) == (
        0,
        f"Would import {WHAT} Nothing was written.\n",
    )
    assert counts(app) == (0, 0, 0, 0)
    first = run(app, EXAMPLE)
    assert first.output == f"Imported {WHAT}\n"
    assert counts(app) == (2, 3, 4, 5)
    again = run(app, EXAMPLE)
    assert (again.exit_code, again.output) == (
        0,
        "Nothing to do: all 3 invoices of the file are there already, unchanged.\n",
    )
    assert counts(app) == (2, 3, 4, 5)


def test_an_imported_invoice_is_as_one_that_was_written(app: Flask, tmp_path: Path) -> None:
    assert run(app, write(tmp_path, ROW, ROW.replace("Support,2.5", '"Two, ""quoted"" words",1'))).exit_code == 0
    with app.app_context(), across_accounts():
        invoice = session.scalars(select(Invoice)).one()
        assert (invoice.status, invoice.total_minor, invoice.credits, invoice.account.name) == ("open", 6997, 5, "Acme")
        assert [(line.position, line.description, line.quantity, line.amount_minor) for line in invoice.lines] == [
            (1, "Support", 2500, 4998),
            (2, 'Two, "quoted" words', 1000, 1999),
        ]
        assert {entry.actor_label for entry in session.scalars(select(AuditEntry))} == {"command line"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_usual_kinds_of_csv(app: Flask, tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    path = write(
        tmp_path,
        ROW.replace("Acme", "Müller 株式会社").replace(",", delimiter),
        "",
        header=HEADER.replace(",", delimiter),
        encoding=encoding,
        end=end,
    )
    assert run(app, path).output.startswith("Imported 1 accounts and 1 invoices")
    with app.app_context():
        assert session.scalars(select(Account.name)).all() == ["Müller 株式会社"]


def replaced(old: str, new: str) -> str:
    assert old in ROW
    return ROW.replace(old, new)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (replaced("C-1", ""), "line 2, account_number: The account number is missing."),
        (replaced("DE", "XX"), "line 2, country: “XX” is not a two-letter country code, such as DE."),
        (replaced("EUR", "EUX"), "line 2, currency: “EUX” is not an ISO 4217 currency code."),
        (replaced("INV-1", ""), "line 2, invoice_number: The invoice number is missing."),
        (
            replaced("2026-11-01", "1.11.2026"),
            f"line 2, issue_date: “1.11.2026” {DAY}",
        ),
        (
            replaced("2026-11-15", "2026-02-30"),
            f"line 2, due_date: “2026-02-30” {DAY}",
        ),
        (replaced("2026-11-15", "2026-10-31"), "line 2, due_date: The due date lies before the issue date."),
        (replaced(",5,", ",-5,"), "line 2, credits: Credits are a whole number from zero."),
        (
            replaced("Support", '"two\nlines"'),
            "line 2, description: The description contains characters that cannot be shown. Type it by hand.",
        ),
        (replaced("Support", " "), "line 2, description: The description is missing."),
        (
            replaced("2.5", "0"),
            f"line 2, quantity: {QUANTITY}",
        ),
        (replaced("19.99", "19.999"), "line 2, unit_price: EUR amounts have 2 decimals, not 3."),
        (replaced("19.99", '"19,99"'), "line 2, unit_price: “19,99” is not an amount. Write it like 1234.50."),
        (replaced("19.99", "-1.00"), "line 2, unit_price: The lines add up to less than nothing, or to too much."),
        (replaced("19.99", "0.00"), "line 2, unit_price: An invoice that asks for nothing cannot be issued."),
        (replaced("19.99", "NaN"), "line 2, unit_price: “NaN” is not an amount. Write it like 1234.50."),
        (ROW + ",more", "line 2: There are 12 columns; the heading has 11."),
        ("C-1,Acme", "line 2: There are 2 columns; the heading has 11."),
        (replaced("Acme", "A\x00"), "line 2: There is a NUL character in this line."),
        (replaced("Acme", '"A'), "line 2: This is not CSV: unexpected end of data."),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(app: Flask, tmp_path: Path, row: str, error: str) -> None:
    good = ROW.replace("INV-1", "INV-0").replace("C-1", "C-0")
    result = run(app, write(tmp_path, row, *([good] if '"A' not in row else [])))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"{error}\nError: The file is not right: see above. Nothing was imported.\n"
    assert counts(app) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("header", "errors"),
    [
        ("", ["line 1: The file is empty."]),
        (HEADER.replace(",country", ""), ["line 1, country: This column is missing."]),
        (HEADER + ",country", ["line 1, country: This column is there twice."]),
    ],
)
def test_a_bad_heading_is_named(app: Flask, tmp_path: Path, header: str, errors: list[str]) -> None:
    result = run(app, write(tmp_path, ROW, header=header))
    assert result.stderr.splitlines()[:-1] == errors


def test_what_is_not_text_is_refused(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    for raw, error in (
        (b"", "line 1: The file is empty."),
        (HEADER.encode() + b"\n" + ROW.encode().replace(b"Acme", b"M\xfcller"), "line 2: This is not UTF-8 text."),
        (b"\xff\xfe\x00PK", "line 1: This is not UTF-8 text."),
    ):
        path.write_bytes(raw)
        result = run(app, path)
        assert (result.exit_code, result.stderr.startswith(error)) == (1, True), result.stderr


def test_rows_that_contradict_each_other_are_all_named(app: Flask, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ROW,
        replaced("2026-11-15", "2026-11-16"),
        replaced("INV-1", "INV-2").replace("Acme", "Acne"),
        ROW,
    )
    assert run(app, path).stderr.splitlines()[:-1] == [
        "line 3, due_date: The invoice's first line says “2026-11-15”.",
        "line 4, account_name: An earlier line says “Acme” for this account.",
        "line 5, invoice_number: This invoice came before: its lines must stand one after the other.",
    ]


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("2026-11-15", "2026-11-16", "due_date"),
        (",5,", ",6,", "credits"),
        ("19.99", "20.00", "unit_price"),
        ("Support", "Other", "description, quantity or unit_price"),
        ("Acme", "Acne", "account_name"),
        ("C-1", "C-2", "account_number"),
    ],
)
def test_an_import_adds_and_changes_nothing(app: Flask, tmp_path: Path, old: str, new: str, column: str) -> None:
    run(app, write(tmp_path, ROW))
    result = run(app, write(tmp_path, replaced(old, new), ROW.replace("INV-1", "INV-2").replace(old, new)))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"line 2, {column}: The portal has ")
    assert "An import adds, and changes nothing." in result.stderr
    assert counts(app) == (1, 1, 1, 2)


def test_new_invoices_are_added_to_what_is_there(app: Flask, tmp_path: Path) -> None:
    run(app, write(tmp_path, ROW))
    result = run(app, write(tmp_path, ROW, ROW.replace("INV-1", "INV-2")))
    assert result.output == (
        "Imported 0 accounts and 1 invoices with 1 lines; 1 invoices were there already, unchanged.\n"
    )


def test_only_the_first_hundred_errors_are_printed(app: Flask, tmp_path: Path) -> None:
    rows = [ROW.replace("INV-1", f"INV-{number}").replace("DE", "XX") for number in range(130)]
    lines = run(app, write(tmp_path, *rows)).stderr.splitlines()
    assert (len(lines), lines[-2]) == (102, "… and 30 more.")


def test_memory_stays_flat(app: Flask, tmp_path: Path, make: Factory) -> None:
    def peak(invoices: int) -> int:
        rows = [ROW.replace("INV-1", f"P{invoices}-{number}") for number in range(invoices)]
        path = write(tmp_path, *rows)
        with app.app_context(), across_accounts():
            tracemalloc.start()
            with path.open("rb") as file:
                check_file(file)
            with path.open("rb") as file:
                import_file(file, by=SYSTEM)
            measured = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return measured

    peak(600)  # what is loaded once
    assert peak(6000) < 2 * peak(601)
