"""Canaries: secrets planted by every face, then looked for everywhere they must not be.

What may stand somewhere is said in ``MAY``, beside its reason. All else fails, and the controls show that the search
finds what there is.
"""

import base64
import html
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.test import Client, TestResponse

from portal.accounts.models import Account, User
from portal.app import create_app
from portal.foundation import logs
from portal.foundation.db import db
from portal.foundation.tenancy import across_accounts
from tests.api.conftest import BASE
from tests.contents import contents
from tests.engines import disconnect, engine_of_the_owner
from tests.factories import Factory
from tests.pages import Pages

CARDS = {
    "in notes": "4012888888881881", "in a reference": "5555555555554444", "in a reason": "378282246310005",
    "in a query": "4222222222222", "in a header": "3530111333300000", "in an import": "6011000990139424",
    "in a token's name": "4917610000000000", "in a request id": "4000056655665556", "in JSON": "5200828282828210",
    "in a line": "30569309025904",
}  # fmt: skip
IBAN = "GB33BUKB20201555555555"
OTHER_IBAN = "BE68539007547034"  # in a query and in a request id
PASSWORD, NEW_PASSWORD = "Canary-0ld-Pa55phrase", "Canary-N3w-Pa55phrase"
WRONG_PASSWORD, TYPED_AS_ADDRESS = "Canary-Wr0ng-Pa55phrase", "Canary-Addre55-Pa55phrase"
DATABASE_PASSWORD = "Canary-Databa5e-Pa55"
OTP = "otpauth://totp/Canary:someone?secret=CANARYSECRET234567CANARYSECRET23"
SECRET_KEY = "Canary-5ecret-key-of-the-installation"

Place = str
LOG, RECORDS, DATABASE, TERMINAL = "log", "records before redaction", "database", "terminal"
PAGES, API, ANSWER = "pages of ", "API of ", "the answer to "
OWN = {f"{kind}{who}" for kind in (PAGES, API) for who in ("owner", "viewer", "reviewer", "admin")}
# What legitimately stands somewhere, by the secret's name.
MAY: dict[str, set[Place]] = {
    # A customer's own words about their transfer: staff need them to find it. Logs and other accounts have nothing.
    "an IBAN in a note": {DATABASE, *OWN, f"{ANSWER}a form", f"{ANSWER}a header"},
    # Shown once, on the answer to the request that made it.
    "a token": {f"{ANSWER}issuing it"},
    # Each form of one's own page carries one.
    "a CSRF token": {
        f"{PAGES}owner",
        f"{ANSWER}issuing it",
        f"{ANSWER}a form",
        f"{ANSWER}a header",
        f"{ANSWER}a query",
    },
    # Shown once too, and a repeat by the same key says null.
    "a token by the API": {f"{ANSWER}issuing it"},
    # Whoever types something else as their address finds it in the field again, and it is kept nowhere.
    "a password typed as an address": {f"{ANSWER}signing in with it"},
    "a code of the second factor": {f"{ANSWER}signing in with it"},
    # Whoever looks for a text finds it in the field again.
    "an IBAN in a query": {f"{ANSWER}a query"},
    "a token in a query": {f"{ANSWER}a query"},
}


@dataclass
class Planted:
    """The secrets by name, and the places by name with all that stands there."""

    secrets: dict[str, str] = field(default_factory=dict)
    places: dict[Place, list[bytes]] = field(default_factory=dict)

    def note(self, place: Place, *contents: str | bytes) -> None:
        """Something stands there."""
        self.places.setdefault(place, []).extend(
            one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one for one in contents
        )

    def found(self) -> set[tuple[str, Place]]:
        """Which secret stands where, in whatever spelling."""
        return {
            (name, place)
            for name, secret in self.secrets.items()
            for place, contents in self.places.items()
            if any(spelling in one for one in contents for spelling in spellings(secret))
        }

    def forbidden(self) -> set[tuple[str, Place]]:
        return {(name, place) for name, place in self.found() if place not in MAY.get(name, set())}


