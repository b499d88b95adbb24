"""Migrations: they build what the models say, and go down and up again, empty and filled."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text

from portal.accounts.models import PortalFact
from portal.accounts.tokens import find_live_token
from portal.billing.payments.proofs.models import KEPT_FOR
from portal.foundation import clock
from portal.foundation.db import Base, db, transaction
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from tests.contents import contents
from tests.factories import Factory
from tests.foundation.conftest import tenants_of
from tests.pages import Pages
from tests.verification import findings_of

PAYMENT_REFERENCES = {"invoices": "SELECT id, payment_reference FROM invoices"}
ENTRIES = {
    "audit_entries": "SELECT id, at, action, subject_id, account_id, actor_label, request_id, changes"
    " FROM audit_entries",
}
PROOFS = {"payment_proofs": "SELECT payment_id, position, name, size, sha256, content FROM payment_proofs"}
LEDGERS = {
    "postings": "SELECT id, invoice_id, seq, payment_id, status, version, amount_minor, paid_after FROM postings",
    "payments": "SELECT id, status, version, booking_id, refund_id FROM payments",
    "invoices": "SELECT id, status, amount_paid_minor, posting_seq, grant_id FROM invoices",
}


@pytest.fixture
def empty(new_app: Callable[..., Flask]) -> Flask:
    """An app over a database without tables."""
    return new_app(empty=True)


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def rows(queries: dict[str, str] = LEDGERS) -> dict[str, list[Any]]:
    with across_accounts(), db.engines.get(Login.OWNER, db.engine).connect() as connection:
        return {name: sorted(map(repr, connection.execute(text(query)))) for name, query in queries.items()}


def test_they_build_what_the_models_say(empty: Flask) -> None:
    with empty.app_context():
        upgrade()
        assert tables() == set(Base.metadata.tables)
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []


def test_they_go_down_and_up_again(empty: Flask) -> None:
    with empty.app_context():
        upgrade()
        downgrade(revision="base")
        assert tables() == set()
        upgrade()
        assert tables() == set(Base.metadata.tables)


@pytest.fixture
def filled(app: Flask) -> Flask:
    """An app over a database with a row in every table, and payments of every end."""
    tenants, make = tenants_of(app), Factory(app, first=2001)
    account, owner, reviewer, admin = tenants.acme.account, tenants.acme.owner, tenants.reviewer, make.user("admin")
    make.invitation(account)
    invoice = make.invoice(account, credits=5)
    make.refunded(make.approved(make.payment(invoice, owner), reviewer), admin)
    make.approved(make.payment(invoice, owner), reviewer)
    make.approved(make.payment(make.invoice(account), owner), reviewer)
    make.payment(make.invoice(account, credits=3), owner)
    assert Pages(app).post("/login", {"email": owner.email, "password": "wrong"}).status == 400
    with app.app_context(), by_login(Login.WORKER), transaction() as unit:
        unit.add(PortalFact(name="kept", value="yes"))
    assert [table for table, found in contents(app).items() if not found] == []
    return app


def test_they_go_down_from_a_filled_database(filled: Flask) -> None:
    with filled.app_context():
        downgrade(revision="base")
        assert tables() == set()
        upgrade()
        assert tables() == set(Base.metadata.tables)


def test_the_ledger_of_money_is_filled_from_the_events(filled: Flask) -> None:
    """Down to before the ledger and up again: the same rows come out of the events as the service wrote."""
    with filled.app_context():
        before = rows()
        assert all(before.values())
        db.engine.dispose()
        downgrade(revision="0001")
        upgrade()
        assert rows() == before


def test_invoices_that_were_there_get_their_payment_reference(filled: Flask) -> None:
    """Down to before it and up again: what the migration writes is what the application would have."""
    with filled.app_context():
        before = rows(PAYMENT_REFERENCES)
        assert len(before["invoices"]) == 7
        db.engine.dispose()
        downgrade(revision="0011")
        upgrade()
        assert rows(PAYMENT_REFERENCES) == before


def test_the_audit_log_that_was_there_is_chained(filled: Flask) -> None:
    """Down to before the chains and up again: the same entries, linked as the application would have."""
    with filled.app_context():
        before = rows(ENTRIES)
        assert len(before["audit_entries"]) > 20
        db.engine.dispose()
        downgrade(revision="0002")
        upgrade()
        assert rows(ENTRIES) == before
    assert findings_of(filled) == []


def test_a_confined_token_does_not_become_a_mighty_one(app: Flask, make: Factory) -> None:
    """Before scopes there were none: on the way down confined tokens end, and the others go on."""
    user = make.user("owner", make.account())
    narrow, mighty = make.token(user, scopes=["invoices:read"]), make.token(user)
    with app.app_context():
        db.engine.dispose()
        downgrade(revision="0007")
        upgrade()
        assert find_live_token(narrow) is None
        assert find_live_token(mighty) is not None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_files_need_no_room_for_a_copy_when_they_may_be_missing(app: Flask, make: Factory) -> None:
    """Up and down, for as long as servers have the database open; it is sound at every step."""
    make.method()
    account = make.account()
    owner = make.user("owner", account)
    payment = make.payment(make.invoice(account), owner)
    make.proof(payment, owner, b"x" * 1_000_000)
    with app.app_context(), closing(sqlite3.connect(Path(app.config["DATA_DIR"]) / "portal.db")) as server:

        def may_be_missing() -> bool:
            (declared,) = server.execute(
                "SELECT \"notnull\" FROM pragma_table_info('payment_proofs') WHERE name='content'"
            )
            assert server.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return not declared[0]

        def pages() -> int:
            return int(server.execute("PRAGMA page_count").fetchone()[0])

        before = pages()
        found = [may_be_missing()]
        for migrate, revision in ((downgrade, "0020"), (upgrade, "head")):
            db.engine.dispose()
            migrate(revision=revision)
            found.append(may_be_missing())
        assert found == [True, False, True]
        assert (pages() - before) * 4096 < 1_000_000


def test_a_record_without_its_file_goes_on_the_way_down(app: Flask, make: Factory) -> None:
    """Before, there was none such. The others come through both ways as they are."""
    make.method()
    account = make.account()
    owner = make.user("owner", account)
    lost, waiting = (make.payment(make.invoice(account), owner) for _ in range(2))
    for payment in (lost, waiting):
        make.proof(payment, owner)
    make.withdrawn(lost, owner)
    with clock.set_to(clock.now() + KEPT_FOR):
        assert app.test_cli_runner().invoke(args=["purge"]).exit_code == 0
    with app.app_context():
        before = rows(PROOFS)["payment_proofs"]
        assert ["None" in row for row in before] == [True, False]
        db.engine.dispose()
        downgrade(revision="0020")
        upgrade()
        assert rows(PROOFS)["payment_proofs"] == before[1:]
