"""Attacks that happened to billing software on the web, each a test by its name.

What needs the real server or a real browser is in tests/e2e/test_attacks.py.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import Client, TestResponse

from portal.accounts.models import User
from portal.billing.payments import service as payments
from portal.foundation import logs
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.ids import new_id
from portal.foundation.tenancy import across_accounts
from portal.html.addresses import local_address
from tests.api.conftest import BASE
from tests.contents import state
from tests.factories import PASSWORD, Factory, acting
from tests.pages import Pages

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
OWN_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
OTHER_ORIGINS = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "another site, silent about where": {"Sec-Fetch-Site": "cross-site"},
    "a sister site": {"Sec-Fetch-Site": "same-site", "Origin": "http://sister.localhost"},
    "another port": {"Origin": "http://localhost:81"},
    "another scheme": {"Origin": "https://localhost"},
    "a name that begins alike": {"Origin": "http://localhost.evil.example"},
    "a name that ends alike": {"Origin": "http://evil-localhost"},
    "a sandboxed frame": {"Origin": "null"},
    "a name before an at sign": {"Origin": "http://localhost@evil.example"},
    "no origin at all": {"Origin": "evil"},
    "an empty one": {"Origin": ""},
    "two": {"Origin": "http://localhost, https://evil.example"},
    "a word that there is not": {"Sec-Fetch-Site": "Same-Origin "},
    "a port that is none": {"Origin": "http://localhost:port"},
}


@dataclass
class World:
    """One of everything that can be acted on, and a browser's session of an owner and of an admin."""

    app: Flask
    users: dict[str, User]
    ids: dict[str, Any]
    browsers: dict[str, Client] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def routes(self, method: str) -> list[str]:
        """The addresses of all routes of this method, filled with what there is; the sign-out last."""
        found = []
        for rule in self.app.url_map.iter_rules():
            if method in (rule.methods or set()) and rule.endpoint != "static":
                values = {name: self.ids.get(name, new_id()) for name in rule.arguments}
                with self.app.test_request_context():
                    found.append((rule.build(values) or ("", ""))[1])
        return sorted(found, key=lambda address: address == "/logout")

    def send(self, who: str, path: str, *, token: str | None = "", **more: Any) -> TestResponse:
        """POST with the session's own CSRF token, another one, or (None) without."""
        headers = dict(more.pop("headers", {}))
        sent = self.tokens[who] if token == "" else token
        if "/api/" in path:
            headers |= {} if sent is None else {"X-CSRFToken": sent}
            body = {"version": 1, "reason": "x", "invoice_id": str(self.ids["invoice_id"]),
                                     "payment_method": "bank_transfer", "reference": "T-9"}  # fmt: skip
            more |= {} if "data" in more or "json" in more else {"json": body}
        else:
            form = {"version": "1", "reason": "x", "name": "x", "payment_method": "bank_transfer"}
            form["access"] = "everything"
            more.setdefault("data", form | ({} if sent is None else {"csrf_token": sent}))
        return self.browsers[who].post(path, headers=headers, **more)


@pytest.fixture
def world(app: Flask, make: Factory) -> World:
    account = make.account()
    method = make.method()
    users = {"owner": make.user("owner", account), "admin": make.user("admin"), "victim": make.user("viewer", account)}
    payment = make.payment(make.invoice(account), users["owner"])
    ids = {
        "account_id": account.id, "invoice_id": make.invoice(account).id, "payment_id": payment.id,
        "user_id": users["victim"].id, "method_id": method.id, "draft_id": make.invoice(account, issued=False).id,
        "method": "bank_transfer",
    }  # fmt: skip
    made = World(app, users, ids)
    for who in ("owner", "admin"):
        pages = Pages(app).sign_in(users[who])
        pages.get("/profile/")
        made.browsers[who], made.tokens[who] = pages._client, pages._csrf_token
    return made


def csrf_token(client: Client, path: str = "/login") -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).text)
    assert found
    return found.group(1)


def is_signed_in(client: Client) -> bool:
    return client.get("/profile/").status_code == 200


# Cross-site request forgery


