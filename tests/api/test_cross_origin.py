"""Scripts of other sites: by token where a setting names their site, and not at all otherwise."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.api.conftest import BASE
from tests.factories import Factory

THEIRS, OTHERS = "https://app.company.example", "https://app.company.example.evil.example"
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}


@pytest.fixture
def open_app(new_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("PORTAL_CORS_ORIGINS", f"http://localhost:5173, {THEIRS}")
    return new_app(anew=True)


def test_a_named_site_may_ask(open_app: Flask) -> None:
    before = open_app.test_client().options(f"{BASE}/payments/manual/", headers={"Origin": THEIRS} | ASKED)
    allowed = {name: value for name, value in before.headers.items() if name.startswith("Access-Control-")}
    assert (before.status_code, allowed) == (
        200,
        {
            "Access-Control-Allow-Origin": THEIRS,
            "Access-Control-Allow-Headers": "authorization, idempotency-key",
            "Access-Control-Allow-Methods": "DELETE, GET, HEAD, PATCH, POST, PUT",
            "Access-Control-Expose-Headers": "ETag, Idempotent-Replayed, Link, Location, Retry-After, X-Request-ID",
            "Access-Control-Max-Age": "600",
        },
    )
    make = Factory(open_app)
    token = make.token(make.user("owner", make.account()))
    asked = open_app.test_client().get(
        f"{BASE}/account/", headers={"Origin": THEIRS, "Authorization": f"Bearer {token}"}
    )
    assert asked.headers["Access-Control-Allow-Origin"] == THEIRS
    assert "Access-Control-Allow-Credentials" not in asked.headers
    assert "origin" in asked.vary


@pytest.mark.parametrize("origin", [OTHERS, "null", "http://app.company.example", "https://APP.company.example:444"])
def test_no_other_site_does(origin: str, open_app: Flask) -> None:
    for method in ("OPTIONS", "GET"):
        answer = open_app.test_client().open(f"{BASE}/account/", method=method, headers={"Origin": origin} | ASKED)
        assert [name for name, _ in answer.headers if name.startswith("Access-Control-")] == []


def test_pages_are_of_no_other_site(open_app: Flask) -> None:
    answer = open_app.test_client().get("/login", headers={"Origin": THEIRS})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_without_the_setting_no_site_does(app: Flask) -> None:
    answer = app.test_client().options(f"{BASE}/account/", headers={"Origin": THEIRS} | ASKED)
    assert [name for name, _ in answer.headers if name.startswith("Access-Control-")] == []


@pytest.mark.parametrize("setting", ["*", "app.company.example", "https://a.example/path", "null"])
def test_a_setting_that_is_no_origin_ends_the_start(
    setting: str, new_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_CORS_ORIGINS", setting)
    with pytest.raises(SystemExit, match="PORTAL_CORS_ORIGINS holds origins like"):
        new_app(anew=True)