def spellings(secret: str) -> set[bytes]:
    """As it is, and as pages, addresses, JSON and base64 write it; numbers in groups too."""
    grouped = {secret} | {
        mark.join(secret[at : at + 4] for at in range(0, len(secret), 4))
        for mark in (" ", "-")
        if re.fullmatch(r"[A-Z]{0,2}[0-9A-Z]+", secret)
    }
    written = {
        way(one) for one in grouped for way in (str, html.escape, quote, quote_plus, lambda s: json.dumps(s)[1:-1])
    }
    encoded = {base64.b64encode(secret[at:].encode())[2:-4].decode() for at in range(3)}
    return {one.encode() for one in written | encoded}


class Watch(logging.Handler):
    """Keeps each record as it was given, and as it left."""

    def __init__(self, planted: Planted) -> None:
        super().__init__(logging.DEBUG)
        self.planted = planted
        self.setFormatter(logs.formatter(as_json=True))

    def emit(self, record: logging.LogRecord) -> None:
        given = (
            f"{record.msg!r} {record.args!r} {record.exc_info and logging.Formatter().formatException(record.exc_info)}"
        )
        self.planted.note(RECORDS, given)
        self.planted.note(LOG, self.format(record))


@pytest.fixture
def planted() -> Iterator[Planted]:
    """Watches all that is logged, at the most talkative level."""
    made = Planted()
    watch = Watch(made)
    logging.getLogger().addHandler(watch)
    yield made
    logging.getLogger().removeHandler(watch)
    logs.set_up(level="info", as_json=False)


@dataclass
class World:
    app: Flask
    make: Factory
    account: Account
    users: dict[str, User]
    tokens: dict[str, str]
    pages: dict[str, Pages]
    ids: dict[str, Any]