@on_sqlite
@pytest.mark.parametrize("who", ["owner", "admin"])
def test_csrf_on_every_state_change(who: str, world: World) -> None:
    """Without a token, with a made-up one and with another session's: refused, and no row of any table changed."""
    before = state(world.app)
    other = csrf_token(world.app.test_client())
    addresses = world.routes("POST")
    assert len(addresses) > 20
    for address in addresses:
        for token in (None, "forged", other):
            assert world.send(who, address, token=token).status_code in (400, 403), address
    assert state(world.app) == before
    assert is_signed_in(world.browsers[who])


@on_sqlite
@pytest.mark.parametrize("kind", sorted(OTHER_ORIGINS))
def test_csrf_from_another_origin_with_a_stolen_token(kind: str, world: World) -> None:
    before = state(world.app)
    for who in ("owner", "admin"):
        for address in world.routes("POST"):
            answer = world.send(who, address, headers=OTHER_ORIGINS[kind])
            assert answer.status_code == 403, (address, answer.text)
            if is_api_path(address):
                assert answer.get_json(force=True)["code"] == "cross_site"
        assert is_signed_in(world.browsers[who])
    assert state(world.app) == before


def is_api_path(address: str) -> bool:
    return address.startswith(BASE)


@on_sqlite
@pytest.mark.parametrize(
    "headers",
    [{}, OWN_ORIGIN, {"Sec-Fetch-Site": "none"}, {"Origin": "http://LOCALHOST"}, {"Origin": "http://localhost:80"}],
)
def test_the_portals_own_forms_get_through(headers: dict[str, str], world: World) -> None:
    """The negative control of the two above: the same requests, from where they belong."""
    assert world.send("owner", "/profile/tokens/", headers=headers).status_code == 201
    body = {"invoice_id": str(world.ids["invoice_id"]), "payment_method": "bank_transfer", "reference": "T-1"}
    assert world.send("owner", f"{BASE}/payments/manual/", headers=headers, json=body).status_code == 201
    assert world.send("admin", "/logout", headers=headers).status_code == 303
    assert not is_signed_in(world.browsers["admin"])


@on_sqlite
def test_a_program_with_a_token_is_no_browser(world: World, make: Factory) -> None:
    token = make.token(world.users["owner"])
    body = {"invoice_id": str(world.ids["invoice_id"]), "payment_method": "bank_transfer", "reference": "T-1"}
    headers = {"Authorization": f"Bearer {token}", **OTHER_ORIGINS["another site"]}
    assert world.app.test_client().post(f"{BASE}/payments/manual/", json=body, headers=headers).status_code == 201


@on_sqlite
def test_csrf_by_a_header_of_authorization_that_holds_nothing(world: World) -> None:
    """A session does not act where a bearer token was promised, so that the promise cannot replace the CSRF token."""
    before = state(world.app)
    for value in ("", "Bearer", "Bearer x", "Basic eDp5"):
        for address in world.routes("POST"):
            answer = world.send("owner", address, token=None, headers={"Authorization": value})
            assert answer.status_code in ((401,) if is_api_path(address) else (400, 403))
    assert state(world.app) == before


@on_sqlite
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_csrf_by_get_and_head(method: str, world: World) -> None:
    """No address changes anything when it is only looked at, whatever its parameters say."""
    before = state(world.app)
    query = {"version": "1", "reason": "x", "name": "x", "status": "paid", "_method": "POST", "action": "approve"}
    for who, browser in world.browsers.items():
        for address in world.routes("POST") + world.routes("GET"):
            answer = browser.open(address, method=method, query_string=query | {"csrf_token": world.tokens[who]})
            assert answer.status_code in (200, 302, 303, 400, 403, 404, 405), address
        assert is_signed_in(browser)
    assert state(world.app) == before


OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method")


