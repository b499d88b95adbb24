"""Importing: look at the whole file first, then write it in one unit. A second time changes nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from portal.accounts.models import Account
from portal.accounts.service import create_account
from portal.billing.imports.reader import LineError, Reader, ReadInvoice
from portal.billing.invoices.announcements import announce_issued
from portal.billing.invoices.drafts import audited, line_values, number_taken
from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.models import UQ_INVOICE_NUMBER, Invoice, InvoiceLine
from portal.billing.invoices.payment_reference import payment_reference
from portal.foundation import audit, clock
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import session, transaction, violates
from portal.foundation.ids import new_id
from portal.foundation.refusals import Invalid
from portal.foundation.retries import again_if_overtaken

CHUNK = 500
Progress = Callable[[int], None]
"""Is told how many bytes were read since the last time."""


class BadFile(Invalid):
    """Something is wrong with the file; nothing was written."""

    def __init__(self, errors: list[LineError]) -> None:
        super().__init__("bad_file", f"{len(errors)} lines of the file are not right. Nothing was imported.")
        self.lines = errors


@dataclass
class Outcome:
    """What an import did, or would do."""

    new_accounts: int = 0
    new_invoices: int = 0
    new_lines: int = 0
    unchanged: int = 0


@dataclass
class _Import:
    """One passage through the file: what is there already, and what is new."""

    reader: Reader
    outcome: Outcome = field(default_factory=Outcome)
    accounts: dict[str, Account | None] = field(default_factory=dict)

    def chunks(self, progress: Progress) -> Iterator[list[ReadInvoice]]:
        """The new invoices, a few hundred at a time."""
        invoices, told = self.reader.invoices(), 0
        while chunk := list(islice(invoices, CHUNK)):
            progress(self.reader.bytes_read - told)
            told = self.reader.bytes_read
            yield self._new_of(chunk)

    def _new_of(self, chunk: list[ReadInvoice]) -> list[ReadInvoice]:
        numbers = [read.values["number"] for read in chunk]
        stored = select(Invoice).where(Invoice.number.in_(numbers)).options(selectinload(Invoice.lines))
        known = {invoice.number: invoice for invoice in session.scalars(stored)}
        self._find_accounts(chunk)
        new = []
        for read in chunk:
            account = self.accounts[read.account["number"]]
            if account is not None:
                self._compare(read, ((name, getattr(account, name)) for name in read.account), read.account)
            existing = known.get(read.values["number"])
            if existing is None:
                new.append(read)
            else:
                self.outcome.unchanged += 1
                self._compare_invoice(read, existing, account)
        session.flush()
        session.expunge_all()  # else every invoice of the file would stay in memory
        return new

    def _find_accounts(self, chunk: list[ReadInvoice]) -> None:
        wanted = {read.account["number"] for read in chunk} - self.accounts.keys()
        stored = session.scalars(select(Account).where(Account.number.in_(wanted)))
        found = {account.number: account for account in stored}
        for number in wanted:
            self.accounts[number] = found.get(number)
            self.outcome.new_accounts += number not in found

    def _compare_invoice(self, read: ReadInvoice, stored: Invoice, account: Account | None) -> None:
        if account is None or stored.account_id != account.id:
            self._differs(read, "account_number", "another account's")
            return
        names = ("currency", "issue_date", "due_date", "credits", "total_minor")
        self._compare(read, ((name, getattr(stored, name)) for name in names), read.values)
        lines = [(line.description, line.quantity, line.unit_price_minor) for line in stored.lines]
        if lines != [(line.description, line.quantity, line.unit_price.minor) for line in read.lines]:
            self._differs(read, "description, quantity or unit_price", "other lines")

    def _compare(self, read: ReadInvoice, stored: Iterable[tuple[str, Any]], values: dict[str, Any]) -> None:
        columns = {"name": "account_name", "total_minor": "unit_price", "number": "account_number"}
        for name, value in stored:
            if values[name] != value:
                self._differs(read, columns.get(name, name), f"“{value}”")

    def _differs(self, read: ReadInvoice, column: str, what: str) -> None:
        reason = f"The portal has {what} for {read.values['number']}. An import adds, and changes nothing."
        self.reader.errors.append(LineError(read.line, column, reason))


def check_file(file: BinaryIO, *, progress: Progress = lambda _: None) -> Outcome:
    """What an import of the file would do. Reads to its end; writes nothing. Raises BadFile, naming every bad line."""
    passage = _Import(Reader(file))
    for chunk in passage.chunks(progress):
        passage.outcome.new_invoices += len(chunk)
        passage.outcome.new_lines += sum(len(read.lines) for read in chunk)
    if passage.reader.errors:
        raise BadFile(sorted(passage.reader.errors, key=lambda error: error.line))
    return passage.outcome


def import_file(file: BinaryIO, *, by: Actor, progress: Progress = lambda _: None) -> Outcome:
    """Add the file's accounts and invoices, which are issued, in one unit: all or nothing. Raises BadFile.

    Look at the file by ``check_file`` first: this holds the write lock while it reads.
    """
    by.must(Permission.INVOICE_MANAGE)

    def unit() -> Outcome:
        file.seek(0)
        with transaction(), audit.chain_of_its_own():
            passage = _Import(Reader(file))
            for chunk in passage.chunks(progress):
                _write(chunk, passage, by)
            if passage.reader.errors:
                raise BadFile(sorted(passage.reader.errors, key=lambda error: error.line))
        return passage.outcome

    return again_if_overtaken(unit, lambda: True)  # what was quicker is compared then, line by line


def _write(chunk: list[ReadInvoice], passage: _Import, by: Actor) -> None:
    invoices, lines, entries = [], [], []
    for read in chunk:
        account_id = _account_id(read, passage, by)
        invoice_id = new_id()
        invoices.append(
            read.values
            | {
                "id": invoice_id,
                "account_id": account_id,
                "status": InvoiceStatus.OPEN.value,
                "payment_reference": payment_reference(invoice_id),
                "created_at": clock.now(),
            }
        )
        lines += [
            line_values(account_id, position, line) | {"id": new_id(), "invoice_id": invoice_id}
            for position, line in enumerate(read.lines, start=1)
        ]
        new = audit.differences({}, audited(read.values, len(read.lines)))
        entries.append(audit.values_of(by, "invoice.imported", "invoice", invoice_id, account_id=account_id, **new))
    if invoices:
        _add_or_refuse(invoices)
        session.execute(insert(InvoiceLine), lines)
        audit.record_many(entries)
        announce_issued([Invoice(**values) for values in invoices])
    passage.outcome.new_invoices += len(invoices)
    passage.outcome.new_lines += len(lines)


def _add_or_refuse(invoices: list[dict[str, Any]]) -> None:
    """Raises Conflict where somebody else has taken a number since we looked."""
    try:
        session.execute(insert(Invoice), invoices)
    except IntegrityError as error:
        if violates(error, UQ_INVOICE_NUMBER):
            raise number_taken(invoices[0]["number"]) from error
        raise


def _account_id(read: ReadInvoice, passage: _Import, by: Actor) -> UUID:
    number = read.account["number"]
    account = passage.accounts[number]
    if account is None:
        account = passage.accounts[number] = create_account(by=by, **read.account)
    return account.id
