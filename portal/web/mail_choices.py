"""The form for one's own mails: which of them, for customers; at which hours the digest of what waits, for staff."""

from wtforms import SelectMultipleField, StringField

from portal.accounts.mail_choices import MOST, offered_to
from portal.accounts.models import User
from portal.foundation.access import Role
from portal.html.forms import Form
from portal.mail.kinds import Kind

_HAPPENS = {
    Kind.PAYMENT_REPORTED: "is reported",
    Kind.PAYMENT_APPROVED: "is approved, with its receipt",
    Kind.PAYMENT_REJECTED: "is not accepted",
    Kind.PAYMENT_REFUNDED: "is refunded",
    Kind.INVOICE_ISSUED: "is issued",
}


class MailsForm(Form):
    """What the user is offered; the other field is not on it."""

    mails = SelectMultipleField("Mails")
    digest_hours = StringField("Digest times", render_kw={"maxlength": MOST})

    def offer(self, user: User) -> "MailsForm":
        """Let the user choose: owners of payments and invoices, others of the payments that they report."""
        role = Role(user.role)
        if role.is_staff:
            del self.mails
            return self
        del self.digest_hours
        self.mails.choices = {kind.value: _called(kind, role) for kind in offered_to(role)}
        return self

    @property
    def chosen(self) -> list[str]:
        return self.mails.data or [] if "mails" in self else []

    @property
    def typed_hours(self) -> str:
        return self.digest_hours.data or "" if "digest_hours" in self else ""


def wanted_by(user: User) -> list[str]:
    """The kinds that are ticked."""
    return [kind.value for kind in offered_to(Role(user.role)) if user.wants(kind)]


def shown_hours(user: User) -> str:
    """The hours as people write them: ``8, 14``."""
    return ", ".join((user.digest_hours or "").split())


def _called(kind: Kind, role: Role) -> str:
    if role is not Role.OWNER:
        return _HAPPENS[kind]
    return f"{'an invoice' if kind is Kind.INVOICE_ISSUED else 'a payment'} {_HAPPENS[kind]}"
