"""Files to import, with something bad in one column or made of anything: lines are named, and nothing else happens."""

import csv
import io
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.accounts.models import Account
from portal.billing.imports.reader import OPTIONAL, REQUIRED
from portal.billing.imports.service import BadFile, check_file, import_file
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from tests.bad_input.values import bad_texts
from tests.factories import SYSTEM

ROW = {
    "account_number": "C-1", "account_name": "Acme", "country": "DE", "currency": "EUR", "invoice_number": "INV-1",
    "issue_date": "2026-11-01", "due_date": "2026-11-15", "description": "Support", "quantity": "2.5",
    "unit_price": "19.99", "locale": "de", "timezone": "UTC", "credits": "5",
}  # fmt: skip
COLUMNS = (*REQUIRED, *OPTIONAL)


def in_columns(number: int) -> Iterator[bytes]:
    """Files of one row that is in order but for one column."""
    for place, column in enumerate(COLUMNS):
        for text in bad_texts(number, place):
            out = io.StringIO(newline="")
            writer = csv.DictWriter(out, COLUMNS)
            writer.writeheader()
            writer.writerow(ROW | {column: text})
            yield out.getvalue().encode("utf-8", "surrogatepass")


def of_anything(number: int) -> Iterator[bytes]:
    """Files that begin like one of ours, and files that do not."""
    header = ",".join(COLUMNS).encode() + b"\n"
    for text in bad_texts(number, 7):
        raw = text.encode("utf-8", "surrogatepass")
        yield from (raw, header + raw, header + raw * 3 + b'"', b"\xff\xfe" + raw, raw[::-1] + header)


def refused(files: Iterator[bytes]) -> tuple[int, int]:
    """How many files were refused, of how many."""
    refusals = total = 0
    for raw in files:
        total += 1
        try:
            check_file(io.BytesIO(raw))
        except BadFile as refusal:
            refusals += 1
            assert refusal.lines != []
    return refusals, total


@pytest.mark.usefixtures("domain")
def test_bad_files(app: Flask) -> None:
    with across_accounts():
        refusals, total = refused(in_columns(10))
        assert total == 10 * len(COLUMNS)
        assert refusals > total / 2
        assert refused(of_anything(20)) == (100, 100)
        with pytest.raises(BadFile):
            import_file(io.BytesIO(b"nothing"), by=SYSTEM)
        assert session.scalar(select(func.count()).select_from(Account)) == 0
