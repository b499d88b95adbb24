"""Another name in Host and in what proxies say: nothing follows from it but by setting."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.passwords import mark_as_demo
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from portal.mail.composing import compose
from tests.api.conftest import BASE
from tests.factories import PASSWORD, Factory
from tests.http.browsers import csrf_token, is_api_path, on_sqlite
from tests.web.test_mailed_links import mails

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
    monkeypatch.setenv("PORTAL_ENV", "demo")  # which may be shown without all that production asks for
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
@pytest.mark.parametrize("proxies", ["0", "1"])
def test_links_in_mails_lead_to_the_portal_whoever_asks_for_them(
    proxies: str, new_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forgotten password of somebody else's, asked for under another name: that name gets no link that lets in."""
    monkeypatch.setenv("PORTAL_ENV", "demo")  # which may be shown without all that production asks for
    monkeypatch.setenv("PORTAL_PROXIES", proxies)
    monkeypatch.setenv("PORTAL_HOSTS", "billing.example,pay.example")
    app = new_app(anew=True)
    with app.app_context():
        mark_as_demo()
    make = Factory(app)
    user = make.user("owner", make.account())
    client = app.test_client()

    def ask(host: str, **headers: str) -> int:
        form = {"email": user.email, "csrf_token": token}
        return client.post("/password-reset", base_url=f"http://{host}", data=form, headers=headers).status_code

    token = csrf_token(client, "http://billing.example/password-reset")
    assert ask("evil.example") == 400
    assert mails(app) == []
    assert ask("billing.example", **FORWARDED | {"Referer": "http://evil.example/"}) == 200
    token = csrf_token(client, "http://pay.example/password-reset")
    assert ask("pay.example") == 200
    for mail in mails(app):
        with app.app_context():
            message = compose(mail).as_string()
        assert "evil" not in message
        assert set(re.findall(r"https?://[^/\"<\s]+", message)) == {"http://billing.example"}
    assert len(mails(app)) == 2


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


@on_sqlite
@pytest.mark.parametrize(
    ("https", "proxies", "headers", "is_refused"),
    [
        ("1", "1", {"X-Forwarded-Proto": "http"}, True),
        ("1", "1", {"X-Forwarded-Proto": "https, http"}, True),
        ("1", "1", {"X-Forwarded-Proto": "http, https"}, False),
        ("1", "1", {}, False),  # past the proxy: from this machine
        ("1", "0", {"X-Forwarded-Proto": "http"}, False),  # no proxy is believed
        ("0", "1", {"X-Forwarded-Proto": "http"}, False),
    ],
)
def test_what_a_proxy_took_over_plain_http_is_refused(
    https: str, proxies: str, headers: dict[str, str], is_refused: bool,
    new_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PORTAL_HTTPS", https)
    monkeypatch.setenv("PORTAL_PROXIES", proxies)
    client = new_app(anew=True).test_client()
    page, program = client.get("/login", headers=headers), client.get(f"{BASE}/account/", headers=headers)
    code = program.get_json()["code"]
    if is_refused:
        assert (page.status_code, program.status_code, code) == (400, 400, "https_required")
        assert "The portal answers over HTTPS only." in page.text
    else:
        assert (page.status_code, program.status_code, code) == (200, 401, "not_signed_in")
