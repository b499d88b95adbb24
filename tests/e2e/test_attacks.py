"""Attacks on the portal as it is served: what only the real server, or a real browser, can show."""

import re
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Dialog, expect

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.xdist_group("e2e")


def answer(server: str, *parts: bytes, half_close: bool = False) -> tuple[int, bytes]:
    """What the server says to these bytes: the status (0 where it just hangs up) and everything."""
    address = urlsplit(server)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as connection:
        received = b""
        try:
            for part in parts:
                connection.sendall(part)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                received += more
        except (BrokenPipeError, ConnectionResetError):
            pass  # it hung up before it had heard all
    found = re.match(rb"HTTP/1\.[01] (\d{3})", received)
    return int(found.group(1)) if found else 0, received


def get(target: bytes = b"/login", *headers: bytes, host: bytes | None = b"localhost") -> bytes:
    lines = [b"GET " + target + b" HTTP/1.1", *([b"Host: " + host] if host is not None else []), *headers]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


def post(body: bytes, *headers: bytes, kind: bytes = b"application/x-www-form-urlencoded") -> bytes:
    lines = [b"POST /login HTTP/1.1", b"Host: localhost", b"Content-Type: " + kind, *headers]
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


def test_the_raw_requests_of_this_file_work(server: str) -> None:
    assert answer(server, get())[0] == 200
    form = b"email=a%40b.example&password=x"
    assert answer(server, post(form, b"Content-Length: %d" % len(form)))[0] == 400  # no CSRF token


def test_a_megabyte_of_headers(server: str) -> None:
    for headers in ([b"X-Big: " + b"x" * 1_000_000], [b"Cookie: a=" + b"x" * 1_000_000],
                    [b"X-%d: " % n + b"x" * 1_000 for n in range(99)]):  # fmt: skip
        assert answer(server, get(b"/login", *headers))[0] in (431, 0)
    assert answer(server, get(b"/login", *(b"X-%d: x" % n for n in range(1_000))))[0] == 431
    assert answer(server, get(b"/login", b"X-Big: " + b"x" * 40_000))[0] == 431
    assert answer(server, get())[0] == 200


def test_an_address_without_end(server: str) -> None:
    for length in (9_000, 60_000, 1_000_000):
        assert answer(server, get(b"/login?q=" + b"x" * length))[0] in (414, 431, 0)


def test_100_000_form_parts(server: str) -> None:
    form = b"a=&" * 100_000
    assert answer(server, post(form, b"Content-Length: %d" % len(form)))[0] == 413
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    body = part * 100_000 + b"--x--\r\n"
    kind = b"multipart/form-data; boundary=x"
    assert answer(server, post(body, b"Content-Length: %d" % len(body), kind=kind))[0] in (413, 0)
    body = part * 15_000 + b"--x--\r\n"
    assert answer(server, post(body, b"Content-Length: %d" % len(body), kind=kind))[0] == 413


def test_a_body_that_does_not_say_how_long_it_is(server: str) -> None:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    head = post(b"", b"Transfer-Encoding: chunked")
    assert answer(server, head, *[chunk] * 40, b"0\r\n\r\n")[0] in (413, 0)
    assert answer(server, head, *[chunk] * 17, b"0\r\n\r\n")[0] in (413, 0)


def test_a_body_that_ends_too_early(server: str) -> None:
    status, said = answer(server, post(b"email=a", b"Content-Length: 1000"), half_close=True)
    assert status in (400, 0)
    assert b"Set-Cookie" not in said


