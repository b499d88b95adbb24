"""Where webhooks do not go: GUARANTEES' list of attacks, and what the answers may do to us."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from portal.foundation.refusals import Invalid
from portal.webhooks import sending
from portal.webhooks.sending import Outcome, send
from portal.webhooks.targets import BadTarget, Targets, is_public, targets
from tests.certificates import certificate
from tests.webhooks.receiver import Receiver, answering

INSIDE = (
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.255", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1", "2001::1", "3fff::1",
    "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a00:1::1",
    "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "64:ff9b::10.0.0.1",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "93.184.215.14", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700::1111",
          "2002:101:101::1",
          "64:ff9b::1.1.1.1", "::ffff:8.8.8.8")  # fmt: skip
SPELLINGS = (
    "2130706433", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "017700000001", "0", "0x0", "127.0.0.1.",
    "127.0.0.0x1", "1.1.1.1.", "00000", "localhost", "LOCALHOST", "localhost.", "intranet", "metadata",
    "exa%6dple.com", "１２７.0.0.1", "ⓛocalhost.example", "a..example", "-a.example", "[::1", "[]", "",
)  # fmt: skip
ADDRESSES = (
    "http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", "gopher://hooks.example/", "hooks.example",
    "//hooks.example/", "https:/hooks.example", "https://", "javascript:alert(1)", "https://user@hooks.example/",
    "https://user:password@hooks.example/", "https://hooks.example@127.0.0.1/", "https://:@hooks.example/",
    "https://hooks.example:0/", "https://hooks.example:99999/", "https://hooks.example:80:80/",
    "https://hooks.example/#part", "https://hooks.example/ blank", "https://hooks.example/\r\nHost: inside",
    "https://hooks.example\\@127.0.0.1/", "https://hooks.example/\x00", "https://hooks.example/\u2028", " https://a.example",
    "https://hooks.example/" + "x" * 2000, "",
)  # fmt: skip


@pytest.fixture
def strict() -> Targets:
    """The rules as production has them."""
    return Targets()


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_inside_is_refused_as_an_address_and_behind_a_name(
    address: str, strict: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = f"[{address}]" if ":" in address else address
    for port in ("", ":8443"):
        with pytest.raises(BadTarget):
            strict.read(f"https://{host}{port}/hooks")
    answer(monkeypatch, [address])
    with pytest.raises(BadTarget):
        strict.addresses(strict.read("https://hooks.example/"), seconds=1)
    answer(monkeypatch, ["1.1.1.1", address])  # one public address does not excuse another
    with pytest.raises(BadTarget):
        strict.addresses(strict.read("https://hooks.example/"), seconds=1)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_let_through(address: str, strict: Targets) -> None:
    assert is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    assert strict.read(f"https://{host}/").port == 443


@pytest.mark.parametrize("host", SPELLINGS)
def test_other_spellings_of_addresses_and_names_of_inside_are_refused(host: str, strict: Targets) -> None:
    with pytest.raises(BadTarget):
        strict.read(f"https://{host}/")


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_no_plain_https_address_is_refused(address: str, strict: Targets) -> None:
    with pytest.raises(Invalid) as refusal:
        strict.read(address)
    assert (refusal.value.code, refusal.value.errors[0].field) == ("webhook_url_refused", "url")


def test_a_developer_may_use_this_machine_and_no_other() -> None:
    rules = Targets()
    rules.use(local=True)
    assert rules.read("http://127.0.0.1:9000/hooks?a=b") == rules.read("http://127.0.0.1:9000/hooks?a=b")
    assert (rules.read("http://localhost/").port, rules.read("https://localhost/").port) == (80, 443)
    for address in ("http://hooks.example/", "http://10.0.0.1/", "https://192.168.0.1/", "http://127.0.0.1.nip.io/"):
        with pytest.raises(BadTarget):
            rules.read(address)


def answer(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have names resolve to these, one answer after the other; the names that were asked for."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The portal as it is in production, for sends."""
    targets.use(local=False)
    yield
    targets.use(local=True)