@on_sqlite
@pytest.mark.parametrize("header", OVERRIDES)
def test_csrf_by_method_override(header: str, world: World) -> None:
    """A GET stays a GET, and a POST needs its token though it calls itself one."""
    before = state(world.app)
    for address in world.routes("POST"):
        for browser in world.browsers.values():
            got = browser.get(address, headers={header: "POST"}, query_string={"_method": "POST"})
            assert got.status_code in (200, 302, 303, 400, 403, 404, 405)  # 400: a JSON list knows no such parameter
            posted = browser.post(address, headers={header: "GET"}, data={"_method": "GET", "version": "1"})
            assert posted.status_code in (400, 403)
    assert state(world.app) == before


@on_sqlite
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_methods_that_no_route_has(method: str, world: World) -> None:
    for address in world.routes("POST"):
        answer = world.browsers["admin"].open(address, method=method, headers={"X-CSRFToken": world.tokens["admin"]})
        assert answer.status_code == 405


@on_sqlite
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json",
     "application/xml", "application/json-patch+json", "application/jsonx", "text/plain; application/json", ""],
)  # fmt: skip
def test_csrf_by_json_sent_as_text_plain(content_type: str, world: World, make: Factory) -> None:
    """What a form of another site can send is refused by every JSON route, whoever sends it, also without a body."""
    before = state(world.app)
    bodies = [json.dumps({"version": 1, "reason": "x"}).encode()] + ([b""] if content_type else [])
    for address in filter(is_api_path, world.routes("POST")):
        for who in ("owner", "admin"):
            for body in bodies:
                answer = world.send(who, address, data=body, content_type=content_type)
                assert answer.status_code in (403, 415), (address, answer.text)
    assert state(world.app) == before


@on_sqlite
def test_sign_in_csrf(world: World) -> None:
    """Nobody is signed in as the attacker behind their back."""
    victim = world.app.test_client()
    own = csrf_token(victim)
    form = {"email": world.users["owner"].email, "password": PASSWORD}
    for token in (None, "forged", csrf_token(world.app.test_client())):
        more = {} if token is None else {"csrf_token": token}
        assert victim.post("/login", data=form | more).status_code == 400
    for headers in OTHER_ORIGINS.values():
        assert victim.post("/login", data=form | {"csrf_token": own}, headers=headers).status_code == 403
    assert not is_signed_in(victim)
    assert victim.post("/login", data=form | {"csrf_token": own}, headers=OWN_ORIGIN).status_code == 303
    assert is_signed_in(victim)


@on_sqlite
def test_sign_out_csrf(world: World) -> None:
    victim, token = world.browsers["owner"], world.tokens["owner"]
    assert victim.get("/logout").status_code == 405
    assert victim.post("/logout").status_code == 400
    for headers in OTHER_ORIGINS.values():
        assert victim.post("/logout", data={"csrf_token": token}, headers=headers).status_code == 403
    assert is_signed_in(victim)
    assert victim.post("/logout", data={"csrf_token": token}).status_code == 303
    assert not is_signed_in(victim)


@on_sqlite
def test_a_token_in_the_address_is_no_token(world: World) -> None:
    """Addresses stand in logs and histories."""
    answer = world.browsers["owner"].post("/profile/tokens/", query_string={"csrf_token": world.tokens["owner"]})
    assert answer.status_code == 400


# Host


HOSTS = (
    "evil.example", "localhost.evil.example", "evil.example:80", "localhost,evil.example", "localhost, evil.example",
    "evil.example#localhost", "evil.example/localhost", "localhost@evil.example", "localhost:80@evil.example",
    "localhost evil.example", "localhost\tx", "localhost.", "-localhost", "localhost:port", "localhost:",
    "localhost:99999", "localhost:0", "[::1", "::1", "127.0.0.2", "0.0.0.0", "2130706433", "127.1", "", "ⓛocalhost",
    "[::ffff:127.0.0.1]", "[::1]evil", "localhost:80:81",
)  # fmt: skip


