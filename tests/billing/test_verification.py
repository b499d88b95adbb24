"""Verification: whatever is wrong in a database, however it came there, is one line that says where and what."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, delete, insert, select, text, update

from portal.billing.imports.service import import_file
from portal.billing.payments.models import Payment, PaymentEvent
from portal.billing.verification.service import Verification, rows_to_read
from portal.foundation import audit, clock
from portal.foundation.db import Base, session, snapshot, transaction
from portal.foundation.ids import new_id
from portal.foundation.tenancy import across_accounts
from tests.billing.conftest import World
from tests.corruption import past_the_rules, undone
from tests.engines import listening
from tests.factories import SYSTEM, Factory
from tests.verification import findings_of

T = Base.metadata.tables
Corruption = Callable[[Connection, "Filled"], object]


class Filled:
    """Payments of every end, and the ids by which the corruptions find them."""

    def __init__(self, world: World, make: Factory) -> None:
        self.world = world
        self.globex = make.account("Globex")
        self.stranger = make.user("owner", self.globex).id
        self.paid = make.invoice(world.account, credits=7)
        self.refunded = make.refunded(make.approved(make.payment(self.paid, world.owner), world.reviewer), world.admin)
        self.booked = make.approved(make.payment(self.paid, world.member), world.reviewer)
        self.open = make.invoice(world.account)
        self.waiting = make.payment(self.open, world.owner)
        self.plain = make.invoice(world.account)
        self.other = make.approved(make.payment(self.plain, world.owner), world.reviewer)


def change(table: str, row_id: UUID, **values: object) -> Corruption:
    return lambda on, _: on.execute(update(T[table]).where(T[table].c.id == row_id).values(values))


def changing(table: str, whose: Callable[[Filled], UUID], **values: object) -> Corruption:
    return lambda on, filled: on.execute(update(T[table]).where(T[table].c.id == whose(filled)).values(values))


def where(table: str, **values: object) -> Callable[[Filled], Any]:
    """A condition on the table, values being taken from what was filled in where they are functions of it."""

    def condition(filled: Filled) -> Any:
        return [T[table].c[name] == (value(filled) if callable(value) else value) for name, value in values.items()]

    return condition


def set_where(table: str, condition: Callable[[Filled], Any], **values: object) -> Corruption:
    return lambda on, filled: on.execute(update(T[table]).where(*condition(filled)).values(values))


def delete_where(table: str, condition: Callable[[Filled], Any]) -> Corruption:
    return lambda on, filled: on.execute(delete(T[table]).where(*condition(filled)))


def copy_where(table: str, condition: Callable[[Filled], Any], **values: object) -> Corruption:
    """One more row, like the one of the condition but for the values; unique indexes of the table are dropped."""

    def carry_out(on: Connection, filled: Filled) -> None:
        row = on.execute(select(T[table]).where(*condition(filled))).mappings().one()
        on.execute(insert(T[table]), [dict(row) | {"id": new_id()} | values])

    return carry_out


def without(indexes: str, then: Corruption) -> Corruption:
    def carry_out(on: Connection, filled: Filled) -> None:
        for index in indexes.split():
            on.execute(text(f"DROP INDEX {index}"))
        then(on, filled)

    return carry_out


def booked(filled: Filled) -> UUID:
    return filled.booked.id


def waiting(filled: Filled) -> UUID:
    return filled.waiting.id


def paid(filled: Filled) -> UUID:
    return filled.paid.id


def _take_away_a_report(on: Connection, filled: Filled) -> None:
    """The payment and all of its history; the audit log still speaks of it."""
    on.execute(delete(T["payment_events"]).where(T["payment_events"].c.payment_id == filled.waiting.id))
    on.execute(delete(T["payments"]).where(T["payments"].c.id == filled.waiting.id))


def member(filled: Filled) -> UUID:
    return filled.world.member.id


LATER = datetime(2031, 1, 1, tzinfo=UTC)
APPROVAL = where("payment_events", payment_id=booked, action="approve")
REFUND = where("payment_events", payment_id=lambda filled: filled.refunded.id, action="refund")
SUBMISSION = where("payment_events", payment_id=waiting)
LAST_POSTING = where("postings", payment_id=booked)
LAST_CREDIT = where("credit_transactions", payment_id=booked)
LINE = where("invoice_lines", invoice_id=paid)
NAMED = (("invoice_lines", LINE), ("postings", LAST_POSTING), ("credit_transactions", LAST_CREDIT))
METHOD = where("payment_method_configs", country="*")
OF_PAID_INVOICE = where("payments", invoice_id=paid)

KINDS: dict[str, tuple[Corruption, set[str]]] = {
    "a status": (changing("payments", waiting, status="cancelled"), {"payment_status"}),
    "a version": (changing("payments", waiting, version=2), {"payment_version"}),
    "who decided": (changing("payments", booked, decided_by=None), {"payment_decided_by"}),
    "when it was decided": (changing("payments", booked, decided_at=LATER), {"payment_decided_at"}),
    "who reported": (changing("payments", booked, submitted_by=None), {"payment_submitted_by"}),
    "a reason of failure": (changing("payments", booked, failure_reason="none"), {"payment_failure_reason"}),
    "a pointer to an event": (changing("payments", waiting, last_event_id=new_id()), {"payment_last_event_id"}),
    "a pointer to a posting": (changing("payments", booked, booking_id=new_id()), {"payment_booking_id"}),
    "a pointer to a refund": (
        changing("payments", lambda filled: filled.refunded.id, refund_id=None), {"payment_refund_id"},
    ),
    "why a text came again": (
        changing("payments", booked, same_text_reason="Both are on the statement."), {"payment_same_text_reason"},
    ),
    "a text that came again for a blank reason": (
        lambda on, filled: (
            set_where("payment_events", APPROVAL, reason="\u200b")(on, filled),
            changing("payments", booked, same_text_reason="\u200b")(on, filled),
        ),
        {"transition"},
    ),
    "a report without a reference": (changing("payments", booked, normalized_reference=None), {"payment_reference"}),
    "an amount": (changing("payments", booked, amount_minor=1), {"posting", "amount_paid"}),
    "a report that is gone": (_take_away_a_report, {"payment_gone"}),
    "no history": (delete_where("payment_events", SUBMISSION), {"payment_history", "audit_of_payment"}),
    "an event that leads elsewhere": (
        set_where("payment_events", SUBMISSION, to_status="processing"), {"transition", "payment_status"},
    ),
    "an event of no transition": (
        set_where("payment_events", SUBMISSION, action="approve"),
        {"transition", "payment_submitted_by", "payment_decided_by", "payment_decided_at", "payment_reference",
         "audit_of_payment"},
    ),
    "an event from elsewhere": (set_where("payment_events", APPROVAL, from_status="pending"),
                                {"event_order", "transition"}),
    "an event at another place": (set_where("payment_events", APPROVAL, version=5),
                                  {"event_order", "payment_version", "posting", "reference"}),
    "an event of another account": (
        lambda on, filled: set_where("payment_events", APPROVAL, account_id=filled.globex.id)(on, filled),
        {"event_account", "reference"},
    ),
    "a refund without a reason": (set_where("payment_events", REFUND, reason=None), {"transition"}),
    "a decision of one's own": (
        lambda on, filled: set_where("payment_events", APPROVAL, actor_id=filled.world.member.id)(on, filled),
        {"four_eyes", "payment_decided_by"},
    ),
    "a decision by a customer": (
        lambda on, filled: (
            set_where("payment_events", APPROVAL, actor_id=filled.stranger)(on, filled),
            changing("payments", booked, decided_by=filled.stranger)(on, filled),
        ),
        {"other_account"},
    ),
    "a report by a stranger": (
        lambda on, filled: (
            set_where("payment_events", SUBMISSION, actor_id=filled.stranger)(on, filled),
            changing("payments", waiting, submitted_by=filled.stranger)(on, filled),
        ),
        {"other_account"},
    ),
    "an event without its audit entry": (
        delete_where("audit_entries", where("audit_entries", action="payment.refund")),
        {"audit_of_payment", "audit_chain"},
    ),
    "a posting too few": (
        delete_where("postings", LAST_POSTING), {"posting", "invoice_postings", "amount_paid", "invoice_status"},
    ),
    "a posting too many": (
        copy_where("postings", LAST_POSTING, seq=4, version=9, status="refunded"),
        {"posting", "posting_sum", "invoice_postings", "amount_paid", "invoice_status", "reference"},
    ),
    "a posting's order": (set_where("postings", LAST_POSTING, seq=7), {"posting_order"}),
    "a posting's sum": (set_where("postings", LAST_POSTING, paid_after=1), {"posting_sum"}),
    "a posting's status": (
        set_where("postings", where("postings", payment_id=lambda filled: filled.other.id), status="refunded"),
        {"posting", "posting_sum", "amount_paid", "invoice_status", "reference"},
    ),
    "an amount paid": (changing("invoices", paid, amount_paid_minor=0), {"amount_paid"}),
    "an invoice's last posting": (changing("invoices", paid, posting_seq=1), {"invoice_postings"}),
    "an invoice's status": (
        changing("invoices", paid, status="open"), {"invoice_status", "invoice_credits", "audit_of_invoice"},
    ),
    "an invoice that is paid without money": (
        changing("invoices", lambda filled: filled.open.id, status="paid"), {"invoice_status", "audit_of_invoice"},
    ),
    "a void invoice with money": (
        changing("invoices", lambda filled: filled.plain.id, status="void"), {"invoice_status", "audit_of_invoice"},
    ),
    "an invoice's total": (changing("invoices", paid, total_minor=4899), {"invoice_total", "audit_of_invoice"}),
    "a line's amount": (set_where("invoice_lines", LINE, quantity=3000), {"invoice_line"}),
    "an invoice's grant": (changing("invoices", paid, grant_id=None), {"invoice_grant"}),
    "the credits that an invoice buys": (
        changing("invoices", paid, credits=8), {"invoice_credits", "credit_amount", "audit_of_invoice"},
    ),
    "two open payments of an invoice": (
        without("uq_payments_open_invoice", set_where("payments", OF_PAID_INVOICE, status="pending")),
        {"one_open_payment", "payment_status", "amount_paid"},
    ),
    "a credit's amount": (
        set_where("credit_transactions", LAST_CREDIT, amount=9),
        {"credit_amount", "credit_balance", "invoice_credits"},
    ),
    "a balance": (set_where("credit_transactions", LAST_CREDIT, balance_after=8), {"credit_balance"}),
    "a gap in a ledger": (set_where("credit_transactions", LAST_CREDIT, seq=9), {"credit_order"}),
    "a credit too few": (
        delete_where("credit_transactions", LAST_CREDIT), {"invoice_credits", "invoice_grant"},
    ),
    "a credit of another account": (
        lambda on, filled: set_where("credit_transactions", LAST_CREDIT, account_id=filled.globex.id)(on, filled),
        {"credit_account", "credit_order", "reference"},
    ),
    "a payment of another account's invoice": (
        lambda on, filled: changing("payments", waiting, account_id=filled.globex.id)(on, filled),
        {"event_account", "reference", "other_account"},
    ),
    "an account that is not there": (
        delete_where("accounts", where("accounts", id=lambda filled: filled.globex.id)),
        {"reference", "audit_of_account"},
    ),
    "a reference on two live payments": (
        without(
            "uq_payments_live_reference uq_payments_booked_reference",
            lambda on, _: on.execute(update(T["payments"]).values(normalized_reference="same")),
        ),
        {"live_reference", "booked_reference"},
    ),
    "an invoice that is void though nobody made it so": (
        changing("invoices", lambda filled: filled.open.id, status="void"), {"audit_of_invoice"},
    ),
    "a due date": (changing("invoices", paid, due_date=LATER.date()), {"audit_of_invoice"}),
    "an invoice's number": (changing("invoices", paid, number="INV-1"), {"audit_of_invoice"}),
    "an invoice's external id": (changing("invoices", paid, external_id="E-1"), {"audit_of_invoice"}),
    "a line that costs nothing": (
        copy_where("invoice_lines", LINE, position=2, unit_price_minor=0, amount_minor=0), {"audit_of_invoice"},
    ),
    "a bank account": (set_where("payment_method_configs", METHOD, details=[["IBAN", "x"]]), {"audit_of_method"}),
    "a method's name": (set_where("payment_method_configs", METHOD, display_name="Wire"), {"audit_of_method"}),
    "a method's instructions": (
        set_where("payment_method_configs", METHOD, instructions="Send it there."), {"audit_of_method"},
    ),
    "a method's country": (set_where("payment_method_configs", METHOD, country="DE"), {"audit_of_method"}),
    "a method's currencies": (set_where("payment_method_configs", METHOD, currencies=["EUR"]), {"audit_of_method"}),
    "a method's limits": (
        set_where("payment_method_configs", METHOD, limit_currency="EUR", max_minor=1), {"audit_of_method"},
    ),
    "a method that is off": (set_where("payment_method_configs", METHOD, is_enabled=False), {"audit_of_method"}),
    "a method's place": (set_where("payment_method_configs", METHOD, position=3), {"audit_of_method"}),
    "a method that nobody offered": (copy_where("payment_method_configs", METHOD, country="DE"), {"audit_of_method"}),
    "a method that is gone": (delete_where("payment_method_configs", METHOD), {"audit_of_method"}),
    "a role": (changing("users", member, role="owner"), {"audit_of_user"}),
    "an address to sign in with": (changing("users", member, email="eve@acme.example"), {"audit_of_user"}),
    "a user's name": (changing("users", member, name="Eve"), {"audit_of_user"}),
    "a user who is locked out": (changing("users", member, disabled_at=LATER), {"audit_of_user"}),
    "a user whom nobody added": (
        copy_where("users", where("users", id=lambda filled: filled.world.admin.id), email="eve@portal.example"),
        {"audit_of_user"},
    ),
    "an account's name": (
        changing("accounts", lambda filled: filled.globex.id, name="Initech"), {"audit_of_account"},
    ),
    "an account's external id": (
        changing("accounts", lambda filled: filled.globex.id, external_id="E-1"), {"audit_of_account"},
    ),
}  # fmt: skip


@pytest.fixture
def filled(world: World, make: Factory) -> Filled:
    return Filled(world, make)


@pytest.mark.corrupts
def test_each_kind_of_fault_is_found(app: Flask, filled: Filled) -> None:
    assert findings_of(app) == []
    found = {}
    for kind, (corrupt, _) in KINDS.items():
        with undone(app):
            with past_the_rules(app) as connection:
                corrupt(connection, filled)
            found[kind] = rules(app)
    assert found == {kind: expected for kind, (_, expected) in KINDS.items()}
    assert findings_of(app) == []


def rules(app: Flask) -> set[str]:
    """The rules against which something was found; SQLite's own count of broken references is another matter."""
    return {line.partition(":")[0] for line in findings_of(app)} - {"file"}


