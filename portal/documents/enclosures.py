"""What goes along with a mail: the receipt of an approved payment, made when the mail is sent."""

from collections.abc import Sequence

import structlog
from sqlalchemy.exc import DBAPIError

from portal.billing.payments.queries import get_payment
from portal.documents.receipt import receipt_pdf
from portal.documents.stationery import Stationery
from portal.foundation.tenancy import account_scope
from portal.mail.composing import Attachment
from portal.mail.kinds import Kind
from portal.mail.models import Mail

log = structlog.get_logger("portal.documents")


def enclosed_with(mail: Mail, *, stationery: Stationery) -> Sequence[Attachment]:
    """The receipt, in the scope of the mail's account; nothing with other mails.

    A mail whose receipt cannot be made goes without: the news must not wait for it, and its page has it.
    """
    if mail.kind != Kind.PAYMENT_APPROVED or mail.account_id is None:
        return ()
    try:
        with account_scope(mail.account_id):
            receipt = receipt_pdf(get_payment(mail.subject_id), stationery=stationery)
    except DBAPIError:  # no database: the mail waits for it, too
        raise
    except Exception as error:  # noqa: BLE001  (whatever a typesetter may come upon)
        log.warning("a mail goes without its receipt", mail=str(mail.id), error=type(error).__name__)
        return ()
    return (Attachment(receipt.file_name, "application/pdf", receipt.content),)
