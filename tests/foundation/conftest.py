"""Two accounts with a row in every table, and SQL past the portal's own filters."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import CursorResult, Row, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.accounts.links import make_link
from portal.accounts.models import Account, LinkPurpose, RecoveryCode, SecondFactor, User
from portal.app import create_app
from portal.billing.methods.service import set_account_method
from portal.billing.payments.models import Payment
from portal.foundation import clock, tenancy
from portal.foundation.db import session, transaction
from portal.foundation.idempotency import IdempotencyKey
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import account_scope, across_accounts
from portal.webhooks import service as webhooks
from tests import postgres
from tests.api.conftest import Caller
from tests.conftest import BASICS
from tests.factories import SYSTEM, Factory, acting
from tests.pages import Pages
from tests.verification import leave

Rows = Sequence[Row[*tuple[Any, ...]]]


@dataclass
class Tenant:
    """An account, its owner, a token of theirs, and a payment that waits beside one that is booked."""

    account: Account
    owner: User
    token: str
    waiting: Payment
    booked: Payment


@dataclass
class Tenants:
    """Acme and Globex. ``say`` sends SQL as it is, by one of the app's own logins."""

    app: Flask
    acme: Tenant
    globex: Tenant
    reviewer: User

    def say(self, statement: str, *, scope: UUID | str | None, login: Login | None = None, **values: object) -> Rows:
        """Run the SQL in a transaction that is committed; its rows. ``scope`` is an account's id, ``*`` or none.

        Without a ``login`` it goes by the one that the portal chooses for the scope.
        """
        with self._session(scope, login) as current:
            result = cast("CursorResult[Any]", current.execute(text(statement), values))
            rows = result.all() if result.returns_rows else []
            current.commit()
            return rows

    def touched(self, statement: str, *, scope: UUID | str | None, login: Login | None = None, **values: object) -> int:
        """How many rows the SQL would change. Nothing is kept."""
        with self._session(scope, login) as current:
            count = cast("CursorResult[Any]", current.execute(text(statement), values)).rowcount
            current.rollback()
            return count

    @contextmanager
    def _session(self, scope: UUID | str | None, login: Login | None) -> Iterator[Session]:
        scopes: AbstractContextManager[None] = nullcontext()
        if scope is not None:
            scopes = account_scope(scope) if isinstance(scope, UUID) else across_accounts()
        with self.app.app_context(), scopes, by_login(login) if login else nullcontext():
            yield session()

    @property
    def database(self) -> str:
        return make_url(self.app.config["SQLALCHEMY_DATABASE_URI"]).database or ""


def tenant(app: Flask, make: Factory, name: str, reviewer: User, reference: str) -> Tenant:
    account = make.account(name)
    owner = make.user("owner", account)
    booked = make.approved(make.payment(make.invoice(account, credits=5), owner), reviewer)
    waiting = make.payment(make.invoice(account), owner, reference)
    make.proof(waiting, owner)
    Pages(app).sign_in(owner)
    with app.app_context(), across_accounts(), transaction() as unit:
        unit.add(SecondFactor(user_id=owner.id, sealed_secret="sealed", last_step=0, created_at=clock.now()))
        unit.add(RecoveryCode(user_id=owner.id, selector="ab", code_hash="hashed"))
        used = {"route": "r", "key": "k", "fingerprint": "", "request_id": ""}
        unit.add(IdempotencyKey(scope_id=account.id, account_id=account.id, **used))
        by = acting(owner)
        endpoint = webhooks.create_endpoint(by=by, url="https://hooks.example/", event_types=["payment.approved"])
        webhooks.send_test(endpoint.id, by=by)
        make_link(LinkPurpose.PASSWORD_RESET, email=owner.email, user=owner)
    return Tenant(account, owner, make.token(owner), waiting, booked)


def tenants_of(app: Flask) -> Tenants:
    make = Factory(app)
    make.method()
    reviewer = make.user("reviewer")
    acme, globex = (tenant(app, make, name, reviewer, f"{name}-secret") for name in ("Acme", "Globex"))
    with app.app_context(), across_accounts():
        for one in (acme, globex):
            set_account_method(one.account.id, "bank_transfer", by=SYSTEM, is_allowed=True, is_default=True)
    return Tenants(app, acme, globex, reviewer)


Maker = Callable[[], Tenants]


@pytest.fixture(scope="module")
def make_tenants(
    server: postgres.Server, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Maker]:
    """Makes tenants, each time in a PostgreSQL database of their own."""
    made: list[Tenants] = []

    def make() -> Tenants:
        name = server.create(migrated_template)
        server.set_up(name)  # rights on the database itself are not copied from the template
        made.append(
            tenants_of(create_app({**BASICS, "DATA_DIR": tmp_path_factory.mktemp("app"), **server.settings(name)}))
        )
        return made[-1]

    yield make
    for one in made:
        leave(one.app)
        server.drop(one.database)


@pytest.fixture(scope="module")
def tenants(make_tenants: Maker) -> Tenants:
    """For tests that change no row."""
    return make_tenants()


@pytest.fixture(scope="module")
def bare(make_tenants: Maker, server: postgres.Server) -> Tenants:
    """Others without any trigger, so that nothing but the policies stands in the way."""
    made = make_tenants()
    with server.connect(made.database) as connection:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
    return made


@pytest.fixture
def unfiltered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The portal's own filter is taken away: no statement is told an account any more."""
    event.remove(Session, "do_orm_execute", tenancy._keep_to_the_scope)
    yield
    event.listen(Session, "do_orm_execute", tenancy._keep_to_the_scope)


def refusal(tenants: Tenants, statement: str, **how: Any) -> str:
    """What the database says against the statement; an empty word where it is taken."""
    with pytest.raises(DBAPIError) as refused:
        tenants.touched(statement, **how)
    assert getattr(refused.value.orig, "sqlstate", None) in {"42501", "0A000", "42704"}
    return str(refused.value.orig).splitlines()[0]


def seen_by(app: Flask, token: str) -> str:
    """All that an account's pages of payments, invoices and credits show."""
    caller = Caller(app, token)
    answers = [caller.get(path) for path in ("/payments/", "/invoices/", "/credit-transactions/", "/account/")]
    assert [answer.status_code for answer in answers] == [200] * 4
    return " ".join(answer.text for answer in answers)
