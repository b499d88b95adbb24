"""What the database itself refuses, whatever the code says. Each statement goes past the domain on purpose."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.billing.payments.models import Payment
from portal.foundation.db import session, transaction
from portal.foundation.ids import new_id
from tests.billing.conftest import World
from tests.factories import Factory

pytestmark = pytest.mark.usefixtures("domain")


def refused(statement: str, match: str, **values: object) -> None:
    """Run the SQL in a unit of its own and see it refused for the reason that ``match`` says."""
    with pytest.raises(IntegrityError, match=match), transaction() as unit:
        unit.execute(text(statement), values)


@pytest.fixture
def booked(world: World, make: Factory) -> Payment:
    payment = make.payment(make.invoice(world.account, credits=10), world.owner)
    return make.approved(payment, world.reviewer)


@pytest.fixture
def waiting(world: World, make: Factory) -> Payment:
    return make.payment(make.invoice(world.account), world.owner)


def test_a_status_without_its_event(waiting: Payment) -> None:
    refused("UPDATE payments SET status = 'succeeded' WHERE id = :id", "FOREIGN KEY", id=waiting.id.hex)
    refused("UPDATE payments SET version = version + 1 WHERE id = :id", "FOREIGN KEY", id=waiting.id.hex)
    refused("UPDATE payments SET last_event_id = :other", "FOREIGN KEY", other=new_id().hex)


def test_history_ledger_and_audit_are_append_only(booked: Payment) -> None:
    for table in ("payment_events", "credit_transactions", "audit_entries"):
        refused(f"UPDATE {table} SET id = id", f"{table} is append-only")
        refused(f"DELETE FROM {table}", f"{table} is append-only")
        refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}", f"{table} is append-only")


def test_a_second_grant_for_a_payment(booked: Payment) -> None:
    refused(
        "INSERT INTO credit_transactions SELECT :id, 2, amount, 20, cause, payment_id, invoice_id, created_at,"
        " account_id FROM credit_transactions",
        "payment_id, credit_transactions.cause",
        id=new_id().hex,
    )


def test_a_second_row_at_one_place_of_the_ledger(booked: Payment) -> None:
    refused(
        "INSERT INTO credit_transactions SELECT :id, seq, 10, 10, cause, :other, invoice_id, created_at,"
        " account_id FROM credit_transactions",
        "account_id, credit_transactions.seq",
        id=new_id().hex,
        other=new_id().hex,
    )


def test_a_second_decision(booked: Payment) -> None:
    refused(
        "INSERT INTO payment_events SELECT :id, payment_id, 3, to_status, 'failed', 'reject', actor_id, actor_label,"
        " actor_role, face, reason, request_id, at, account_id FROM payment_events WHERE version = 2",
        "payment_events.payment_id",
        id=new_id().hex,
    )


def test_a_second_open_payment_of_an_invoice(world: World, waiting: Payment, make: Factory) -> None:
    other = make.payment(make.invoice(world.account), world.owner)
    refused(
        "UPDATE payments SET invoice_id = :invoice WHERE id = :id",
        "payments.invoice_id",
        invoice=waiting.invoice_id.hex,
        id=other.id.hex,
    )


def test_one_reference_on_two_live_payments_of_an_account(world: World, waiting: Payment, make: Factory) -> None:
    make.payment(make.invoice(world.account), world.owner)
    refused("UPDATE payments SET normalized_reference = 'same'", "account_id, payments.payment_method")


def test_one_transfer_booked_for_two_accounts(world: World, booked: Payment, make: Factory) -> None:
    globex = make.account("Globex")
    other = make.approved(make.payment(make.invoice(globex), make.user("owner", globex)), world.reviewer)
    refused(
        "UPDATE payments SET normalized_reference = 'same' WHERE id IN (:one, :two)",
        "payments.payment_method, payments.normalized_reference",
        one=booked.id.hex,
        two=other.id.hex,
    )


def test_a_payment_of_one_account_for_the_invoice_of_another(waiting: Payment, make: Factory) -> None:
    foreign = make.invoice(make.account("Globex"))
    refused("UPDATE payments SET invoice_id = :invoice", "FOREIGN KEY", invoice=foreign.id.hex)


def test_a_payment_in_another_currency_than_its_invoice(waiting: Payment) -> None:
    refused("UPDATE payments SET currency = 'VND'", "FOREIGN KEY")


def test_a_decision_by_the_submitter(booked: Payment) -> None:
    refused("UPDATE payments SET decided_by = submitted_by", "ck_payments_four_eyes")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("status = 'paid'", "ck_invoices_paid_is_covered"),
        ("amount_paid_minor = total_minor", "ck_invoices_open_is_not_covered"),
        ("amount_paid_minor = -1", "ck_invoices_amounts"),
        ("status = 'void', amount_paid_minor = 1", "ck_invoices_nothing_paid"),
        ("due_date = NULL", "ck_invoices_issued_has_dates"),
        ("status = 'lost'", "ck_invoices_status"),
    ],
)
def test_an_invoice_whose_status_and_amounts_disagree(change: str, constraint: str, waiting: Payment) -> None:
    refused(f"UPDATE invoices SET {change}", constraint)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("amount_minor = 0", "ck_payments_amount"),
        ("amount_minor = -4900", "ck_payments_amount"),
        ("status = 'completed'", "ck_payments_status"),
        ("status = 'failed'", "ck_payments_failure_has_reason"),
    ],
)
def test_a_payment_that_cannot_be(change: str, constraint: str, waiting: Payment) -> None:
    refused(f"UPDATE payments SET {change}", constraint)


def test_staff_with_an_account_and_customers_without(world: World) -> None:
    refused("UPDATE users SET account_id = :id", "ck_users_staff_have_no_account", id=world.account.id.hex)
    refused("UPDATE users SET account_id = NULL", "ck_users_staff_have_no_account")


def test_nothing_was_changed_by_what_was_refused(booked: Payment) -> None:
    refused("UPDATE payments SET status = 'failed', failure_reason = 'x'", "FOREIGN KEY")
    assert session.scalar(text("SELECT status FROM payments")) == "succeeded"