@pytest.mark.usefixtures("production")
def test_a_send_goes_nowhere_inside(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was let in yesterday may lead inside today."""
    answer(monkeypatch, ["127.0.0.1"])
    refused = Outcome(error="This name leads to an address that is not on the public internet.")
    assert told(send("https://hooks.example/", b"{}", {})) == refused
    assert send(receiver.url, b"{}", {}).error == "The address must begin with https://."
    assert receiver.messages == []


@pytest.mark.usefixtures("production")
def test_a_name_that_answers_differently_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked once, and the connection goes to what it answered then."""
    reached: list[Any] = []

    def connect(_socket: object, address: tuple[str, int]) -> None:
        reached.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(sending._Socket, "connect", connect)
    asked = answer(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    assert told(send("https://rebinding.example/", b"{}", {})) == Outcome(error="No connection: Connection refused.")
    assert (asked, reached) == (["rebinding.example"], [("1.1.1.1", 443)])


def told(outcome: Outcome) -> Outcome:
    """The outcome without how long it took."""
    return Outcome(outcome.status, outcome.error, outcome.answer)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int, receiver: Receiver) -> None:
    receiver.then = answering(status, Location=f"{receiver.url}&elsewhere")
    error = f"It answered {status}: redirects are not followed. Give the address that they lead to."
    assert told(send(receiver.url, b"{}", {})) == Outcome(status, error)
    assert len(receiver.messages) == 1


def test_what_drips_ends_in_time(receiver: Receiver) -> None:
    """A byte now and then, in the head or in the body, keeps nobody waiting for longer than all may take."""

    def drip(to: BaseHTTPRequestHandler, first: bytes) -> None:
        to.wfile.write(first)
        for _ in range(100):
            to.wfile.write(b"x")
            to.wfile.flush()
            time.sleep(0.05)

    for first in (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "):
        receiver.then = lambda to, first=first: drip(to, first)  # type: ignore[misc]
        begun = time.monotonic()
        assert told(send(receiver.url, b"{}", {}, patience=0.4)) == Outcome(error="No whole answer within 15 seconds.")
        assert 0.35 < time.monotonic() - begun < 1.5


def test_who_says_nothing_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        outcome = send(f"http://127.0.0.1:{silent.getsockname()[1]}/", b"{}", {}, patience=0.3)
    assert told(outcome) == Outcome(error="No whole answer within 15 seconds.")
    assert time.monotonic() - begun < 1.5


def test_a_name_that_is_not_found_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> list[object]:
        time.sleep(1)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    begun = time.monotonic()
    assert send("http://localhost:1/", b"{}", {}, patience=0.3).error == "No whole answer within 15 seconds."
    assert time.monotonic() - begun < 1


def test_a_huge_answer_is_cut(receiver: Receiver) -> None:
    def flood(to: BaseHTTPRequestHandler) -> None:
        to.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(1000):
            to.wfile.write(b"10000\r\n" + b"y" * 65536 + b"\r\n")

    receiver.then = flood
    begun = time.monotonic()
    assert told(send(receiver.url, b"{}", {})) == Outcome(200, answer="y" * 4096)
    assert time.monotonic() - begun < 5


def test_what_is_kept_of_an_answer(receiver: Receiver) -> None:
    """No card number, nothing that no page can show or no database hold."""
    raw = "paid with 4111 1111 1111 1111 \x00\x1b[31m\u202e ok\nänd \xff".encode("latin-1", "ignore")
    receiver.then = answering(400, raw)
    kept = "paid with •••• •••• •••• •••• \ufffd\ufffd[31m ok\n\ufffdnd \ufffd"
    assert told(send(receiver.url, b"{}", {})) == Outcome(400, "It answered 400.", kept)


def test_what_is_not_http(receiver: Receiver) -> None:
    def greet(to: BaseHTTPRequestHandler) -> None:
        to.wfile.write(b"220 mail.example ESMTP\r\n")

    receiver.then = greet
    assert told(send(receiver.url, b"{}", {})) == Outcome(error="What it answered is not HTTP.")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert told(send(f"http://127.0.0.1:{port}/", b"{}", {})) == Outcome(error="No connection: Connection refused.")


@contextmanager
def speaking_tls(folder: Path, name: str) -> Iterator[tuple[int, list[str | None]]]:
    """A server with a certificate of its own making for the name; its port, and the names that it was asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder, name))
    names: list[str | None] = []
    context.sni_callback = lambda _socket, asked, _context: names.append(asked)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as secure:
                        request = b""
                        while not request.endswith(b"{}"):  # to close on what is unread would take the answer back
                            request += secure.recv(65536) or b"{}"
                        names.append(request.decode().split("Host: ")[1].split("\r\n")[0])
                        secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                except OSError:
                    plain.close()

        Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], names
        server.shutdown(socket.SHUT_RDWR)


def test_tls_is_about_the_name_though_the_connection_is_to_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets.use(local=True)
    answer(monkeypatch, ["127.0.0.1"])
    with speaking_tls(tmp_path, "hooks.example") as (port, names):
        untrusted = send(f"https://hooks.example:{port}/", b"{}", {})
        assert untrusted.error == "Its certificate is not valid for this name: self-signed certificate."
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        assert told(send(f"https://hooks.example:{port}/", b"{}", {})) == Outcome(204)
        assert names == ["hooks.example", "hooks.example", f"hooks.example:{port}"]
        other = send(f"https://other.example:{port}/", b"{}", {})
        assert other.error.startswith("Its certificate is not valid for this name: Hostname mismatch")
