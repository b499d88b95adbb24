"""Caches between the portal and its people: they keep nobody's page."""

import re

import pytest

from tests.http.browsers import World, on_sqlite


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
    assert "Set-Cookie" in world.app.test_client().get("/login").headers  # the negative control: a session begins
    page = world.browsers["owner"].get("/profile/")
    for address in [*re.findall(r'"(/static/[^"]+)"', page.text), "/static/css/base.css", "/static/nothing.css"]:
        with world.browsers["owner"].get(address) as answer:
            assert "Set-Cookie" not in answer.headers, address