@pytest.fixture
def world(
    new_settings: Callable[..., dict[str, Any]], planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setenv("PORTAL_LOG_LEVEL", "debug")
    app = create_app(new_settings() | {"SECRET_KEY": SECRET_KEY})
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
    disconnect(app)


def plant(world: World, planted: Planted) -> None:
    """Bring every secret in, by every face. Most are refused; some are kept, as they should be."""
    invoices = [world.make.invoice(world.account) for _ in range(4)]
    planted.secrets |= {f"a card number {where}": number for where, number in CARDS.items()}
    planted.secrets |= {
        "a password": PASSWORD, "a new password": NEW_PASSWORD, "a wrong password": WRONG_PASSWORD,
        "a password typed as an address": TYPED_AS_ADDRESS, "an IBAN in a note": IBAN, "an IBAN in a query": OTHER_IBAN,
        "a code of the second factor": OTP, "the installation's key": SECRET_KEY, "a token": world.tokens["owner"],
        "a token in a query": world.tokens["viewer"],
    }  # fmt: skip
    for who in ("owner", "reviewer"):
        cookie = world.pages[who]._client.get_cookie("portal_session")
        assert cookie is not None
        planted.secrets[f"a session cookie{'' if who == 'owner' else ' of staff'}"] = cookie.value
    planted.secrets["a CSRF token"] = world.pages["owner"]._csrf_token or ""
    _plant_by_form(world, planted, invoices)
    _plant_by_json(world, planted, invoices)
    _plant_by_header_and_query(world, planted)
    _plant_by_file(world, planted)


def _plant_by_form(world: World, planted: Planted, invoices: list[Any]) -> None:
    owner, staff = world.pages["owner"], world.pages["reviewer"]
    owner.get("/profile/")
    planted.secrets["a CSRF token"] = owner._csrf_token
    report = f"/invoices/{invoices[0].id}/payment"
    form = {"payment_method": "bank_transfer", "transaction_reference": "T-1", "notes": f"from {IBAN}, thanks"}
    for name, number in (("notes", CARDS["in notes"]), ("transaction_reference", CARDS["in a reference"])):
        spaced = " ".join(number[at : at + 4] for at in range(0, 16, 4))
        for typed in (number, spaced):
            page = owner.post(report, form | {name: f"card {typed}"})
            assert page.status == 400, page.text
            planted.note(f"{ANSWER}a form", page.response.data)
    sent = owner.post(report, form)
    assert sent.status == 303
    world.ids |= {"payment_id": sent.location.split("/")[2], "invoice_id": invoices[0].id}
    for what in ("rejection", "refund", "same-text"):
        values = {"reason": f"paid by {CARDS['in a reason']}", "version": "1", "same_text_reason": CARDS["in a reason"]}
        page = staff.post(f"/admin/payments/{world.ids['payment_id']}/{what}", values)
        assert page.status in (400, 403, 404)
        planted.note(f"{ANSWER}a form", page.response.data)
    for number in ("", "I-1"):  # the form is shown again for the line, and for what it lacks besides
        lines = {"lines-0-description": f"card {CARDS['in a line']}", "lines-0-unit_price": "1.00"}
        values = {"number": number, "account": world.account.number, **lines}
        page = world.pages["admin"].post("/admin/invoices/new", values)
        assert page.status == 400
        planted.note(f"{ANSWER}a form", page.response.data)
    page = owner.post(
        "/profile/tokens/", {"access": "everything", "name": f"card {CARDS['in a token' + chr(39) + 's name']}"}
    )
    planted.note(f"{ANSWER}a form", page.response.data)
    issued = owner.post("/profile/tokens/", {"access": "everything", "name": "canary"})
    planted.secrets["a token"] = re.findall(r"bp_live_[A-Za-z0-9]{49}", issued.response.text)[0]
    planted.note(f"{ANSWER}issuing it", issued.response.data)
    visitor = Pages(world.app)
    visitor.get("/login")
    for email, password in ((world.users["owner"].email, WRONG_PASSWORD), (f"{TYPED_AS_ADDRESS}", "x"), (OTP, OTP)):
        page = visitor.post("/login", {"email": email, "password": password, "code": OTP, "next": OTP})
        planted.note(f"{ANSWER}signing in with it", page.response.data)
    changed = owner.post("/profile/password", {"current_password": PASSWORD, "password": "short"})
    planted.note(f"{ANSWER}a form", changed.response.data)
    changed = owner.post("/profile/password", {"current_password": PASSWORD, "password": NEW_PASSWORD})
    assert changed.status == 303


def _plant_by_json(world: World, planted: Planted, invoices: list[Any]) -> None:
    client, headers = world.app.test_client(), {"Authorization": f"Bearer {planted.secrets['a token']}"}
    body = {"invoice_id": str(invoices[1].id), "payment_method": "bank_transfer", "reference": "J-1"}
    for name in ("notes", "reference", "payment_method", "invoice_id", CARDS["in JSON"]):
        answer = client.post(f"{BASE}/payments/manual/", json=body | {name: CARDS["in JSON"]}, headers=headers)
        assert answer.status_code == 400
        if name != CARDS["in JSON"]:  # a field's name is repeated, so that programs find their mistake
            planted.note(f"{ANSWER}a call", answer.data)
    for raw in (f'{{"notes": "{OTP}" {PASSWORD}', f'["{OTP}"]'):
        answer = client.post(f"{BASE}/payments/manual/", data=raw, content_type="application/json", headers=headers)
        planted.note(f"{ANSWER}a call", answer.data)
    for key in ("once", "once"):
        keyed = headers | {"Idempotency-Key": key}
        answer = client.post(f"{BASE}/tokens/", json={"name": "canary by the API", "days": 1}, headers=keyed)
        planted.secrets.setdefault("a token by the API", answer.get_json()["data"]["secret"])
        is_first = "Idempotent-Replayed" not in answer.headers
        planted.note(f"{ANSWER}issuing it" if is_first else f"{ANSWER}asking again", answer.data)
    staff = {"Authorization": f"Bearer {world.tokens['reviewer']}"}
    path = f"{BASE}/payments/{world.ids['payment_id']}/rejection/"
    answer = client.post(path, json={"version": 1, "reason": f"by {CARDS['in a reason']}"}, headers=staff)
    assert answer.status_code == 400
    planted.note(f"{ANSWER}a call", answer.data)


def _plant_by_header_and_query(world: World, planted: Planted) -> None:
    client: Client = world.pages["owner"]._client
    seen: list[TestResponse] = []
    for number in (CARDS["in a request id"], OTHER_IBAN, planted.secrets["a token"]):
        seen += [client.get(path, headers={"X-Request-ID": number}) for path in ("/payments/", f"{BASE}/payments/")]
        assert all(number not in answer.headers["X-Request-ID"] for answer in seen)
    for secret in (CARDS["in a header"], planted.secrets["a token"], OTP, NEW_PASSWORD):
        for name in (
            "User-Agent",
            "Referer",
            "X-Forwarded-For",
            "Idempotency-Key",
            "Accept-Language",
            "Origin",
            "X-Key",
        ):
            seen.append(client.get("/payments/", headers={name: secret}))
        seen.append(world.app.test_client().get(f"{BASE}/payments/", headers={"Authorization": f"Bearer {secret} "}))
    for secret in (CARDS["in a query"], world.tokens["viewer"], OTHER_IBAN):
        for name in ("q", "status", "cursor", "token", "access_token"):
            for path in ("/payments/", "/invoices/", f"{BASE}/payments/", f"{BASE}/invoices/", f"/payments/{secret}/"):
                planted.note(f"{ANSWER}a query", client.get(path, query_string={name: secret}).data)
    for answer in seen:
        planted.note(f"{ANSWER}a header", answer.data)


def _plant_by_file(world: World, planted: Planted) -> None:
    heading = (
        "account_number,account_name,country,currency,invoice_number,issue_date,due_date,"
        "description,quantity,unit_price"
    )
    row = "C-77,Seventy,DE,EUR,I-77,2026-01-01,2026-01-15,{},1,1.00"
    path = Path(world.app.config["DATA_DIR"]) / "in.csv"
    for words in (f"card {CARDS['in an import']}", f"{CARDS['in an import'][:6]} {CARDS['in an import'][6:]}"):
        path.write_text(f"{heading}\n{row.format(words)}\n")
        result = world.app.test_cli_runner().invoke(args=["import", str(path)])
        planted.note(TERMINAL, result.output)
        assert result.exit_code == 1, result.output


def look(world: World, planted: Planted) -> None:
    """Read all pages and routes as everybody, and the database as it lies there."""
    for who, pages in world.pages.items():
        for address in _addresses(world):
            kind = API if address.startswith(BASE) else PAGES
            planted.note(f"{kind}{who}", pages._client.get(address).data)
    stranger = world.app.test_client()
    planted.note(f"{PAGES}nobody", *(stranger.get(address).data for address in _addresses(world)))
    planted.note(DATABASE, str(contents(world.app)))
    planted.note(DATABASE, *_raw_database(world.app))


def _addresses(world: World) -> list[str]:
    found = []
    for rule in world.app.url_map.iter_rules():
        if "GET" in (rule.methods or set()) and rule.endpoint != "static":
            values = {name: world.ids.get(name, "bank_transfer") for name in rule.arguments}
            with world.app.test_request_context():
                built = rule.build(values)
            found += [built[1]] if built else []
    assert len(found) > 25
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
    look(world, planted)
    assert planted.forbidden() == set()
    found = planted.found()
    # The controls: what may stand somewhere does, so the search sees pages, API, database and answers.
    assert {("an IBAN in a note", place) for place in (DATABASE, *OWN)} <= found
    assert ("a token", f"{ANSWER}issuing it") in found
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
