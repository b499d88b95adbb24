"""What every answer carries, and what may be kept of it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, g

from portal.http.identity import place
from tests.factories import PASSWORD, Factory
from tests.pages import Pages

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
EVERY = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
PATHS = (
    "/",
    "/login",
    "/nothing",
    "/static/css/base.css",
    "/static/nothing",
    "/api/v1/billing/account/",
    "/admin/users/",
)


@pytest.fixture
def shares_apps() -> bool:
    """One changes where static files are."""
    return False


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_of_every_face_is_guarded(path: str, app: Flask) -> None:
    with app.test_client().get(path) as answer:
        headers = answer.headers
    assert {name: headers[name] for name in EVERY} == EVERY
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'", "'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "*" not in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers
    assert "Access-Control-Allow-Origin" not in headers


def test_over_https_browsers_are_told_to_stay_there(
    new_app: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_HTTPS", "1")
    app = new_app()
    for path in PATHS:
        with app.test_client().get(path, base_url="https://localhost") as answer:
            assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    cookie = app.test_client().get("/login", base_url="https://localhost").headers["Set-Cookie"]
    parts = {part.strip() for part in cookie.split(";")}
    assert cookie.startswith("__Host-portal_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= parts
    assert not any(part.startswith("Domain") for part in parts)


def test_over_https_no_cookie_can_be_planted_by_a_sister_site(
    new_app: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every cookie that the sign-in sets, and the one that tells the browser is read back under its name."""
    monkeypatch.setenv("PORTAL_HTTPS", "1")
    app = new_app()
    make = Factory(app)
    user = make.user("owner", make.account())
    client = app.test_client()
    page = client.get("/login", base_url="https://localhost").text
    (token,) = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    form = {"email": user.email, "password": PASSWORD, "csrf_token": token}
    answer = client.post("/login", data=form, base_url="https://localhost")
    cookies = {cookie.partition("=")[0]: cookie for cookie in answer.headers.getlist("Set-Cookie")}
    assert set(cookies) == {"__Host-portal_session", "__Host-portal_device"}
    for cookie in cookies.values():
        parts = {part.strip() for part in cookie.split(";")}
        assert {"Secure", "HttpOnly", "Path=/"} <= parts
        assert parts & {"SameSite=Lax", "SameSite=Strict"}
        assert not any(part.startswith("Domain") for part in parts)
    device = cookies["__Host-portal_device"].partition("=")[2].partition(";")[0]
    with app.test_request_context(
        "/login", headers={"Cookie": f"__Host-portal_device={device}; portal_device=planted"}
    ):
        g.request_id = "r"
        assert place().device == device


def test_signing_out_empties_the_browser_but_for_other_sites_cookies(app: Flask, make: Factory) -> None:
    pages = Pages(app).sign_in(make.user("admin"))
    assert "Clear-Site-Data" not in pages.get("/profile/").response.headers
    out = pages.post("/logout")
    assert out.response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert pages.get("/profile/").status == 302


def test_a_page_names_its_files_by_their_content(app: Flask) -> None:
    page = app.test_client().get("/login").text
    addresses = re.findall(r'"(/static/[^"]+)"', page)
    assert len(addresses) >= 6
    for address in addresses:
        with app.test_client().get(address) as answer:
            assert (answer.status_code, answer.headers["Cache-Control"]) == (
                200, "public, max-age=31536000, immutable",
            ), address  # fmt: skip


@pytest.mark.parametrize(
    ("path", "status", "caching"),
    [
        ("/static/css/base.css", 200, "no-cache"),
        ("/static/css/base.css?v=0123456789abcdef", 200, "no-cache"),
        ("/static/css/nothing.css?v=0123456789abcdef", 404, "no-store"),
        ("/static/../portal/config.py", 404, "no-store"),
        ("/static/%2e%2e/portal/config.py", 404, "no-store"),
        ("/static/%2fetc/passwd", 308, "no-store"),  # to the address with one slash
    ],
)
def test_what_is_not_named_by_its_content_is_asked_for_again(path: str, status: int, caching: str, app: Flask) -> None:
    with app.test_client().get(path) as answer:
        assert (answer.status_code, answer.headers["Cache-Control"]) == (status, caching)


def test_another_content_is_another_address(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "x.css").write_text("a {}")
    app.static_folder = str(tmp_path)
    with app.test_request_context():
        first = app.url_for("static", filename="x.css")
        (tmp_path / "x.css").write_text("b { color: red }")
        second = app.url_for("static", filename="x.css")
        assert app.url_for("static", filename="nothing.css") == "/static/nothing.css"
    assert first.startswith("/static/x.css?v=")
    assert first != second
    for address, kept in ((first, False), (second, True)):
        with app.test_client().get(address) as answer:
            assert ("immutable" in answer.headers["Cache-Control"]) is kept
