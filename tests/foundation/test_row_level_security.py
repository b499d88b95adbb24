"""PostgreSQL itself shows an account its own rows: with a forgotten filter, and by injected SQL."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Table, select, text
from sqlalchemy.exc import DBAPIError

from portal.app import create_app
from portal.billing.payments.models import Payment
from portal.cli.database_logins import READ, RIGHTS, SHORT_LIVED
from portal.foundation.db import Base, session
from portal.foundation.ids import new_id
from portal.foundation.row_security import Login
from portal.foundation.tenancy import account_scope, across_accounts
from tests import postgres
from tests.api.conftest import Caller
from tests.conftest import BASICS
from tests.engines import disconnect
from tests.factories import Factory, acting
from tests.foundation.conftest import Tenants, refusal, seen_by

OF_ACCOUNTS = sorted(name for name, table in Base.metadata.tables.items() if "account_id" in table.c)
OF_USERS = ("api_tokens", "recovery_codes", "second_factors", "user_sessions")
WHOSE = {"accounts": "id", "audit_chains": "chain", "idempotency_keys": "scope_id"} | dict.fromkeys(OF_USERS, "user_id")
"""The column that says whose a row is, where it is not ``account_id``."""
SECURED = sorted({*OF_ACCOUNTS, *WHOSE})
ADDED_BLINDLY = {"audit_entries", "mails"}
"""What customers add to and do not read."""
NOBODYS = {"attempt_limits", "payment_method_configs", "portal_facts"}
"""What counts attempts by names and addresses, what is offered to everybody, and what is true of the whole database."""


def owner_of(table: str) -> str:
    """SQL for the account that a row of the table belongs to."""
    column = f"{table}.{WHOSE.get(table, 'account_id')}"
    return f"(SELECT account_id FROM users WHERE users.id = {column})" if table in OF_USERS else column


def test_every_table_is_secured_or_nobodys(tenants: Tenants) -> None:
    """A new table fails here until it is said whose its rows are."""
    secured = tenants.say(
        "SELECT relname, relrowsecurity AND relforcerowsecurity,"
        " (SELECT string_agg(polcmd::text, '' ORDER BY polcmd::text) FROM pg_policy WHERE polrelid = pg_class.oid)"
        " FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relrowsecurity",
        scope=None,
    )
    assert {tuple(row) for row in secured} == {(table, True, "adrw") for table in SECURED}
    assert set(Base.metadata.tables) - set(SECURED) == NOBODYS


def check_read(tenants: Tenants, table: str) -> None:
    """Each account sees its own rows and no others, by whichever login."""
    acme, globex = tenants.acme.account.id, tenants.globex.account.id
    whose = f"SELECT DISTINCT {owner_of(table)} FROM {table}"
    assert {acme, globex} <= {row[0] for row in tenants.say(whose, scope="*")}
    for account in (acme, globex):
        for login in (Login.STAFF, Login.WORKER, Login.OWNER):
            assert {row[0] for row in tenants.say(whose, scope=account, login=login)} == {account}
        if table not in ADDED_BLINDLY:
            assert {row[0] for row in tenants.say(whose, scope=account)} == {account}


def check_add(bare: Tenants, table: str) -> None:
    """No row is added to another account."""
    acme, globex = bare.acme.account.id, bare.globex.account.id
    row = Base.metadata.tables[table]
    columns, copied = ", ".join(column.name for column in row.c), ", ".join(copied_columns(row))
    insert = f"INSERT INTO {table} ({columns}) SELECT {copied} FROM {table} WHERE {owner_of(table)} = :mine LIMIT 1"
    other = bare.globex.owner.id if table in OF_USERS else globex
    for login in (Login.OWNER, Login.WORKER):
        how = {"scope": acme, "login": login, "mine": acme, "new": new_id(), "to": other}
        assert "row-level security" in refusal(bare, insert, **how)


def copied_columns(table: Table) -> Iterator[str]:
    """A row's values for a copy in another account."""
    other = {"id": "CAST(:new AS uuid)", "account_id": "CAST(:to AS uuid)"}
    other[WHOSE.get(table.name, "account_id")] = "CAST(:to AS uuid)"
    for column in table.c:
        yield other.get(column.name, column.name)