@on_sqlite
@pytest.mark.parametrize("host", HOSTS)
def test_host_of_another(host: str, app: Flask) -> None:
    """Refused before anything else, on every face, and the answer repeats nothing of it."""
    raw = host.encode().decode("latin-1")
    for path in ("/login", "/nothing", "/static/css/base.css", f"{BASE}/account/", f"{BASE}/nothing/", "/admin/users/"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = app.test_client().open(path, method=method, environ_overrides={"HTTP_HOST": raw})
            assert answer.status_code == 400, (path, answer.status_code)
            assert "Location" not in answer.headers
            assert "Set-Cookie" not in answer.headers
            assert "evil" not in answer.text + str(answer.headers)
            if is_api_path(path):
                assert answer.get_json(force=True)["code"] == "unknown_host"
            else:
                assert "does not answer under this name" in answer.text


@on_sqlite
@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost:8000", "127.0.0.1", "127.0.0.1:80", "[::1]:8000"]
)
def test_the_demo_answers_under_this_machines_names(host: str, app: Flask) -> None:
    assert app.test_client().get("/login", environ_overrides={"HTTP_HOST": host}).status_code == 200


@on_sqlite
def test_the_portal_answers_under_the_names_that_were_set(
    new_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_HOSTS", " Billing.example , pay.example,")
    client = new_app(anew=True).test_client()
    answers = {
        host: client.get("/login", environ_overrides={"HTTP_HOST": host}).status_code
        for host in ("billing.example", "pay.example:8443", "example", "x.billing.example", "localhost")
    }
    assert answers == {
        "billing.example": 200, "pay.example:8443": 200, "example": 400, "x.billing.example": 400, "localhost": 400,
    }  # fmt: skip


FORWARDED = {
    "X-Forwarded-Host": "evil.example", "X-Host": "evil.example", "X-Forwarded-Server": "evil.example",
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=https", "X-Original-URL": "/admin/users/",
    "X-Rewrite-URL": "/admin/users/", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "666", "X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "X-Forwarded-Scheme": "evil",
}  # fmt: skip


@on_sqlite
@pytest.mark.parametrize("proxies", ["0", "1"])
def test_x_forwarded_host(proxies: str, new_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """No header but Host says under which name the portal was called, not even behind a proxy."""
    monkeypatch.setenv("PORTAL_PROXIES", proxies)
    client = new_app(anew=True).test_client()
    for path in ("/", "/login", "/payments/", "/payments", "/static/css/base.css", f"{BASE}/payments/", "//x"):
        answer = client.get(path, headers=FORWARDED)
        assert "evil" not in answer.text + str(answer.headers), path
        assert "/admin/" not in answer.headers.get("Location", "")
        answer.close()


@on_sqlite
@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        ("", "6.6.6.6", "127.0.0.1"),
        ("0", "6.6.6.6", "127.0.0.1"),
        ("1", "6.6.6.6, 7.7.7.7", "7.7.7.7"),
        ("2", "6.6.6.6, 7.7.7.7, 8.8.8.8", "7.7.7.7"),
        ("2", "6.6.6.6", "127.0.0.1"),
    ],
)
def test_x_forwarded_for_counts_by_setting_only(
    proxies: str, forwarded: str, address: str, new_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_PROXIES", proxies)
    app = new_app(anew=True)
    make = Factory(app)
    user = make.user("owner", make.account())
    client = app.test_client()
    form = {"email": user.email, "password": PASSWORD, "csrf_token": csrf_token(client)}
    assert client.post("/login", data=form, headers={"X-Forwarded-For": forwarded}).status_code == 303
    with app.app_context(), across_accounts():
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "session.started")).one()
        assert entry.address == address


# Where to go after signing in

EVIL_NEXT = {
    "two slashes": "//evil.example",
    "three slashes": "///evil.example",
    "a backslash": "/\\evil.example",
    "two backslashes": "\\\\evil.example",
    "a tab": "/\t/evil.example",
    "a tab in the middle": "/\t\\evil.example",
    "a line feed": "/\n/evil.example",
    "CR and LF": "/x\r\nSet-Cookie: evil=1",
    "CR and LF first": "\r\n//evil.example",
    "a blank": " //evil.example",
    "a NUL": "/\x00/evil.example",
    "a scheme": "https://evil.example/",
    "a scheme without slashes": "https:evil.example",
    "a scheme with one slash": "https:/evil.example",
    "a script": "javascript:alert(1)",
    "a script in disguise": "JaVaScRiPt:alert(1)",
    "a script behind a tab": "java\tscript:alert(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "an at sign": "http://localhost@evil.example/",
    "an at sign without scheme": "//localhost@evil.example/",
    "an at sign alone": "@evil.example",
    "a name alone": "evil.example",
    "a dot": "./evil",
    "a high control character": "/\x85/evil.example",
    "nothing": "",
}


