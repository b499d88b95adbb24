"""Asking too often: counted for each token, each person and each address, on pages as on the API."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal import config
from portal.app import create_app
from portal.foundation import clock
from portal.http import shared_counts
from tests.api.conftest import BASE, Caller, problem
from tests.engines import disconnect
from tests.factories import Factory
from tests.pages import Pages
from tests.redis_server import redis_server

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
MOMENT = datetime.now(UTC).replace(second=20, microsecond=0)
"""Twenty seconds into a window, which is a minute of the clock."""


@pytest.fixture
def shares_apps() -> bool:
    """Nobody has asked them anything: they count."""
    return False


@pytest.fixture(autouse=True)
def _in_one_window() -> Iterator[None]:
    with clock.set_to(MOMENT):
        yield


def statuses(ask: Callable[[], TestResponse], number: int) -> list[int]:
    return [ask().status_code for _ in range(number)]


def told(answer: TestResponse) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if name.startswith("RateLimit") or name == "Retry-After"
    }


def test_each_token_counts_for_itself(app: Flask, make: Factory) -> None:
    app.config["RATE_LIMIT_TOKEN"] = 3
    owner = make.user("owner", make.account())
    one, other = Caller(app, make.token(owner)), Caller(app, make.token(owner))
    assert [told(one.get("/account/")) for _ in range(3)] == [
        {"RateLimit-Limit": "3", "RateLimit-Remaining": left, "RateLimit-Reset": "40"} for left in ("2", "1", "0")
    ]
    refused = one.get("/account/")
    assert problem(refused) == (429, "too_many_requests", [])
    assert refused.get_json(force=True)["detail"] == "More than 3 requests in a minute. Wait 40 seconds."
    assert told(refused) == {
        "RateLimit-Limit": "3", "RateLimit-Remaining": "0", "RateLimit-Reset": "40", "Retry-After": "40"
    }  # fmt: skip
    assert other.get("/account/").status_code == 200
    with clock.set_to(MOMENT + timedelta(seconds=39.5)):
        late = one.get("/account/")
    assert (late.status_code, late.headers["Retry-After"]) == (429, "1")
    with clock.set_to(MOMENT + timedelta(seconds=40)):
        assert one.get("/account/").status_code == 200


def test_what_is_refused_changes_nothing(app: Flask, make: Factory) -> None:
    account = make.account()
    make.method()
    owner, invoice = make.user("owner", account), make.invoice(account)
    caller = Caller(app, make.token(owner))
    app.config["RATE_LIMIT_TOKEN"] = 1
    assert caller.get("/payments/").get_json()["data"] == []
    body = {"invoice_id": str(invoice.id), "payment_method": "bank_transfer", "reference": "T-1"}
    assert problem(caller.post("/payments/manual/", body))[:2] == (429, "too_many_requests")
    app.config["RATE_LIMIT_TOKEN"] = 10
    assert caller.get("/payments/").get_json()["data"] == []


def test_a_person_counts_on_pages_and_on_the_api_together(app: Flask, make: Factory) -> None:
    """The limit covers a page and its twin alike, in whichever browser, and tells a person what to do."""
    user = make.user("owner", make.account())
    laptop, phone = Pages(app).sign_in(user), Pages(app).sign_in(user)
    app.config["RATE_LIMIT_USER"] = 4
    asked = [
        laptop.send("GET", "/payments/"),
        laptop.send("GET", f"{BASE}/payments/"),
        phone.send("GET", "/payments/"),
        phone.send("POST", "/payments/manual/", data={}),
    ]
    assert [answer.status_code for answer in asked] == [
        200,
        200,
        200,
        404,
    ]  # the last has no route, so is the address's
    assert phone.send("GET", "/profile/").status_code == 200
    page = laptop.get("/payments/")
    assert (page.status, page.h1, told(page.response)) == (429, "Too many requests", {"Retry-After": "40"})
    assert "More than 4 requests in a minute. Wait 40 seconds." in page.text
    assert "Wait a moment, then go back or reload this page." in page.text
    twin = laptop.send("GET", f"{BASE}/payments/")
    assert problem(twin)[:2] == (429, "too_many_requests")
    assert laptop.post("/profile/sessions/end", token="x").status == 429
    somebody = Pages(app).sign_in(make.user("owner", make.account()))
    assert somebody.get("/payments/").status == 200


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get("/login"),
        lambda client: client.post("/login", data={"email": "x@y.example", "password": "z"}),
        lambda client: client.get("/payments/"),
        lambda client: client.get("/nothing-like-this"),
        lambda client: client.get(f"{BASE}/payments/"),
        lambda client: client.get(f"{BASE}/payments/", headers={"Authorization": "Bearer bp_x"}),
        lambda client: client.put(f"{BASE}/payments/"),
        lambda client: client.options(f"{BASE}/payments/"),
        lambda client: client.options("/login"),
        lambda client: client.post("/login", headers={"Origin": "https://evil.example"}),
        lambda client: client.post(f"{BASE}/payments/manual/", headers={"Sec-Fetch-Site": "cross-site"}),
    ],
    ids=["sign-in", "signing in", "page", "no page", "API", "bad token", "wrong method", "methods of the API",
         "methods of a page", "another site", "another site to the API"],
)  # fmt: skip
def test_nobody_counts_by_address(ask: Callable[[Any], TestResponse], app: Flask) -> None:
    app.config["RATE_LIMIT_ADDRESS"] = 2
    client = app.test_client()
    codes = statuses(lambda: ask(client), 4)
    assert 429 not in codes[:2]
    assert codes[2:] == [429, 429]


def test_strangers_slow_nobody_who_is_signed_in(app: Flask, make: Factory) -> None:
    """From the same address, such as an office's: people and tokens go on."""
    user = make.user("owner", make.account())
    pages, caller = Pages(app).sign_in(user), Caller(app, make.token(user))
    app.config["RATE_LIMIT_ADDRESS"] = 3  # of which signing in took two
    assert statuses(lambda: app.test_client().get("/login"), 3) == [200, 429, 429]
    assert pages.get("/payments/").status == 200
    assert caller.get("/payments/").status_code == 200


