"""Caches between the portal and its people: they keep nobody's page."""

import gzip
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


@on_sqlite
def test_files_come_packed_to_who_takes_it(world: World) -> None:
    """The same file by the same tag, so that who has it is told so; a part of it comes as it is."""
    browser, path = world.app.test_client(), "/static/css/base.css"
    with browser.get(path) as plain, browser.get(path, headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.data) == plain.data
        assert packed.vary.as_set() == plain.vary.as_set() == {"accept-encoding"}
        again = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    with browser.get(path, headers=again) as kept:
        assert (kept.status_code, kept.data) == (304, b"")
    with browser.get(path, headers={"Accept-Encoding": "gzip", "Range": "bytes=0-3"}) as part:
        assert (part.status_code, len(part.data)) == (206, 4)
        assert "Content-Encoding" not in part.headers
