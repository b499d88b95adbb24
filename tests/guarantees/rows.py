"""A small world, and changes to its rows that go past the domain: what an attacker or a mistake would send as SQL."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, Engine, Index, UniqueConstraint, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from portal.billing.payments.models import Payment
from portal.billing.payments.states import DECISIONS
from portal.foundation import clock
from portal.foundation.db import Base
from portal.foundation.ids import new_id
from tests.factories import Factory

TABLES = Base.metadata.tables
Row = dict[str, Any]


class World:
    """Two accounts with payments of every kind, made by the domain, and one connection past it."""

    def __init__(self, app: Flask, make: Factory, engine: Engine) -> None:
        self.app, self.engine = app, engine
        make.method()
        self.acme, self.globex = make.account(), make.account("Globex")
        self.owner, self.reviewer, self.admin = make.user("owner", self.acme), make.user("reviewer"), make.user("admin")
        self.stranger = make.user("owner", self.globex)
        make.token(self.owner)
        self.draft = make.invoice(self.acme, issued=False)
        self.free = make.invoice(self.acme)
        self.free_with_credits = make.invoice(self.acme, credits=3)
        self.booked = make.approved(make.payment(make.invoice(self.acme, credits=10), self.owner), self.reviewer)
        self.refunded = make.refunded(
            make.approved(make.payment(make.invoice(self.acme, credits=5), self.owner), self.reviewer), self.admin
        )
        self.waiting = make.payment(make.invoice(self.acme), self.owner)
        self.other = make.payment(make.invoice(self.acme, credits=7), self.owner)
        make.proof(self.waiting, self.owner)
        self.foreign = make.payment(make.invoice(self.globex, credits=8), self.stranger, "FOREIGN-1")
        with self.unit() as rows:
            rows.insert(
                "account_payment_methods", account_id=self.acme.id, method="bank_transfer", is_allowed=True,
                is_default=True, label="",
            )  # fmt: skip

    @contextmanager
    def unit(self) -> Iterator["Rows"]:
        """One transaction, committed at the end of the block: that is when deferred rules look."""
        with self.app.app_context(), self.engine.begin() as connection:
            yield Rows(connection)


@dataclass
class Rows:
    """Changes in one transaction. Rows are named by table and id, columns by keyword."""

    connection: Connection

    def one(self, table: str, **where: object) -> Row:
        """The one row where the columns have these values, the oldest if there are several."""
        known = TABLES[table]
        statement = select(known).where(*(known.c[name] == value for name, value in where.items()))
        found = self.connection.execute(statement.order_by(*known.primary_key.columns).limit(1)).mappings().one()
        return dict(found)

    def insert(self, table: str, **values: object) -> None:
        known = TABLES[table]
        fresh = {"id": new_id()} if "id" in known.c else {}
        self.connection.execute(insert(known).values(**fresh | values))

    def copy(self, table: str, row: Row, **changes: object) -> None:
        """The row once more, with another id and these changes."""
        self.insert(table, **row | {"id": new_id()} | changes)

    def change(self, table: str, row_id: UUID, **changes: object) -> None:
        known = TABLES[table]
        done = self.connection.execute(update(known).where(known.c.id == row_id).values(**changes))
        assert done.rowcount == 1

    def delete(self, table: str, row_id: UUID) -> None:
        known = TABLES[table]
        self.connection.execute(delete(known).where(known.c.id == row_id))

    def run(self, statement: str) -> None:
        self.connection.execute(text(statement))

    # ---- what the domain would write, with deviations from it

    def step(self, payment_id: UUID, status: str, action: str, *, actor: UUID | None = None, **deviations: Row) -> UUID:
        """Move a payment as the domain does: the payment first, then its event. ``payment`` and ``event`` deviate."""
        now = self.one("payments", id=payment_id)
        event = self.one("payment_events", payment_id=payment_id)
        event |= {
            "id": new_id(), "version": now["version"] + 1, "from_status": now["status"], "to_status": status,
            "action": action, "actor_id": actor or event["actor_id"], "reason": None,
        } | deviations.get("event", {})  # fmt: skip
        changes = {"status": status, "version": now["version"] + 1, "last_event_id": event["id"]}
        if action in DECISIONS:
            changes |= {"decided_by": event["actor_id"], "decided_at": event["at"]}
        self.change("payments", payment_id, **changes | deviations.get("payment", {}))
        self.insert("payment_events", **event)
        return UUID(str(event["id"]))

    def submit(self, invoice_id: UUID, like: UUID, **deviations: Row) -> UUID:
        """Report a payment of the invoice as the domain does, modelled on another payment; its id."""
        model, event = self.one("payments", id=like), self.one("payment_events", payment_id=like, version=1)
        payment = model | {
            "id": new_id(), "invoice_id": invoice_id, "status": "pending_approval", "version": 1,
            "last_event_id": new_id(), "booking_id": None, "refund_id": None, "decided_by": None, "decided_at": None,
            "normalized_reference": str(new_id()), "failure_reason": None,
        } | deviations.get("payment", {})  # fmt: skip
        self.insert("payments", **payment)
        first = {"id": payment["last_event_id"], "payment_id": payment["id"], "at": clock.now()}
        self.insert("payment_events", **event | first | deviations.get("event", {}))
        return UUID(str(payment["id"]))

    def approve(self, claim: Payment, by: UUID, **deviations: Row) -> None:
        """Book a payment that covers its invoice, as the domain does, but for the deviations by table."""
        new: dict[str, Row] = {"event": {"id": new_id()} | deviations.pop("event", {})}
        booked = {"booking_id": new["event"]["id"]}
        invoice = self.one("invoices", id=claim.invoice_id)
        new["payment"] = booked | deviations.pop("payment", {})
        self.step(claim.id, "succeeded", "approve", actor=by, **new)
        grant_id, paid = new_id(), invoice["amount_paid_minor"] + claim.amount_minor
        seq = (invoice["posting_seq"] or 0) + 1
        covered = {"status": "paid", "grant_id": grant_id if invoice["credits"] else None}
        changes = {"amount_paid_minor": paid, "posting_seq": seq} | covered
        self.change("invoices", invoice["id"], **changes | deviations.pop("invoice", {}))
        posting = self._posting(claim, new["event"]["id"], "succeeded", 2, seq, paid)
        self.insert("postings", **posting | deviations.pop("posting", {}))
        if invoice["credits"]:
            row = self._credit(claim, grant_id, invoice["credits"], "grant")
            self.insert("credit_transactions", **row | deviations.pop("credit", {}))
        assert deviations == {}

    def refund(self, claim: Payment, by: UUID, **deviations: Row) -> None:
        """Give back the booked payment that covers its invoice, as the domain does, but for the deviations."""
        event_id = new_id()
        self.step(claim.id, "refunded", "refund", actor=by, event={"id": event_id}, payment={"refund_id": event_id})
        invoice = self.one("invoices", id=claim.invoice_id)
        changes = {"status": "open", "amount_paid_minor": 0, "posting_seq": 2, "grant_id": None}
        self.change("invoices", invoice["id"], **changes | deviations.pop("invoice", {}))
        posting = self._posting(claim, event_id, "refunded", 3, 2, 0)
        self.insert("postings", **posting | deviations.pop("posting", {}))
        row = self._credit(claim, new_id(), -invoice["credits"], "reversal")
        self.insert("credit_transactions", **row | deviations.pop("credit", {}))
        assert deviations == {}

    def _posting(self, payment: Payment, event_id: UUID, status: str, version: int, seq: int, paid: int) -> Row:
        return {
            "id": event_id, "account_id": payment.account_id, "invoice_id": payment.invoice_id, "seq": seq,
            "payment_id": payment.id, "status": status, "version": version, "currency": payment.currency,
            "amount_minor": payment.amount_minor, "paid_after": paid, "created_at": clock.now(),
        }  # fmt: skip

    def _credit(self, payment: Payment, row_id: UUID, amount: int, cause: str) -> Row:
        ledger = TABLES["credit_transactions"]
        last = self.connection.execute(
            select(ledger).where(ledger.c.account_id == payment.account_id).order_by(ledger.c.seq.desc()).limit(1)
        ).mappings().first()  # fmt: skip
        seq, balance = (last["seq"], last["balance_after"]) if last else (0, 0)
        return {
            "id": row_id, "account_id": payment.account_id, "seq": seq + 1, "amount": amount,
            "balance_after": balance + amount, "cause": cause, "payment_id": payment.id,
            "invoice_id": payment.invoice_id, "created_at": clock.now(),
        }  # fmt: skip


def refused_by(error: DBAPIError) -> str:
    """What the database names as the reason, as ``shown`` writes it."""
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if constraint:
        return str(constraint)
    message = str(error.orig)
    if unique := re.fullmatch(r"UNIQUE constraint failed: (.*)", message):
        columns = unique.group(1).split(", ")
        return f"unique {columns[0].split('.')[0]} {sorted(column.split('.')[1] for column in columns)}"
    if message == "FOREIGN KEY constraint failed":
        return "foreign key"
    appended = re.fullmatch(r"(\w+) is append-only", message)
    return f"{appended.group(1)}_is_append_only" if appended else message.removeprefix("CHECK constraint failed: ")


def shown(guarantee: str, dialect: str) -> str:
    """How the database names the guarantee when it refuses. SQLite tells the columns of a unique one, and no key."""
    if dialect == "postgresql":
        return guarantee
    if guarantee.startswith("fk_"):
        return "foreign key"
    unique = UNIQUE.get(guarantee)
    if unique is None or unique.table is None:
        return guarantee
    return f"unique {unique.table.name} {sorted(unique.columns.keys())}"


UNIQUE: dict[str, UniqueConstraint | Index] = {
    str(found.name): found
    for table in TABLES.values()
    for found in (*table.constraints, *table.indexes)
    if isinstance(found, UniqueConstraint) or (isinstance(found, Index) and found.unique)
}