def test_what_another_site_asks_for_is_not_the_persons(app: Flask, make: Factory) -> None:
    """It counts by the address, once: nobody is slowed down by the sites that they visit."""
    pages = Pages(app).sign_in(make.user("owner", make.account()))
    app.config.update(RATE_LIMIT_USER=1, RATE_LIMIT_ADDRESS=4)  # of which signing in took two
    forged = [pages._client.post("/profile/formats", headers={"Origin": "https://evil.example"}) for _ in range(3)]
    assert [answer.status_code for answer in forged] == [403, 403, 429]
    assert pages.get("/payments/").status == 200


def test_probes_and_static_files_do_not_count(app: Flask) -> None:
    app.config["RATE_LIMIT_ADDRESS"] = 1
    client = app.test_client()
    for path in ("/healthz", "/readyz", "/metrics", "/static/css/base.css"):
        assert statuses(lambda path=path: client.get(path, buffered=True), 3) == [200] * 3  # type: ignore[misc]
    assert statuses(lambda: client.get("/login"), 2) == [200, 429]


def test_callers_do_not_choose_their_address(app: Flask) -> None:
    """Without a proxy the header means nothing."""
    app.config["RATE_LIMIT_ADDRESS"] = 2
    asked = [app.test_client().get("/login", headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(3)]
    assert [answer.status_code for answer in asked] == [200, 200, 429]


def test_behind_a_proxy_its_own_entry_counts(new_settings: Callable[..., dict[str, Any]]) -> None:
    """The last one, which the proxy itself wrote. What stands before it came from the caller."""
    app = create_app(new_settings() | {"PROXIES": 1, "RATE_LIMIT_ADDRESS": 1})
    client = app.test_client()
    sent = ("198.51.100.1, 203.0.113.7", "198.51.100.2, 203.0.113.7", "203.0.113.8", "2001:db8::1", "2001:db8::2")
    asked = [client.get("/login", headers={"X-Forwarded-For": entries}) for entries in sent]
    assert [answer.status_code for answer in asked] == [200, 429, 200, 200, 429]  # the last two are one household's
    disconnect(app)


@pytest.fixture
def sharing(new_settings: Callable[..., dict[str, Any]]) -> Iterator[Callable[[str], list[Flask]]]:
    """Makes two processes of one portal that count in the same place."""
    made: list[Flask] = []

    def make(address: str) -> list[Flask]:
        settings = new_settings() | {"RATE_LIMIT_ADDRESS": 3, "RATE_LIMIT_STORAGE": address}
        made.extend(create_app(settings) for _ in range(2))
        return made

    yield make
    for app in made:
        disconnect(app)


def test_processes_share_their_counts_in_a_redis(sharing: Callable[[str], list[Flask]]) -> None:
    with redis_server() as server:
        one, other = (app.test_client() for app in sharing(server.address))
        assert statuses(lambda: one.get("/login"), 2) + statuses(lambda: other.get("/login"), 2) == [200, 200, 200, 429]
        ((name, number),) = server.numbers.items()
        assert (number, server.expire_in) == (4, {name: 120})
        assert "127.0.0.1" not in name


def test_in_memory_each_counts_alone(sharing: Callable[[str], list[Flask]]) -> None:
    one, other = (app.test_client() for app in sharing("memory"))
    assert statuses(lambda: one.get("/login"), 4) == [200, 200, 200, 429]
    assert statuses(lambda: other.get("/login"), 1) == [200]


def test_a_redis_that_is_down_takes_nothing_down(
    sharing: Callable[[str], list[Flask]], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said once, not asked again for a while, and limited all the same; shared again when it is back."""
    now = [1000.0]
    monkeypatch.setattr(shared_counts, "monotonic", lambda: now[0])
    with redis_server() as server:
        one, other = (app.test_client() for app in sharing(server.address))
        port = server.server_address[1]
        assert statuses(lambda: one.get("/login"), 1) == [200]
    caplog.set_level(logging.WARNING, "portal.rates")
    assert statuses(lambda: one.get("/login"), 4) == [200, 200, 200, 429]
    said = [record for record in caplog.records if record.name == "portal.rates"]
    assert len(said) == 1
    assert "each process counts alone" in said[0].getMessage()
    with redis_server(port) as server:
        assert statuses(lambda: one.get("/login"), 1) == [429]
        assert server.numbers == {}
        now[0] += 10
        assert statuses(lambda: one.get("/login"), 2) == [200, 200]
        assert statuses(lambda: other.get("/login"), 2) == [200, 429]


@pytest.mark.parametrize("address", ["memcached://x", "redis://", "redis:", "x", "redis://x:port", "http://x"])
def test_an_address_that_is_none_of_a_redis(address: str, monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    monkeypatch.setenv("PORTAL_RATE_LIMIT_STORAGE", address)
    with pytest.raises(SystemExit, match=r"^PORTAL_RATE_LIMIT_STORAGE is “memory”, or the address of a Redis"):
        config.load()


@pytest.mark.parametrize("number", ["0", "-1", "many", "1000001", "٣"])
def test_a_limit_that_is_none(number: str, monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    monkeypatch.setenv("PORTAL_RATE_LIMIT_TOKEN", number)
    with pytest.raises(SystemExit, match=r"^PORTAL_RATE_LIMIT_TOKEN must be a whole number from 1 to 1000000"):
        config.load()


def test_limits_are_on_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    settings = config.load()
    names = ("RATE_LIMIT_TOKEN", "RATE_LIMIT_USER", "RATE_LIMIT_ADDRESS", "RATE_LIMIT_STORAGE")
    assert [settings[name] for name in names] == [600, 600, 300, "memory"]
