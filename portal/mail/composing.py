"""From a mail's row to a message: the letter as text and as HTML, and headers that no name can break out of."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path

from babel import Locale
from email_validator import validate_email
from jinja2 import Environment, FileSystemLoader, select_autoescape

from portal.foundation.sealing import Unreadable, sealer
from portal.mail.kinds import CHOSEN, Kind
from portal.mail.letters import Letter, Subject, letter
from portal.mail.models import Mail
from portal.mail.post_office import post_office

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parents[2] / "templates" / "mail"),
    autoescape=select_autoescape(["html"]),
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


class NoLetter(Exception):
    """The mail cannot be written any more: its link's secret is wiped, or was sealed by a key that is gone."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


def compose(mail: Mail, attachments: Sequence[Attachment] = ()) -> EmailMessage:
    """The message. The same mail makes the same one at each try, so that a doubled one can be told by its Message-ID.

    Raises NoLetter.
    """
    says = letter_of(mail)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = one_line(says.subject)
    message["From"] = _address(*parseaddr(post_office.sender))
    message["To"] = _address(mail.name, mail.address)
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.id}@{post_office.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_TEMPLATES.get_template("letter.txt").render(_values(says, mail)))
    message.add_alternative(as_html(says, mail), subtype="html")
    for one in attachments:
        kind, _, exact = one.content_type.partition("/")
        message.add_attachment(one.content, maintype=kind, subtype=exact, filename=one_line(one.name))
    return message


def as_html(says: Letter, mail: Mail) -> str:
    """The letter as a page of its own: it needs nothing from elsewhere."""
    return _TEMPLATES.get_template("letter.html").render(_values(says, mail))


def _values(says: Letter, mail: Mail) -> dict[str, object]:
    url = post_office.url(says.path) if says.button else ""
    choices = post_office.url("/profile/") if mail.kind in CHOSEN else ""
    return {
        "letter": says, "name": one_line(mail.name), "home": post_office.base_url, "url": url, "choices": choices,
    }  # fmt: skip


def one_line(text: str) -> str:
    """The text without whatever could begin another header, or turn the direction of what follows."""
    return " ".join(_UNFIT.sub(" ", text).split())


def letter_of(mail: Mail) -> Letter:
    """Its words. Raises NoLetter."""
    secret = ""
    if mail.kind in _LINKING:
        try:
            secret = sealer.unseal(mail.sealed or "", bound_to=mail.id)
        except Unreadable as error:
            raise NoLetter from error
    locale = Locale.parse(mail.locale, sep="-")
    return letter(Kind(mail.kind), Subject(str(mail.subject_id), mail.data, locale, secret))


_LINKING = frozenset({Kind.INVITATION, Kind.PASSWORD_RESET, Kind.EMAIL_CHANGE})


def _address(name: str, address: str) -> Address:
    return Address(one_line(name), addr_spec=_in_ascii(one_line(address)))


def _in_ascii(address: str) -> str:
    """The address as every server takes it, with the name of its host in the xn-- form."""
    if address.isascii():
        return address
    return validate_email(address, check_deliverability=False).ascii_email or address
