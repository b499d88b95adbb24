"""Reading the file: rows of text, and each invoice with its lines as the domain takes it, or what is wrong with it.

The file streams through: only the invoice at hand is held, beside the numbers that were seen.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, BinaryIO

from portal.accounts.service import read_account
from portal.billing.invoices.drafts import check_asks_something, read_invoice, whole_credits
from portal.billing.invoices.lines import NewLine, read_line
from portal.foundation.refusals import Invalid

REQUIRED = (
    "account_number", "account_name", "country", "currency", "invoice_number", "issue_date", "due_date", "description",
    "quantity", "unit_price",
)  # fmt: skip
OPTIONAL = {"locale": "en", "timezone": "UTC", "credits": "0"}
_OF_THE_INVOICE = ("account_number", "currency", "issue_date", "due_date", "credits")
_OF_THE_ACCOUNT = ("account_name", "country", "currency", "locale", "timezone")
# Where the domain calls a field otherwise than the file does.
_COLUMNS = {"number": "invoice_number", "lines": "unit_price", "name": "account_name"}


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong, where: a line of the file counted from 1, the column (empty: the whole line), the reason."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        place = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ReadInvoice:
    """An invoice as the file has it: its first line there, its account's values, its own, and its lines."""

    line: int
    account: dict[str, str]
    values: dict[str, Any]
    lines: list[NewLine]


@dataclass
class Reader:
    """One reading of a file. ``errors`` fills up while ``invoices`` is gone through; ``bytes_read`` grows."""

    file: BinaryIO
    errors: list[LineError] = field(default_factory=list)
    bytes_read: int = 0
    _accounts: dict[str, dict[str, str]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _end: int = 0

    def invoices(self) -> Iterator[ReadInvoice]:
        """The invoices that are right, in the order of the file."""
        group: list[tuple[int, dict[str, str]]] = []
        for line, row in self._rows():
            if group and row["invoice_number"] != group[0][1]["invoice_number"]:
                yield from self._read(group)
                group = []
            group.append((line, row))
        if group:
            yield from self._read(group)

    def _rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        try:
            yield from self._parsed()
        except UnicodeDecodeError:
            self._note(self._end + 1, "", "This is not UTF-8 text. Save the file as CSV in UTF-8.")
        except csv.Error as error:
            self._note(self._end + 1, "", f"This is not CSV: {error}.")

    def _parsed(self) -> Iterator[tuple[int, dict[str, str]]]:
        lines = self._lines()
        header = next(lines, "")
        delimiter = max(";,", key=header.count)
        columns = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
        if not self._check_header(columns):
            return
        self._end = 1
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        for values in rows:
            begin, self._end = self._end + 1, rows.line_num + 1
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(columns):
                self._note(begin, "", f"There are {len(values)} columns; the heading has {len(columns)}.")
            elif any("\x00" in value for value in values):
                self._note(begin, "", "There is a NUL character in this line.")
            else:
                row = dict(zip(columns, (value.strip() for value in values), strict=True))
                yield (
                    begin,
                    {name: row.get(name) or default for name, default in OPTIONAL.items()}
                    | {name: row[name] for name in REQUIRED},
                )

    def _lines(self) -> Iterator[str]:
        for number, raw in enumerate(self.file):
            self.bytes_read += len(raw)
            yield raw.decode("utf-8-sig" if number == 0 else "utf-8")

    def _check_header(self, columns: list[str]) -> bool:
        known = {*REQUIRED, *OPTIONAL}
        if not any(columns):
            self._note(1, "", "The file is empty.")
            return False
        for name in sorted({name for name in columns if columns.count(name) > 1}):
            self._note(1, name, "This column is there twice.")
        for name in columns:
            if name not in known:
                self._note(1, name, f"There is no such column. Columns are: {', '.join((*REQUIRED, *OPTIONAL))}.")
        for name in REQUIRED:
            if name not in columns:
                self._note(1, name, "This column is missing.")
        return not self.errors

    def _read(self, group: list[tuple[int, dict[str, str]]]) -> Iterator[ReadInvoice]:
        """The invoice of these adjacent rows, unless something is wrong with it."""
        before = len(self.errors)
        line, first = group[0]
        self._check_repeats(group)
        if first["invoice_number"] in self._seen:
            self._note(line, "invoice_number", "This invoice came before: its lines must stand one after the other.")
        self._seen.add(first["invoice_number"])
        account = self._account(line, first)
        lines = [found for at, row in group if (found := self._line(at, row)) is not None]
        values = self._values(line, first, lines) if len(self.errors) == before else None
        if account is not None and values is not None and len(self.errors) == before:
            yield ReadInvoice(line, account, values, lines)

    def _check_repeats(self, group: Iterable[tuple[int, dict[str, str]]]) -> None:
        (_, first), *others = group
        for line, row in others:
            for name in _OF_THE_INVOICE:
                if row[name] != first[name]:
                    self._note(line, name, f"The invoice's first line says “{first[name][:40]}”.")

    def _account(self, line: int, row: dict[str, str]) -> dict[str, str] | None:
        known = self._accounts.get(row["account_number"])
        if known is not None:
            for name in _OF_THE_ACCOUNT:
                if row[name] != known[name]:
                    self._note(line, name, f"An earlier line says “{known[name][:40]}” for this account.")
        self._accounts.setdefault(row["account_number"], {name: row[name] for name in _OF_THE_ACCOUNT})
        try:
            return read_account(
                number=row["account_number"],
                name=row["account_name"],
                **{name: row[name] for name in ("country", "currency", "locale", "timezone")},
            )
        except Invalid as refusal:
            self._refuse(line, refusal, {"number": "account_number"})
            return None

    def _line(self, line: int, row: dict[str, str]) -> NewLine | None:
        try:
            return read_line(row["description"], row["quantity"], row["unit_price"], row["currency"])
        except Invalid as refusal:
            refusal.errors = [error for error in refusal.errors if error.code != "unknown_currency"]  # said once, above
            self._refuse(line, refusal)
            return None

    def _values(self, line: int, row: dict[str, str], lines: list[NewLine]) -> dict[str, Any] | None:
        try:
            values = read_invoice(
                number=row["invoice_number"],
                currency=row["currency"],
                lines=lines,
                credits=whole_credits(row["credits"]),
                issue_date=_day(row["issue_date"], "issue_date"),
                due_date=_day(row["due_date"], "due_date"),
            )
            check_asks_something(values["total_minor"])
        except Invalid as refusal:
            self._refuse(line, refusal)
            return None
        return values

    def _refuse(self, line: int, refusal: Invalid, columns: dict[str, str] | None = None) -> None:
        for error in refusal.errors:
            self._note(line, (_COLUMNS | (columns or {})).get(error.field, error.field), error.message)

    def _note(self, line: int, column: str, reason: str) -> None:
        self.errors.append(LineError(line, column, reason))


def _day(text: str, column: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  (a day has no time zone)
    except ValueError:
        message = f"“{text[:40]}” is not a day. Write it like 2026-01-31."
        raise Invalid("invalid_date", message, field=column) from None