def test_a_finding_names_the_row_by_its_id_and_as_people_do(app: Flask, filled: Filled) -> None:
    with undone(app):
        with past_the_rules(app) as connection:
            change("payments", filled.waiting.id, decided_by=filled.world.admin.id)(connection, filled)
            set_where("postings", LAST_POSTING, paid_after=1)(connection, filled)
            set_where("invoice_lines", LINE, amount_minor=1)(connection, filled)
            set_where("credit_transactions", LAST_CREDIT, amount=9)(connection, filled)
            change("invoices", filled.plain.id, amount_paid_minor=1)(connection, filled)
            ids = {name: connection.scalar(select(T[name].c.id).where(*which(filled))) for name, which in NAMED}
        lines = [line.partition(": expected")[0] for line in findings_of(app) if not line.startswith("file")]
    paid, plain = (f"invoice {invoice.id} ({invoice.number})" for invoice in (filled.paid, filled.plain))
    assert lines[0] == f"payment_decided_by: payment {filled.waiting.id} (invoice {filled.open.number})"
    assert lines[1:] == [
        f"invoice_line: line {ids['invoice_lines']} of {paid}",
        f"invoice_total: {paid}",
        f"posting_sum: posting {ids['postings']} of {paid}",
        f"credit_amount: credit transaction {ids['credit_transactions']} of {paid}",
        f"invoice_credits: {paid}",
        f"amount_paid: {plain}",
        f"amount_paid: {plain}",
        f"credit_balance: credit transaction {ids['credit_transactions']} of account {filled.world.account.id}",
    ]


