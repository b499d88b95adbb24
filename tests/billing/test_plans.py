"""Lists cost the same at any depth: each page comes from its own index in the index's order, without a sort.

The database is told that its tables are large, so that it plans as it would then. Every index has a list that needs it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from portal.accounts.queries import token_page, user_page
from portal.billing.credits.queries import ledger_page, month_ends
from portal.billing.invoices.queries import InvoiceFilter, invoice_page
from portal.billing.invoices.service import suggest_number
from portal.billing.payments.figures import Lane
from portal.billing.payments.queries import (
    PaymentFilter,
    approval_queue,
    payment_page,
    payments_of_invoice,
    with_same_reference,
)
from portal.billing.payments.service import refund_payment
from portal.billing.payments.states import Status
from portal.billing.payments.workload import pace
from portal.billing.search.queries import look_for
from portal.foundation.audit_queries import AuditFilter, audit_page
from portal.foundation.db import Base, db, session
from portal.foundation.tenancy import account_scope, across_accounts
from portal.webhooks.delivering import claim, hand_out, purge
from portal.webhooks.queries import delivery_page, endpoints_of
from portal.webhooks.service import create_endpoint, send_test
from tests.billing.conftest import World
from tests.engines import disconnect, listening, superuser_of
from tests.factories import Factory, acting

pytestmark = pytest.mark.usefixtures("domain")
WAITING = PaymentFilter(statuses=(Status.PENDING_APPROVAL,))
OPEN = InvoiceFilter(statuses=("open",))
DAY = datetime(2031, 1, 1, tzinfo=UTC)


_AS_IF_LARGE = {
    "sqlite": "ANALYZE",
    "postgresql": """
        UPDATE pg_class SET relpages = greatest(pg_relation_size(oid) / 8192, 1),
                            reltuples = 1e6 * greatest(pg_relation_size(oid) / 8192, 1)
        WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace
    """,
}


class Large:
    """A database with some rows that thinks it had a million of each."""

    def __init__(self, app: Flask, world: World, make: Factory) -> None:
        self.app, self.world = app, world
        self.payment = make.approved(make.payment(make.invoice(world.account, credits=1), world.owner), world.reviewer)
        for _ in range(6):
            make.approved(make.payment(make.invoice(world.account, credits=1), world.owner), world.reviewer)
            make.payment(make.invoice(world.account), world.owner)
        make.token(world.owner)
        with across_accounts():
            by = acting(world.owner)
            self.endpoint_id = create_endpoint(by=by, url="https://a.example/", event_types=["payment.submitted"]).id
            for _ in range(6):
                send_test(self.endpoint_id, by=by)
        with account_scope(world.account.id):
            self.cursor = payment_page(page_size=5).next
            self.invoice_cursor = invoice_page(page_size=5).next
        session.remove()
        with superuser_of(app) as engine, engine.begin() as connection:
            connection.execute(text(_AS_IF_LARGE[engine.dialect.name]))
        disconnect(app)  # connections keep what they learned about the tables before

    def of_account(self) -> AbstractContextManager[None]:
        return account_scope(self.world.account.id)


@pytest.fixture
def large(app: Flask, world: World, make: Factory) -> Large:
    return Large(app, world, make)


def give_back(large: Large) -> None:
    refund_payment(large.payment.id, by=acting(large.world.admin), version=large.payment.version, reason="twice")


LISTS: dict[str, Callable[[Large], Any]] = {
    "ix_payments_account_id_status_id": lambda large: payment_page(WAITING, cursor=large.cursor, page_size=5),
    "ix_invoices_account_id_status_id": lambda large: invoice_page(OPEN, cursor=large.invoice_cursor, page_size=5),
    "ix_credit_transactions_account_id_created_at_seq": lambda large: month_ends(large.world.account.id, "UTC"),
    "ix_credit_transactions_account_id_id": lambda _: ledger_page(page_size=5),
    "ix_webhook_deliveries_endpoint_id_id": lambda large: delivery_page(large.endpoint_id, page_size=5),
    "ix_webhook_endpoints_account_id_id": lambda large: endpoints_of(acting(large.world.owner)),
}
LISTS_OF_STAFF: dict[str, Callable[[Large], Any]] = {
    "ix_payments_invoice_id_id": lambda large: payments_of_invoice(large.payment.invoice_id),
    "ix_payments_status_id": lambda large: approval_queue(cursor=large.cursor, page_size=5),
    "ix_credit_transactions_invoice_id_id": give_back,
    "ix_payments_reference": lambda large: with_same_reference(large.payment),
    "ix_invoices_status_id": lambda large: invoice_page(OPEN, cursor=large.invoice_cursor, page_size=5),
    "ix_users_account_id_id": lambda large: user_page(account_id=large.world.account.id),
    "ix_api_tokens_user_id_id": lambda large: token_page(large.world.owner.id, live=False),
    "ix_audit_entries_account_id_id": lambda large: audit_page(AuditFilter(account_id=large.world.account.id)),
    "ix_webhook_deliveries_due": lambda _: claim(),
    "ix_webhook_deliveries_before": lambda _: claim(),
    "ix_webhook_deliveries_leased": lambda _: claim(),
    "ix_webhook_events_waiting": lambda _: hand_out(),
    "ix_webhook_events_at": lambda _: purge(),
    "ix_audit_entries_subject": lambda large: audit_page(AuditFilter(subject_id=large.payment.id)),
}

LOOKED_FOR: dict[str, Callable[[], Any]] = {
    "ix_payments_amount": lambda: look_for("49.00"),
    "ix_payments_reference": lambda: look_for("TRF-1"),
    "ix_invoices_total": lambda: look_for("49.00 EUR"),
    "ix_invoices_number": lambda: look_for("INV-1"),
    "ix_payments_decided_at_created_at": pace,
}
"""What is no list: a few rows by how they begin or by an amount, and figures of a while."""

OF_A_DAY: dict[str, Callable[[], Any]] = {
    "ix_payments_created_at": lambda: payment_page(PaymentFilter(created_from=DAY, created_to=DAY + timedelta(days=1))),
    "ix_audit_entries_at": lambda: audit_page(AuditFilter(since=DAY, until=DAY + timedelta(days=1))),
}
"""Lists of staff that are cut down to a day of few rows. One of many PostgreSQL may read in the order of the list."""


@pytest.mark.parametrize("index", LISTS)
def test_a_list_of_an_account_is_read_from_its_index(index: str, large: Large) -> None:
    with large.of_account():
        read_from(large.app, index, lambda: LISTS[index](large))


@pytest.mark.parametrize("index", LISTS_OF_STAFF)
def test_a_list_of_staff_is_read_from_its_index(index: str, large: Large) -> None:
    with across_accounts():
        read_from(large.app, index, lambda: LISTS_OF_STAFF[index](large))


@pytest.mark.parametrize(
    ("lane", "index"),
    [
        (Lane.CLEAR, "ix_payments_status_id"),
        (Lane.CLEAR, "ix_payments_account_id_status_id"),
        (Lane.CLEAR, "ix_payments_reference"),
        (Lane.CONFLICT, "ix_payments_status_id"),
        (Lane.CONFLICT, "ix_payments_reference"),
    ],
)
def test_a_lane_of_the_queue_is_read_from_indexes_in_their_order(lane: Lane, index: str, large: Large) -> None:
    wanted = PaymentFilter(lane=lane)
    with across_accounts(), statements(large.app) as seen:
        approval_queue(wanted, cursor=large.cursor, page_size=5)
    (plan,) = [plan_of(statement, parameters) for statement, parameters in seen]
    assert index in plan
    assert ("TEMP B-TREE" in plan, "Sort" in plan) == (False, False)


@pytest.mark.parametrize("index", LOOKED_FOR)
def test_what_is_looked_for_is_read_from_its_index(index: str, large: Large) -> None:
    forget_how_few_there_are(large.app)
    with across_accounts():
        assert [plan for plan in plans_of(large.app, LOOKED_FOR[index]) if index in plan] != []


@pytest.mark.parametrize("index", OF_A_DAY)
def test_a_day_of_few_rows_is_read_from_its_index(index: str, large: Large) -> None:
    forget_how_few_there_are(large.app)
    if db.engine.dialect.name == "postgresql":
        with superuser_of(large.app) as engine, engine.begin() as connection:
            connection.execute(text("ANALYZE"))  # it learns of which days there are rows
            connection.execute(text(_AS_IF_LARGE["postgresql"]))
    with across_accounts():
        assert [plan for plan in plans_of(large.app, OF_A_DAY[index]) if index in plan] != []


def forget_how_few_there_are(app: Flask) -> None:
    """SQLite would read them all, if it knew."""
    if db.engine.dialect.name == "sqlite":
        with superuser_of(app) as engine, engine.begin() as connection:
            connection.execute(text("DELETE FROM sqlite_stat1"))
        disconnect(app)


def test_pages_of_everything_are_read_from_the_index_of_a_key(large: Large) -> None:
    of_sqlite = db.engine.dialect.name == "sqlite"
    with large.of_account():
        key = "(account_id=? AND id<?)" if of_sqlite else "using uq_payments_account_id_id"
        read_from(large.app, key, lambda: payment_page(cursor=large.cursor, page_size=5))
        key = "(account_id=? AND id<?)" if of_sqlite else "using uq_invoices_account_id_id"
        read_from(large.app, key, lambda: invoice_page(cursor=large.invoice_cursor, page_size=5))
    with across_accounts():
        key = "sqlite_autoindex_payments_1" if of_sqlite else "using pk_payments"
        read_from(large.app, key, lambda: payment_page(cursor=large.cursor, page_size=5))


def test_the_number_to_suggest_is_looked_up_at_the_end_of_an_index(large: Large) -> None:
    with across_accounts():
        of_sqlite = db.engine.dialect.name == "sqlite"
        read_from(large.app, "(number>? AND number<?)" if of_sqlite else "using uq_invoices_number", suggest_number)


OF_OTHERS = {
    "ix_invoices_external_id": "an invoice by that alone; PostgreSQL takes the unique index while few have one",
    "ix_audit_entries_request_id": "the audit log by request: tests/admin/test_audit.py",
    "ix_user_sessions_user_id_id": "one's sessions",
    "ix_user_sessions_device_hash": "whether a browser is known",
    "ix_attempt_limits_free_at": "what has had its time",
    "ix_idempotency_keys_created_at": "what has had its time",
    "ix_mails_created_at": "what has had its time",
    "ix_mailed_links_created_at": "what has had its time",
    "ix_mails_due": "what is to be sent",
    "ix_mails_failed": "how many failed: the metrics",
    "ix_mailed_links_purpose_id": "open invitations",
    "ix_payment_proofs_sha256": "where the same file was seen",
}
"""Indexes of look-ups that are no lists of billing."""


def test_every_index_has_a_list_that_needs_it() -> None:
    plain = {str(index.name) for table in Base.metadata.tables.values() for index in table.indexes if not index.unique}
    assert plain == {*LISTS, *LISTS_OF_STAFF, *LOOKED_FOR, *OF_A_DAY, *OF_OTHERS}


def read_from(app: Flask, index: str, read: Callable[[], Any]) -> None:
    """Read, and see that what was read came from this index; a page of a list also in its order, without a sort."""
    plans = plans_of(app, read)
    assert [plan for plan in plans if index in plan] != [], plans
    if index != "ix_payments_reference":  # the same reference is on a handful of payments; these are sorted
        assert [plan for plan in plans if "TEMP B-TREE" in plan or "Sort" in plan] == []


def plans_of(app: Flask, read: Callable[[], Any]) -> list[str]:
    with statements(app) as seen:
        read()
    return [plan_of(statement, parameters) for statement, parameters in seen]


@contextmanager
def statements(app: Flask) -> Iterator[list[tuple[str, Any]]]:
    """The SELECTs on lists that the engine runs in the block, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().startswith("SELECT") and "WHERE" in statement:
            seen.append((statement, parameters))

    with listening(app, "before_cursor_execute", note):
        yield seen


def plan_of(statement: str, parameters: Any) -> str:
    raw = session.connection().connection.cursor()
    if db.engine.dialect.name == "sqlite":
        return " | ".join(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
    raw.execute("SET LOCAL enable_seqscan = off")
    raw.execute("SET LOCAL enable_bitmapscan = off")
    raw.execute(f"EXPLAIN {statement}", parameters)
    return "\n".join(row[0] for row in raw.fetchall())
