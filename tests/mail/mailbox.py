"""An SMTP server that keeps what it is given, and can be told to misbehave."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass
class Mailbox:
    """What came, and how the next ones are answered."""

    messages: list[EmailMessage] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """What recipients are answered, by address."""
    after_data: list[Callable[[SMTP], str]] = field(default_factory=list)
    """What is done to the next messages once they are kept, and what is answered."""
    goodbye: Callable[[SMTP], str] = lambda _: "221 Bye"
    """What is done when a client wants to leave, and what is answered."""
    passwords: list[str] = field(default_factory=list)
    """What clients showed who signed in, or tried to."""
    port: int = 0

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content: Any = envelope.content
        self.messages.append(message_from_bytes(content, policy=default))
        return self.after_data.pop(0)(server) if self.after_data else "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        return self.goodbye(server)

    def read(self) -> list[tuple[str, str]]:
        """Whom each message went to, and its subject."""
        return [(message["To"].addresses[0].addr_spec, message["Subject"]) for message in self.messages]

    def text(self, number: int = -1) -> str:
        """The plain text of one of them."""
        return _part(self.messages[number], "plain")

    def html(self, number: int = -1) -> str:
        return _part(self.messages[number], "html")


def _part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def hang_up(server: SMTP) -> str:
    """End the connection without an answer."""
    assert server.transport is not None
    server.transport.close()
    return "250 OK"


class _OnAnyPort(Controller):
    """Listens where the system lets it, and knows where that is before it knocks at its own door."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def receiving(**asks: Any) -> Iterator[Mailbox]:
    """A server on a free port of this machine; what it asks of its clients, in aiosmtpd's words."""
    mailbox = Mailbox()
    controller = _OnAnyPort(mailbox, hostname="127.0.0.1", port=0, **asks)
    controller.start()
    try:
        mailbox.port = controller.port
        yield mailbox
    finally:
        controller.stop()


@contextmanager
def asking_who_comes(pem: Path, password: str) -> Iterator[Mailbox]:
    """One that takes mails over TLS only, from who shows the password. Another one it repeats, as no server should."""
    shown: list[str] = []

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
        shown.append(given.password.decode())
        if shown[-1] == password:
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False, message=f"535 {shown[-1]} is not the password")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    asks = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": authenticate}
    with receiving(**asks) as mailbox:
        mailbox.passwords = shown
        yield mailbox
