"""Canaries: secrets planted by every face, then looked for everywhere they must not be.

What may stand somewhere is said in ``MAY``, beside its reason. All else fails, and the controls show that the search
finds what there is.
"""

import base64
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from portal.app import create_app
from portal.foundation import logs
from portal.foundation.db import db
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import BASE
from tests.canaries.kept import plant_what_is_kept
from tests.canaries.planting import (
    CARDS,
    DATABASE_PASSWORD,
    METRICS_TOKEN,
    PASSWORD,
    SECRET_KEY,
    SMTP_PASSWORD,
    World,
    plant,
)
from tests.canaries.search import (
    ANSWER,
    API,
    DATABASE,
    EXPORTS,
    LOG,
    MAY,
    OWN,
    PAGES,
    RECORDS,
    TERMINAL,
    Planted,
    Watch,
)
from tests.certificates import certificate
from tests.contents import contents
from tests.engines import engine_of_the_owner
from tests.factories import Factory
from tests.pages import Pages
from tests.verification import leave


@pytest.fixture
def planted() -> Iterator[Planted]:
    """Watches all that is logged, at the most talkative level."""
    made = Planted()
    watch = Watch(made)
    logging.getLogger().addHandler(watch)
    yield made
    logging.getLogger().removeHandler(watch)
    logs.set_up(level="info", as_json=False)


@pytest.fixture
def world(
    new_settings: Callable[..., dict[str, Any]], planted: Planted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[World]:
    monkeypatch.setenv("PORTAL_LOG_LEVEL", "debug")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path, "localhost")))
    monkeypatch.setattr(logging.getLogger("mail.log"), "disabled", True)  # of the tests' own server of mails
    mails = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": 1, "SMTP_USER": "portal", "SMTP_PASSWORD": SMTP_PASSWORD}
    secrets = {"SECRET_KEY": SECRET_KEY, "METRICS_TOKEN": METRICS_TOKEN}
    app = create_app(new_settings() | mails | secrets)
    make = Factory(app)
    account, other = make.account("Acme"), make.account("Globex", "JP", "JPY")
    make.method()
    users = {
        "owner": make.user("owner", account, password=PASSWORD), "viewer": make.user("viewer", account),
        "stranger": make.user("owner", other), "reviewer": make.user("reviewer"), "admin": make.user("admin"),
    }  # fmt: skip
    pages = {
        who: Pages(app).sign_in(user, **({"password": PASSWORD} if who == "owner" else {}))
        for who, user in users.items()
    }
    ids = {"account_id": account.id, "user_id": users["owner"].id}
    yield World(app, make, account, users, {who: make.token(user) for who, user in users.items()}, pages, ids)
    leave(app)


def look(world: World, planted: Planted) -> None:
    """Read all pages and routes as everybody, and the database as it lies there."""
    exports = _addresses(world, "POST", "_export")
    for who, pages in world.pages.items():
        for address in _addresses(world):
            kind = API if address.startswith(BASE) else PAGES
            planted.note(f"{kind}{who}", pages._client.get(address).data)
        pages.get("/profile/")
        for address in exports:
            answer = pages.send("POST", address, data={"csrf_token": pages.csrf_token})
            assert answer.status_code in (200, 403), address
            planted.note(f"{EXPORTS}{who}", answer.data)
    stranger = world.app.test_client()
    planted.note(f"{PAGES}nobody", *(stranger.get(address).data for address in _addresses(world)))
    planted.note(DATABASE, str(contents(world.app)))
    planted.note(DATABASE, *_raw_database(world.app))


def _addresses(world: World, method: str = "GET", ending: str = "") -> list[str]:
    """All routes but for files, and for the page that in development stands for everybody's mailbox."""
    found = []
    for rule in world.app.url_map.iter_rules():
        is_looked_at = rule.endpoint != "static" and not rule.endpoint.startswith("dev.")
        if is_looked_at and method in (rule.methods or set()) and rule.endpoint.endswith(ending):
            values = {name: world.ids.get(name, "bank_transfer") for name in rule.arguments}
            with world.app.test_request_context():
                built = rule.build(values)
            found += [built[1]] if built else []
    assert len(found) > (5 if ending else 60)
    return found


