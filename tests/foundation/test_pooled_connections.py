"""One pooled connection for several accounts, by itself and behind PgBouncer in transaction mode: no foreign row."""

import pytest
from flask import Flask

from portal.app import create_app
from tests import pgbouncer, postgres
from tests.api.conftest import Caller
from tests.conftest import BASICS
from tests.factories import Factory
from tests.foundation.conftest import tenants_of
from tests.verification import leave

REQUESTS = 60


@pytest.mark.usefixtures("unfiltered")
def test_one_connection_serves_both_accounts_in_turn(server: postgres.Server, migrated_template: str) -> None:
    by_one_connection(server, migrated_template, REQUESTS)


@pytest.mark.usefixtures("unfiltered")
def test_pgbouncer_in_transaction_mode_mixes_no_accounts(server: postgres.Server, migrated_template: str) -> None:
    through_pgbouncer(server, migrated_template, REQUESTS)


def by_one_connection(server: postgres.Server, template: str, requests: int) -> None:
    """Requests in turn, by an app whose pools have one connection for each login."""
    name = server.create(template)
    options = {"pool_size": 1, "max_overflow": 0}
    in_turn(create_app({**BASICS, **server.settings(name), "SQLALCHEMY_ENGINE_OPTIONS": options}), requests)
    server.drop(name)


def through_pgbouncer(server: postgres.Server, template: str, requests: int) -> None:
    """Requests in turn, by an app that reaches the server through one connection for each login."""
    name = server.create(template)
    with pgbouncer.in_front_of(server) as behind:
        in_turn(create_app({**BASICS, **server.settings(name, **behind)}), requests)
    server.drop(name)


def in_turn(app: Flask, requests: int) -> None:
    """Two accounts ask in turn, staff between them, and each sees its own rows and no others."""
    tenants = tenants_of(app)
    staff = Caller(app, Factory(app).token(tenants.reviewer))
    backends = set()
    for number in range(requests):
        mine, other = (tenants.acme, tenants.globex) if number % 2 else (tenants.globex, tenants.acme)
        seen = Caller(app, mine.token).get("/payments/").text
        assert mine.waiting.transaction_reference in seen
        assert other.waiting.transaction_reference not in seen
        if number % 10 == 0:
            assert all(f"{name}-secret" in staff.get("/payments/").text for name in ("Acme", "Globex"))
        backends.add(tenants.say("SELECT pg_backend_pid()", scope=mine.account.id)[0][0])
    assert len(backends) == 1
    leave(app)
