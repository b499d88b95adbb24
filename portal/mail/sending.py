"""One message to one SMTP server."""

import logging
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage

from portal.foundation.redaction import redact
from portal.mail.post_office import Server

PATIENCE = 20.0
"""Seconds for connecting, and for each answer of the server."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try. ``error`` is empty where the server took it; ``is_final`` where another try is of no use, and
    ``is_needless`` where there was none, as nobody needs the mail any more.
    """

    error: str = ""
    is_final: bool = False
    is_needless: bool = False


def send(message: EmailMessage, server: Server) -> Outcome:
    """Hand the message over. Whatever goes wrong is an outcome, without what the server said of the address."""
    try:
        connection = _connected(server)
        try:
            connection.send_message(message)
        finally:
            _leave(connection)
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        return Outcome(f"The server refuses the recipient: {code}.", is_final=_is_permanent(code))
    except smtplib.SMTPDataError as error:
        return Outcome(f"The server refuses the message: {error.smtp_code}.", is_final=_is_permanent(error.smtp_code))
    except smtplib.SMTPResponseException as error:  # the sender, or signing in: the settings can be mended
        return Outcome(f"The server refuses to serve us: {error.smtp_code}.")
    except smtplib.SMTPNotSupportedError as error:
        return Outcome(f"The server cannot do what it takes: {redact(str(error))}"[:300], is_final=False)
    except (OSError, smtplib.SMTPException) as error:
        return Outcome(_in_words(error))
    return Outcome()


def _connected(server: Server) -> smtplib.SMTP:
    """A connection that is secured and signed in to as the settings say."""
    context = ssl.create_default_context()
    if server.security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=PATIENCE, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=PATIENCE)
    try:
        if server.security == "starttls":
            connection.starttls(context=context)
        if server.user:
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _leave(connection: smtplib.SMTP) -> None:
    """Say goodbye. What is answered changes nothing: a message that was taken must not be sent again for it."""
    with suppress(OSError, smtplib.SMTPException):
        connection.quit()
    connection.close()


def _is_permanent(code: int) -> bool:
    return 500 <= code < 600


def _in_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not valid for this name: {error.verify_message}."[:300]
    if isinstance(error, TimeoutError):
        return f"No answer within {PATIENCE:.0f} seconds."
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "The server hung up."
    return f"No connection: {getattr(error, 'strerror', None) or type(error).__name__}."[:300]
