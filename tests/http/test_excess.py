"""Requests that are too much, or no text: refused in words, with nothing done."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.api.conftest import BASE
from tests.contents import state
from tests.factories import Factory
from tests.http.browsers import World, is_api_path, on_sqlite
from tests.nasty_files import ENTITIES


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


@on_sqlite
@pytest.mark.parametrize("kind", ["application/xml", "text/xml", "application/soap+xml", "application/json"])
def test_xml_is_read_nowhere(kind: str, world: World) -> None:
    """So nothing in it unfolds, reads a file or asks another machine."""
    before = state(world.app)
    body = ENTITIES + b"<x>&b;&secret;&far;</x>"
    for address, method in world.changes("owner"):
        answer = world.send("owner", address, method, data=body, content_type=kind)
        refused = 400 if kind == "application/json" or not is_api_path(address) else 415
        assert answer.status_code == (404 if method == "DELETE" else refused), (method, address)
        assert b"haha" not in answer.data
        assert b"root:" not in answer.data
    assert state(world.app) == before