@on_sqlite
@pytest.mark.parametrize("kind", sorted(EVIL_NEXT))
def test_next_leads_to(kind: str, app: Flask, make: Factory) -> None:
    client = app.test_client()
    owner = make.user("owner", make.account())
    form = {"email": owner.email, "password": PASSWORD, "csrf_token": csrf_token(client)}
    answer = client.post("/login", query_string={"next": EVIL_NEXT[kind]}, data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "evil" not in str(answer.headers)
    assert local_address(EVIL_NEXT[kind]) is None


@pytest.mark.parametrize(
    "encoded", ["/%09/evil.example", "/%5Cevil.example", "/%2F/evil.example", "/%0d%0aSet-Cookie:x=1", "/@evil.example"]
)
def test_next_that_only_looks_evil_stays_here(encoded: str) -> None:
    """Browsers do not decode a path before they read it: this is a page of ours that does not exist."""
    assert local_address(encoded) == encoded
    parts = urlsplit(encoded)
    assert (parts.scheme, parts.netloc) == ("", "")


@on_sqlite
@pytest.mark.parametrize(
    "path", ["//evil.example", "//evil.example/", "//evil.example/%2e%2e", "/\\evil.example", "/%0d%0aSet-Cookie:x=1",
             "//evil.example//payments//", "/.//evil.example", "///evil.example/..;/"],
)  # fmt: skip
def test_an_address_of_ours_sends_nobody_elsewhere(path: str, app: Flask) -> None:
    """Also not by tidying up its slashes, nor as what comes after signing in."""
    answer = app.test_client().open(path, base_url="http://localhost")
    location = answer.headers.get("Location", "/")
    parts = urlsplit(location)
    assert parts.netloc in ("", "localhost")
    assert not re.match(r"[/\\]{2}", parts.path)
    assert "x=1" not in str(answer.headers.getlist("Set-Cookie"))


# Stored cross-site scripting

SCRIPTS = (
    "<script>alert(1)</script>",
    '"onmouseover="alert(1)" x=\'',
    "'><img src=x onerror=alert(1)>",
    "</textarea></title><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}${7*7}",
)


@pytest.mark.parametrize("text", SCRIPTS)
def test_stored_xss_by_names_notes_and_references(text: str, app: Flask, make: Factory) -> None:
    """Each text is stored by an API, a form or a command, and shown as text. ``Pages`` inspects what it fetches."""
    account = make.account(f"A {text}")
    make.method(display_name=text, instructions=text, details=[[text[:20], text]])
    owner, admin = make.user("owner", account, name=f"O {text}"), make.user("admin", name=f"S {text}")
    paid = make.invoice(account, number=f"N {text}"[:40])
    payload = {"invoice_id": str(paid.id), "payment_method": "bank_transfer", "reference": text, "notes": text}
    headers = {"Authorization": f"Bearer {make.token(owner, name=text)}"}
    answer = app.test_client().post(f"{BASE}/payments/manual/", json=payload, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.content_type == "application/json"
    payment_id = answer.get_json()["data"]["id"]
    rejected = make.payment(make.invoice(account), owner, notes=text)
    with app.app_context(), across_accounts():
        payments.reject_payment(rejected.id, by=acting(admin), version=rejected.version, reason=text)

    mine, staff = Pages(app).sign_in(owner), Pages(app).sign_in(admin)
    seen = [
        mine.get(path)
        for path in ("/", "/invoices/", f"/invoices/{paid.id}/", "/payments/", f"/payments/{payment_id}/",
                     f"/payments/{rejected.id}/", "/profile/", f"/invoices/{rejected.invoice_id}/payment")
    ]  # fmt: skip
    seen += [mine.get("/payments/", q=text, status=text), mine.get("/login", next=text)]
    seen += [
        staff.get(path)
        for path in ("/admin/approvals/", f"/admin/payments/{payment_id}/", f"/admin/payments/{rejected.id}/",
                     "/admin/payments/", "/admin/accounts/", f"/admin/accounts/{account.id}/", "/admin/users/",
                     f"/admin/users/{owner.id}/", "/admin/invoices/", f"/admin/invoices/{paid.id}/", "/admin/methods/",
                     "/admin/audit/")
    ]  # fmt: skip
    seen += [staff.get("/admin/payments/", q=text, account=text), staff.get("/admin/users/", q=text)]
    shown = [page for page in seen if page.status == 200]
    assert len(shown) >= 18
    for page in shown:
        assert page.root.all("script") == [node for node in page.root.all("script") if "src" in node.attributes]
        assert not page.root.all("img", src="x")
        assert not page.root.all("svg", onload="alert(1)")
        assert "49" not in page.text.replace("49.00", "") or "{{" not in text or "7*7" in page.text
    assert sum(re.sub(r"\s+", " ", text) in page.root.text for page in shown) >= 8  # it is shown, as what it is


@on_sqlite
def test_the_api_is_never_read_as_a_page(app: Flask, make: Factory) -> None:
    for path in (f"{BASE}/<script>alert(1)</script>/", f"{BASE}/payments/?status=<script>"):
        answer = app.test_client().get(path, headers={"Accept": "text/html"})
        assert answer.content_type == "application/problem+json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "<script>" not in answer.text


# Requests that are too much


@on_sqlite
@pytest.mark.parametrize("path", ["/login", "/payments/", "/nothing", f"{BASE}/payments/manual/"])
@pytest.mark.parametrize("kind", ["form", "multipart"])
def test_100_000_form_parts(kind: str, path: str, app: Flask) -> None:
    if kind == "form":
        data, content_type = b"a=&" * 100_000, "application/x-www-form-urlencoded"
    else:
        part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
        data, content_type = part * 18_000 + b"--x--\r\n", "multipart/form-data; boundary=x"  # as many as fit 1 MB
    answer = app.test_client().post(path, data=data, content_type=content_type)
    assert answer.status_code == 413
    assert_well_said(answer, path, "body_too_large", "larger than the portal takes")


def assert_well_said(answer: TestResponse, path: str, code: str, words: str) -> None:
    if is_api_path(path):
        assert answer.content_type == "application/problem+json"
        assert answer.get_json(force=True)["code"] == code
    else:
        assert answer.content_type == "text/html; charset=utf-8"
        assert words in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


@on_sqlite
@pytest.mark.parametrize("path", ["/login", f"{BASE}/payments/manual/"])
def test_a_body_of_more_than_a_megabyte(path: str, app: Flask) -> None:
    """By its announced length, or counted while it is read; on every method."""
    more = b"x" * (1024 * 1024 + 1)
    for method in ("POST", "GET", "PUT"):
        answer = app.test_client().open(path, method=method, data=more, content_type="application/json")
        assert answer.status_code == 413
    assert_well_said(answer, path, "body_too_large", "larger than the portal takes")
    said_less = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    kind = "application/json" if is_api_path(path) else "application/x-www-form-urlencoded"
    answer = app.test_client().post(path, data=more, content_type=kind, environ_overrides=said_less)
    assert answer.status_code == 413


@on_sqlite
@pytest.mark.parametrize("path", ["/login", f"{BASE}/payments/manual/"])
def test_a_body_that_ends_too_early(path: str, world: World) -> None:
    """Half a form is no form: a connection that broke must not act on what came until then."""
    body = f"csrf_token={world.tokens['owner']}&notes=the first ha".encode()
    early = {"CONTENT_LENGTH": str(len(body) + 10), "wsgi.input_terminated": True}
    before = state(world.app)
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        answer = world.browsers["owner"].post(path, data=body, content_type=kind, environ_overrides=early)
        assert answer.status_code == 400
    assert state(world.app) == before


@on_sqlite
@pytest.mark.parametrize("path", ["/login", f"{BASE}/account/"])
@pytest.mark.parametrize(
    "headers", [{"X-Big": "x" * 1_000_000}, {f"X-{n}": "x" for n in range(101)}, {"X-Cookie": "a=" + "b" * 40_000}]
)
def test_a_megabyte_of_headers(headers: dict[str, str], path: str, app: Flask) -> None:
    answer = app.test_client().get(path, headers=headers)
    assert answer.status_code == 431
    assert_well_said(answer, path, "headers_too_large", "more headers than the portal takes")


@on_sqlite
@pytest.mark.parametrize("path", ["/login", f"{BASE}/account/"])
def test_an_address_without_end(path: str, app: Flask) -> None:
    for address in (f"{path}?q={'x' * 8_000}", f"{path}{'x' * 8_000}"):
        answer = app.test_client().get(address)
        assert answer.status_code == 414
        assert_well_said(answer, path, "address_too_long", "longer than the portal takes")
    answer = app.test_client().get(f"{path}?{'a&' * 100}")
    assert answer.status_code == 400
    assert_well_said(answer, path, "too_many_parameters", "takes 100 parameters")
    assert app.test_client().get(f"{path}?{'a=1&' * 99}").status_code in (200, 401)


BODIES = {
    "deep JSON": b'{"notes": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep JSON of objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "just too deep": b'{"notes": ' + b"[" * 21 + b"]" * 21 + b"}",
    "duplicate keys": b'{"notes": "a", "notes": "b"}',
    "duplicate keys by another spelling": b'{"notes": "a", "\\u006eotes": "b"}',
    "duplicate keys deep down": b'{"notes": {"a": 1, "a": 2}}',
    "invalid UTF-8": b'{"notes": "\xff"}',
    "overlong UTF-8": b'{"notes": "\xc0\xaf"}',
    "UTF-16": '{"notes": "x"}'.encode("utf-16"),
    "half a character": b'{"notes": "\\ud83d"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a comment": b'{"notes": "x" /* y */}',
    "NaN": b'{"version": NaN}',
    "two objects": b"{}{}",
    "a number without end": b'{"version": ' + b"9" * 100_000 + b"}",
    "NUL": b'{"notes": "a\\u0000b", "reference": "T", "payment_method": "bank_transfer", "invoice_id": "%s"}',
    "NUL in a key": b'{"no\\u0000tes": "x"}',
    "raw NUL": b'{"notes": "a\x00b"}',
}


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_bodies_that_break_parsers(kind: str, world: World, make: Factory) -> None:
    token = make.token(world.users["owner"])
    before = state(world.app)
    body = BODIES[kind].replace(b"%s", str(world.ids["invoice_id"]).encode())
    answer = world.app.test_client().post(
        f"{BASE}/payments/manual/", data=body, content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip
    assert answer.status_code == 400
    assert answer.get_json(force=True)["code"] in ("malformed_json", "invalid_input", "control_characters")
    assert state(world.app) == before


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_text_that_is_no_text(who: str, world: World) -> None:
    """Bytes that are not UTF-8, and NUL, in every form and query: refused, never a failure, never stored."""
    before = state(world.app)
    token = world.tokens[who].encode()
    for address in world.routes("POST"):
        if is_api_path(address) or address == "/logout":
            continue
        for raw in (b"%FF", b"\xff", b"a%00b", b"%ED%A0%80"):
            body = (
                b"csrf_token="
                + token
                + b"&version=1&payment_method=bank_transfer"
                + b"".join(
                    b"&" + name + b"=" + raw
                    for name in (b"reason", b"name", b"notes", b"transaction_reference", b"email")
                )
            )
            answer = world.browsers[who].post(address, data=body, content_type="application/x-www-form-urlencoded")
            # A NUL in a field that the form does not have is not looked at.
            assert answer.status_code < 500 if b"%00" in raw else answer.status_code == 400, (address, raw)
    for address in world.routes("GET"):
        for encoded in ("%FF", "a%00b", "%ED%A0%80", "%C0%AF"):
            for name in ("q", "status", "cursor", "account"):
                answer = world.browsers[who].get(f"{address}?{name}={encoded}")
                assert answer.status_code < 500, (address, encoded)
                assert encoded == "a%00b" or answer.status_code == 400
    after = state(world.app)
    assert "\x00" not in str(after)
    assert {row[1:3] for row in after["users"]} == {row[1:3] for row in before["users"]}


@on_sqlite
def test_a_multipart_form_that_is_no_text(world: World) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    body = head % (b"csrf_token", world.tokens["owner"].encode()) + head % (b"name", b"a\xffb") + b"--x--\r\n"
    answer = world.browsers["owner"].post("/profile/tokens/", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert "not text in UTF-8" in answer.text
    good = head % (b"csrf_token", world.tokens["owner"].encode()) + head % (b"name", "ü".encode())
    good += head % (b"access", b"everything") + b"--x--\r\n"
    answer = world.browsers["owner"].post("/profile/tokens/", data=good, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 201


# Caches


@on_sqlite
def test_a_shared_cache_serves_nobodys_page(world: World) -> None:
    for who, browser in world.browsers.items():
        for address in world.routes("GET"):
            for path in (address, f"{address}?x=y"):
                answer = browser.get(path)
                assert answer.headers["Cache-Control"] == "no-store", (who, path)
                assert {"Cookie", "Authorization"} <= set(answer.vary.as_set(preserve_casing=True)), path
                assert "ETag" not in answer.headers or path.startswith("/api/"), path  # a program revalidates there
                assert "Expires" not in answer.headers


@on_sqlite
@pytest.mark.parametrize(
    "disguise", ["x.css", ";x.css", "%2Fx.css", "%0Ax.css", "%00.css", "..%2Fstatic%2Fcss%2Fbase.css", "?/static/x.css",
                 "#x.css", "%3Fx.css", ".css"],
)  # fmt: skip
def test_a_page_in_the_disguise_of_a_file(disguise: str, world: World) -> None:
    """A cache that goes by the ending of an address finds no private page under one (web cache deception)."""
    for address in ("/profile/", "/profile", "/payments/", "/static/..%2Fprofile/"):
        answer = world.browsers["owner"].get(address + disguise)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.status_code in (200, 400, 404)
        answer.close()


@on_sqlite
def test_a_cached_file_carries_nobodys_session(world: World) -> None:
    page = world.browsers["owner"].get("/profile/")
    assert "Set-Cookie" in page.headers  # the negative control: pages renew the session
    for address in [*re.findall(r'"(/static/[^"]+)"', page.text), "/static/css/base.css", "/static/nothing.css"]:
        with world.browsers["owner"].get(address) as answer:
            assert "Set-Cookie" not in answer.headers, address


# Logs


@on_sqlite
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
def test_cr_and_lf_in_log_lines(end: str, app: Flask, make: Factory, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever a caller types, each line of the log is an event of ours."""
    logs.set_up(level="debug", as_json=True)
    forged = f'x{end}{{"level": "info", "event": "forged"}}'
    raw = forged.encode().decode("latin-1")
    client = app.test_client()
    token = csrf_token(client)
    client.post(
        "/login", data={"email": forged, "password": forged, "csrf_token": token}, query_string={"next": forged}
    )
    for path in ("/login", "/nothing", f"{BASE}/account/"):
        client.get(path, query_string={forged: forged})
        client.get(f"{path}{forged}")
        for name in ("HTTP_USER_AGENT", "HTTP_REFERER", "HTTP_X_REQUEST_ID", "HTTP_HOST", "HTTP_AUTHORIZATION",
                     "HTTP_X_FORWARDED_FOR", "HTTP_ORIGIN", "HTTP_COOKIE"):  # fmt: skip
            client.get(path, environ_overrides={name: raw})
    client.open("/login", method=f"GET{end}forged")
    lines = capfd.readouterr().err.split("\n")[:-1]
    logs.set_up(level="info", as_json=False)
    assert len(lines) > 25
    assert all(json.loads(line)["event"] == "request" for line in lines)