@pytest.mark.parametrize(
    "headers",
    [
        [b"Content-Length: 5", b"Content-Length: 6"],
        [b"Content-Length: 5, 6"],
        [b"Content-Length: -5"],
        [b"Content-Length: 0x5"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding: xchunked", b"Content-Length: 5"],
        [b"X: a\x00b", b"Content-Length: 5"],
        [b"X: a", b" folded: x", b"Content-Length: 5"],
        [b"Transfer_Encoding: chunked", b"Content-Length: 5"],
        [b"Bad Name: x", b"Content-Length: 5"],
    ],
)
def test_requests_that_two_servers_would_read_differently(headers: list[bytes], server: str) -> None:
    """Request smuggling: what is ambiguous is refused, and no second request comes out of it."""
    smuggled = b"GET /admin/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
    status, said = answer(server, post(b"a=bcd" + smuggled, *headers))
    assert status in (400, 413, 501, 0)
    assert said.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize(
    "request_",
    [
        get(host=b"evil.example"),
        get(host=None),
        get(b"/login", b"Host: evil.example"),
        get(b"/login", b"Host: localhost"),
        get(host=b".localhost"),
        get(host=b"localhost:8000:80"),
        get(b"http://localhost/login", host=b"evil.example"),
        b"GET /login HTTP/1.0\r\n\r\n",
    ],
)
def test_host_of_another(request_: bytes, server: str) -> None:
    status, said = answer(server, request_)
    assert status == 400
    assert b"does not answer under this name" in said
    assert b"evil" not in said


@pytest.mark.parametrize("target", [b"http://evil.example/payments/", b"https://evil.example:1/payments/"])
def test_an_absolute_request_target(target: bytes, server: str) -> None:
    """The name in it counts for nothing: the answer leads nowhere but to the portal."""
    status, said = answer(server, get(target))
    assert status in (302, 400)
    assert b"evil" not in said


@pytest.mark.parametrize(
    "target",
    [b"//evil.example", b"//evil.example/%2e%2e", b"/\\evil.example", b"/%5cevil.example", b"/%0d%0aSet-Cookie:x=1"],
)
def test_an_address_that_begins_with_another_host(target: bytes, server: str) -> None:
    _, said = answer(server, get(target))
    location = re.search(rb"(?im)^location: (.*)\r$", said)
    assert location is None or re.match(rb"(http://localhost)?/(?![/\\])", location.group(1))
    assert b"x=1\r" not in said.split(b"\r\n\r\n")[0].lower().partition(b"set-cookie")[2]


@pytest.mark.parametrize("method", [b"TRACE", b"CONNECT", b"PUT", b"DELETE", b"PRI", b"X" * 2_000])
def test_methods_that_no_route_has(method: bytes, server: str) -> None:
    status, said = answer(server, get().replace(b"GET", method, 1))
    assert status in (400, 405, 414, 431, 501, 0)
    assert b"X-Echo" not in said


SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)>"


def test_stored_xss_in_a_real_browser(visitor: Callable[..., Visitor], server: str) -> None:
    """What a customer types reaches staff as text: no dialog opens, no foreign address is asked."""
    opened: list[str] = []

    def note(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    owner = visitor()
    mine = owner.sign_in("owner@globex.example")
    mine.on("dialog", note)
    mine.goto(f"{server}/invoices/?status=open")
    for link in [link.get_attribute("href") for link in mine.locator("tbody th a").all()]:
        mine.goto(f"{server}{link}")
        if mine.get_by_role("link", name="Pay this invoice").count():
            break
    mine.get_by_role("link", name="Pay this invoice").click()
    mine.get_by_label("Transaction reference").fill(f"XSS {SCRIPT}"[:70])
    mine.get_by_label("Notes").fill(SCRIPT)
    mine.get_by_role("button", name="Report this payment").click()
    expect(mine.get_by_text(SCRIPT)).to_be_visible()
    path = urlsplit(mine.url).path

    staff = visitor()
    page = staff.sign_in("reviewer@portal.example")
    page.on("dialog", note)
    page.goto(f"{server}/admin{path}")
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    page.goto(f"{server}/admin/approvals/")
    page.goto(f"{server}/admin/payments/?q={SCRIPT.replace('#', '')}")
    page.evaluate("new Promise(done => setTimeout(done, 300))")
    assert opened == []


def test_no_page_opens_in_a_frame(visitor: Callable[..., Visitor], server: str) -> None:
    someone = visitor()
    page = someone.page()
    page.set_content(f'<iframe src="{server}/login"></iframe>')
    page.wait_for_timeout(300)
    assert len(page.frames) == 2
    assert page.frames[1].query_selector("form") is None
    assert any("frame-ancestors" in fault for fault in someone.faults), someone.faults  # the browser says why
    someone.faults.clear()


def test_signing_out_works_in_a_browser_that_clears_what_it_kept(visitor: Callable[..., Visitor], server: str) -> None:
    page = visitor().sign_in("viewer@acme.example")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()