def check_change(bare: Tenants, table: str) -> None:
    """No row of another account is changed, and none is moved to it. The statements read no column: no other policy
    stands before the one that is tried."""
    acme, mine, theirs = bare.acme.account.id, bare.acme.account.id, bare.globex.account.id
    column = "name" if table == "accounts" else WHOSE.get(table, "account_id")
    if table in OF_USERS:
        mine, theirs = bare.acme.owner.id, bare.globex.owner.id
    change = f"UPDATE {table} SET {column} = :value"
    how: dict[str, Any] = {"scope": acme, "login": Login.OWNER}
    if table in ("accounts", "invoices", "payments"):  # which are changed across accounts, or by a withdrawal only
        assert "row-level security" in refusal(bare, change, **how, value=mine)
    else:
        own = bare.say(f"SELECT count(*) FROM {table} WHERE {owner_of(table)} = :acme", **how, acme=acme)[0][0]
        assert bare.touched(change, **how, value=mine) == own > 0
    if column != "name":
        assert "row-level security" in refusal(bare, change, **how, value=theirs)


def check_remove(bare: Tenants, table: str) -> None:
    """Rows are deleted across accounts only, but for those whose time ends."""
    how: dict[str, Any] = {"scope": bare.acme.account.id, "login": Login.OWNER}
    own = bare.say(f"SELECT count(*) FROM {table}", **how)[0][0]
    assert own > 0
    assert bare.touched(f"DELETE FROM {table}", **how) == (own if table in SHORT_LIVED else 0)


CHECKS = {"read": check_read, "add": check_add, "change": check_change, "remove": check_remove}
ADDED = [table for table in SECURED if table != "accounts"]
TRIED = [(check, table) for check in CHECKS for table in (ADDED if check == "add" else SECURED)]


@pytest.mark.parametrize(("check", "table"), TRIED)
def test_a_statement_reaches_the_rows_of_its_account(check: str, table: str, bare: Tenants) -> None:
    CHECKS[check](bare, table)


@pytest.mark.parametrize(("check", "table"), TRIED)
def test_a_policy_that_lets_everything_through_is_noticed(
    check: str, table: str, bare: Tenants, server: postgres.Server
) -> None:
    """The checks above fail for each policy that is weakened, be it by one condition only."""
    parts = {"read": ["USING"], "add": ["WITH CHECK"], "change": ["USING", "WITH CHECK"], "remove": ["USING"]}[check]
    if (check, table) in {("change", name) for name in ("accounts", "invoices", "payments")}:
        parts = ["WITH CHECK"]  # which no row fits: what the other condition lets through is not seen
    for part in parts:
        with server.connect(bare.database) as connection:
            was = connection.execute(
                "SELECT CASE %s WHEN 'USING' THEN qual ELSE with_check END FROM pg_policies WHERE policyname = %s",
                [part, f"{table}_{check}"],
            ).fetchone()
            assert was is not None
            connection.execute(f"ALTER POLICY {table}_{check} ON {table} {part} (true)".encode())
            try:
                with pytest.raises((AssertionError, pytest.fail.Exception, DBAPIError)):
                    CHECKS[check](bare, table)
            finally:
                connection.execute(f"ALTER POLICY {table}_{check} ON {table} {part} ({was[0]})".encode())
    CHECKS[check](bare, table)


