"""Where mails leave from, by the settings: the portal's own address, the sender, and the SMTP server, if any."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any


@dataclass(frozen=True, slots=True)
class Server:
    """An SMTP server. ``security`` is ``starttls``, ``tls`` or ``none``."""

    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)


class PostOffice:
    """One for the process. ``use`` gives it the settings before anything else."""

    base_url = "http://localhost"
    sender = "Billing Portal <portal@localhost>"
    server: Server | None = None
    """None: mails are written and wait; in development a page shows them."""

    def use(self, settings: Mapping[str, Any]) -> None:
        self.base_url, self.sender = settings["BASE_URL"], settings["MAIL_FROM"]
        names = ("host", "port", "security", "user", "password")
        values = {name: settings[f"SMTP_{name.upper()}"] for name in names}
        self.server = Server(**values) if values["host"] else None

    @property
    def domain(self) -> str:
        """What the ids of messages end in."""
        return parseaddr(self.sender)[1].rpartition("@")[2] or "localhost"

    def url(self, path: str) -> str:
        """An address of the portal's pages. It never comes from a request, whose Host header anybody can write."""
        return self.base_url + path


post_office = PostOffice()