def _raw_database(app: Flask) -> Iterator[bytes]:
    """The files of SQLite, with what was written ahead; of PostgreSQL every row as text."""
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            for path in Path(app.config["DATA_DIR"]).glob("portal.db*"):
                yield path.read_bytes()
            return
        with engine_of_the_owner(app).connect() as connection, across_accounts():
            names = (
                connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
            )
            for name in names:
                for row in connection.execute(text(f'SELECT "{name}"::text FROM "{name}"')).scalars():
                    yield row.encode()


def test_no_canary_sings(world: World, planted: Planted) -> None:
    plant(world, planted)
    plant_what_is_kept(world, planted)
    look(world, planted)
    assert planted.forbidden() == set()
    found = planted.found()
    # The controls: what may stand somewhere does, so the search sees pages, API, database and answers.
    assert {("an IBAN in a note", place) for place in (DATABASE, *OWN)} <= found
    assert ("a token", f"{ANSWER}issuing it") in found
    for name in ("a webhook's secret", "a phone's secret", "a recovery code", "a link of password_reset"):
        assert {(name, place) for place in MAY[name]} <= found
    assert len(planted.places[LOG]) > 300
    assert {place for place in planted.places if place.startswith(PAGES)} == {
        f"{PAGES}{who}" for who in (*world.users, "nobody")
    }


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_line_that_leaks_is_found(world: World, planted: Planted) -> None:
    """The negative control: the first wall alone has the hole, then both."""
    planted.secrets |= {"a token": world.tokens["owner"], "a password": PASSWORD, "a card number": CARDS["in notes"]}
    assert planted.forbidden() == set()
    logging.getLogger("portal").warning("token %s, card %s", world.tokens["owner"], CARDS["in notes"])
    assert planted.forbidden() == {("a token", RECORDS), ("a card number", RECORDS)}
    logging.getLogger("portal").warning("password %s", PASSWORD)  # no shape tells a password from a word
    assert {place for name, place in planted.forbidden() if name == "a password"} == {RECORDS, LOG}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_row_that_leaks_is_found(world: World, planted: Planted) -> None:
    planted.secrets["a card number in a name"] = CARDS["in notes"]
    world.make.account(f"Card {CARDS['in notes']}")
    look(world, planted)
    assert {place for _, place in planted.forbidden()} >= {DATABASE, f"{PAGES}reviewer", f"{PAGES}admin"}


@pytest.mark.parametrize("spelled", ["4012 8888 8888 1881", "4012-8888-8888-1881", "4012888888881881"])
def test_a_secret_is_found_however_it_is_spelled(spelled: str) -> None:
    planted = Planted({"card": CARDS["in notes"]})
    planted.note("somewhere", f"before {spelled} after")
    planted.note("elsewhere", base64.b64encode(f"x{CARDS['in notes']} and more".encode()))
    assert planted.found() == {("card", "somewhere"), ("card", "elsewhere")}


def test_the_databases_password_stays_in_its_address(
    tmp_path: Path, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://canary:{DATABASE_PASSWORD}@127.0.0.1:1/canary?connect_timeout=2")
    app = create_app({"SECRET_KEY": SECRET_KEY, "DATA_DIR": tmp_path, "ENVIRONMENT": "development"})
    planted.secrets["the database's password"] = DATABASE_PASSWORD
    for path in ("/profile/", "/login", f"{BASE}/payments/"):
        headers = {"Authorization": f"Bearer bp_{'x' * 43}"} if path.startswith(BASE) else {}
        planted.note(f"{PAGES}nobody", app.test_client().get(path, headers=headers).data)
    result = app.test_cli_runner().invoke(args=["tokens", "list", "--email", "a@b.example"])
    planted.note(TERMINAL, result.output)
    assert result.exit_code == 1
    assert "connection" in result.output
    assert len(planted.places[LOG]) >= 4
    assert planted.forbidden() == set()
