"""Who is written to about invoices: the owners of their account. What an import brings in is no news to anybody."""

from collections.abc import Sequence
from itertools import groupby

from portal.accounts.recipients import owners_of
from portal.billing.invoices.models import Invoice
from portal.mail.kinds import Kind
from portal.mail.letters import MOST_LISTED
from portal.mail.outbox import mail_values, post_all


def write_of_issued(invoices: Sequence[Invoice]) -> None:
    """Write of invoices that were issued in one go: a mail to each owner, however many there are of one account."""
    owners = owners_of({invoice.account_id for invoice in invoices}, Kind.INVOICE_ISSUED)
    ordered = sorted(invoices, key=lambda invoice: (invoice.account_id, invoice.number))
    mails = []
    for account_id, group in groupby(ordered, key=lambda invoice: invoice.account_id):
        theirs = list(group)
        data = {"count": len(theirs), "invoices": [_told(invoice) for invoice in theirs[:MOST_LISTED]]}
        mails += [
            mail_values(Kind.INVOICE_ISSUED, owner, subject_id=theirs[0].id, data=data) for owner in owners[account_id]
        ]
    post_all(mails)


def _told(invoice: Invoice) -> dict[str, object]:
    return {
        "id": invoice.id, "number": invoice.number, "total": invoice.outstanding, "due_date": invoice.due_date,
    }  # fmt: skip