@pytest.mark.corrupts
def test_a_finding_is_one_line_whatever_a_row_holds(app: Flask, filled: Filled) -> None:
    """Whoever writes past the portal must not write lines of verify, or to the screen that shows them."""
    with past_the_rules(app) as connection:
        change("payments", filled.waiting.id, failure_reason="so\nAll holds.\x1b[2K\u202e")(connection, filled)
    subject = f"payment {filled.waiting.id} (invoice {filled.open.number})"
    said = r"expected failure_reason none, found so\nAll holds.\x1b[2K\u202e"
    assert findings_of(app) == [f"payment_failure_reason: {subject}: {said}"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.corrupts
def test_a_value_that_cannot_be_read_is_found(app: Flask, filled: Filled) -> None:
    """SQLite keeps whatever it is given; the other checks go on."""
    with past_the_rules(app) as connection:
        connection.execute(text("UPDATE payments SET decided_at = 'yesterday' WHERE status = 'succeeded'"))
        connection.execute(text("UPDATE audit_entries SET subject_id = 'nobody' WHERE action = 'account.created'"))
        changing("invoices", paid, total_minor=1)(connection, filled)
    assert {"unreadable", "invoice_total"} <= rules(app)
    unreadable = [line for line in findings_of(app) if line.startswith("unreadable")]
    assert [line.split(": ")[1] for line in unreadable] == ["payments", "accounts", "audit log"]


def test_what_is_committed_meanwhile_is_not_in_the_snapshot(app: Flask, filled: Filled, make: Factory) -> None:
    with app.app_context(), across_accounts(), snapshot() as view:
        pieces: list[int] = []

        def write(rows: int) -> None:
            pieces.append(rows)
            if len(pieces) == 3:
                make.approved(filled.waiting, filled.world.reviewer)

        assert list(Verification(piece=1, progress=write).findings(view)) == []
    assert make.payment_now(filled.waiting).status == "succeeded"


def grow(app: Flask, filled: Filled, name: str, number: int) -> None:
    """So many more invoices with a payment that waits, as the import and the service would have written them."""
    head = "account_number,account_name,country,currency,invoice_number,issue_date,due_date,credits,description,"
    account = filled.world.account
    whose = f"{account.number},{account.name},{account.country},{account.currency}"
    rows = [f"{whose},{name}-{n},2026-01-01,2026-01-15,0,Support,1,10.00" for n in range(number)]
    with app.app_context(), across_accounts(), transaction(), audit.chain_of_its_own():
        import_file(BytesIO("\n".join([head + "quantity,unit_price", *rows]).encode()), by=SYSTEM)
        invoices = session.execute(select(T["invoices"]).where(T["invoices"].c.number.startswith(name))).mappings()
        payments, events, entries = [], [], []
        for n, invoice in enumerate(list(invoices)):
            payment = waiting_values(invoice["account_id"], invoice["id"], f"{name}{n}", filled.world.owner.id)
            payments.append(payment)
            events.append(submitted_values(payment))
            entries.append(
                audit.values_of(SYSTEM, "payment.submit", "payment", payment["id"], account_id=invoice["account_id"])
            )
        session.execute(insert(Payment), payments)
        session.execute(insert(PaymentEvent), events)
        audit.record_many(entries)


def waiting_values(account_id: UUID, invoice_id: UUID, reference: str, submitted_by: UUID) -> dict[str, Any]:
    now = clock.now()
    return {
        "id": new_id(), "account_id": account_id, "invoice_id": invoice_id, "amount_minor": 1000, "currency": "EUR",
        "payment_method": "bank_transfer", "status": "pending_approval", "transaction_reference": reference,
        "normalized_reference": reference, "notes": "", "submitted_by": submitted_by, "created_at": now,
        "updated_at": now, "version": 1, "last_event_id": new_id(),
    }  # fmt: skip


def submitted_values(payment: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": payment["last_event_id"], "account_id": payment["account_id"], "payment_id": payment["id"], "version": 1,
        "to_status": "pending_approval", "action": "submit", "actor_id": payment["submitted_by"], "actor_label": "x",
        "actor_role": "owner", "face": "web", "request_id": "", "at": payment["created_at"],
    }  # fmt: skip


def test_memory_stays_flat_and_statements_few(app: Flask, filled: Filled) -> None:
    """Ten times the rows: about the same memory, and the same statements to the letter."""
    measured = []
    for name, number in (("first", 200), ("then", 2000)):
        grow(app, filled, name, number)
        measured.append(measure(app))
    (few, small, some), (many, large, same) = measured
    assert many > 8 * few
    assert large < 1.5 * small
    assert same == some
    assert len(some) < 70


def measure(app: Flask) -> tuple[int, int, list[str]]:
    """Rows that were read, the most memory that was taken, and the statements that were run."""
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    read: list[int] = []
    with app.app_context(), across_accounts():
        expected = rows_to_read()
        with snapshot() as view:
            list(Verification(piece=50).findings(view))  # what is loaded once
        with listening(app, "before_cursor_execute", note):
            tracemalloc.start()
            with snapshot() as view:
                found = [str(finding) for finding in Verification(piece=50, progress=read.append).findings(view)]
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert found == []
    assert sum(read) >= expected
    return sum(read), peak, statements