@pytest.mark.parametrize("table", SECURED)
def test_without_a_scope_there_are_no_rows(table: str, tenants: Tenants) -> None:
    """But for those among which the gate looks for who asks."""
    count = f"SELECT count(*) FROM {table}"
    if table not in ADDED_BLINDLY:
        assert tenants.say(count, scope=None, login=Login.CUSTOMER)[0][0] == 0
    if READ in RIGHTS[Login.GATE].get(table, ()):
        assert tenants.say(count, scope=None, login=Login.GATE)[0][0] > 0
    else:
        assert "permission denied" in refusal(tenants, count, scope=None, login=Login.GATE)
        assert tenants.say(count, scope=None, login=Login.STAFF)[0][0] == 0
        assert tenants.say(count, scope=None, login=Login.OWNER)[0][0] == 0


INJECTED = (
    # what was decided, or is somebody else's to decide
    "UPDATE payments SET status = 'succeeded', version = version + 1 WHERE status = 'pending_approval'",
    "UPDATE payments SET amount_minor = 1",
    "UPDATE payments SET decided_by = NULL",
    "UPDATE invoices SET status = 'paid'",
    "UPDATE invoices SET id = id",
    "UPDATE accounts SET name = 'Mine'",
    "UPDATE accounts SET id = id",
    "UPDATE users SET role = 'admin'",
    "UPDATE users SET account_id = NULL",
    "INSERT INTO users SELECT * FROM users",
    "INSERT INTO credit_transactions SELECT * FROM credit_transactions",
    "INSERT INTO postings SELECT * FROM postings",
    "INSERT INTO portal_facts VALUES ('demo', 'yes')",
    # what was told, and to whom
    "UPDATE webhook_endpoints SET account_id = NULL",
    "UPDATE webhook_events SET body = '{}'",
    "UPDATE webhook_deliveries SET answer = 'taken'",
    *(f"DELETE FROM {table}" for table in ("webhook_endpoints", "webhook_events", "webhook_deliveries")),
    # history
    *(
        f"{change} {table}{rest}"
        for table in ("payment_events", "payment_proofs", "postings", "credit_transactions", "audit_entries")
        for change, rest in (("UPDATE", " SET id = id"), ("DELETE FROM", ""), ("TRUNCATE", ""))
    ),
    "DELETE FROM payments",
    "UPDATE payment_proofs SET content = NULL",
    "SELECT * FROM audit_entries",
    # mails, and what opens by them
    "SELECT * FROM mails",
    "UPDATE mails SET address = 'me@evil.example'",
    "UPDATE mailed_links SET email = 'me@evil.example'",
    "UPDATE mailed_links SET token_hash = 'known'",
    "DELETE FROM mailed_links",
    # other people's rights
    *(f"SET ROLE {role}" for role in ("app_staff", "portal_staff", "app_worker", "app_owner", "app_gate")),
    "SET ROLE postgres",
    "SELECT set_config('role', 'app_staff', true), count(*) FROM invoices",
    "SET SESSION AUTHORIZATION app_staff",
    "GRANT portal_staff TO app_customer",
    "ALTER ROLE app_customer BYPASSRLS",
    "ALTER ROLE app_staff PASSWORD 'known'",
    # the walls themselves
    "SET row_security = off; SELECT * FROM invoices",
    "ALTER TABLE invoices DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE payments DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
    "DROP POLICY invoices_read ON invoices",
    "SELECT portal_may_cross()",
    "CREATE FUNCTION portal_may_cross(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION portal_across() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "CREATE TABLE kept (secret text)",
    "CREATE TEMPORARY TABLE kept (secret text)",
    "COPY invoices TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT * FROM pg_authid",
)


@pytest.mark.parametrize("statement", INJECTED)
def test_injected_sql_of_a_customer_is_refused(statement: str, tenants: Tenants) -> None:
    said = refusal(tenants, statement, scope=tenants.acme.account.id)
    assert any(reason in said for reason in ("permission denied", "must be", "must have", "row-level security"))


def test_what_a_customer_sees_is_not_widened_by_a_setting(tenants: Tenants) -> None:
    """To say “all accounts” is a privilege of the login. Staff are out of sight, and so are their passwords."""
    acme = tenants.acme.account.id
    widened = "SELECT set_config('app.account_id', '{}', true), (SELECT count(*) FROM invoices)"
    tenants.say(widened.format("*"), scope=acme)
    for value in ("*", ""):
        after = f"WITH told AS MATERIALIZED ({widened.format(value)}) SELECT count(*) FROM users, told"
        assert tenants.say(after, scope=acme)[0][0] <= 1
    with tenants.app.app_context(), account_scope(acme):
        session.execute(text("SELECT 1"))
        for value in ("*", ""):
            session.execute(text("SELECT set_config('app.account_id', :value, true)"), {"value": value})
            for table in set(SECURED) - ADDED_BLINDLY:
                assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    hashes = "SELECT count(*) FROM users WHERE account_id IS NULL"
    assert tenants.say(hashes, scope="*")[0][0] == 1
    assert tenants.say(hashes, scope=acme)[0][0] == 0


def test_a_decided_payment_is_not_changed_by_a_customer(tenants: Tenants) -> None:
    """Not even with an event for it: customers write reports and withdrawals, and the states let neither follow."""
    booked = tenants.acme.booked
    how: dict[str, Any] = {"scope": tenants.acme.account.id, "payment": booked.id, "event": new_id()}
    for action, to in (("approve", "succeeded"), ("refund", "refunded"), ("cancel", "cancelled")):
        with pytest.raises(DBAPIError) as refused:
            tenants.say(
                "WITH moved AS (UPDATE payments SET status = :to, version = version + 1, last_event_id = :event"
                "  WHERE id = :payment RETURNING *)"
                " INSERT INTO payment_events SELECT :event, payment_id, version + 1, to_status, :to, :action, actor_id,"
                "  actor_label, actor_role, face, reason, request_id, at, account_id FROM payment_events"
                "  WHERE payment_id = :payment AND version = 2",
                **how, to=to, action=action,
            )  # fmt: skip
        assert getattr(refused.value.orig, "sqlstate", None) in {"42501", "23514"}
    with tenants.app.app_context(), across_accounts():
        assert session.scalar(select(Payment.status).where(Payment.id == booked.id)) == "succeeded"


@pytest.mark.usefixtures("unfiltered")
def test_views_without_their_filter_show_nothing_foreign(tenants: Tenants, server: postgres.Server) -> None:
    assert "Acme-secret" in seen_by(tenants.app, tenants.acme.token)
    assert "Globex-secret" not in seen_by(tenants.app, tenants.acme.token)
    foreign = Caller(tenants.app, tenants.acme.token).get(f"/payments/{tenants.globex.waiting.id}/")
    assert foreign.status_code == 404
    bypassing = create_app(
        {**BASICS, "DATA_DIR": tenants.app.config["DATA_DIR"], "SQLALCHEMY_DATABASE_URI": server.url(tenants.database)}
    )
    assert "Globex-secret" in seen_by(bypassing, tenants.acme.token), "the filter is not gone: nothing was shown here"
    disconnect(bypassing)


def test_what_lies_between_two_accounts_is_refused_alike(tenants: Tenants) -> None:
    """A unique index sees all rows. What it stands against says nothing of another account's."""
    absent = Caller(tenants.app, tenants.acme.token).get(f"/payments/{new_id()}/")
    foreign = Caller(tenants.app, tenants.acme.token).get(f"/payments/{tenants.globex.waiting.id}/")
    assert absent.status_code == foreign.status_code == 404
    with tenants.app.app_context(), account_scope(tenants.acme.account.id):
        from portal.billing.payments.service import create_manual_payment

        invoice = Factory(tenants.app).invoice(tenants.acme.account)
        reported = create_manual_payment(
            by=acting(tenants.acme.owner), invoice_id=invoice.id, payment_method="bank_transfer",
            transaction_reference="Globex-secret",
        )  # fmt: skip
        assert reported.status == "pending_approval"
