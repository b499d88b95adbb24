"""The audit log: who changed what, as a list and as a file."""

from datetime import date
from functools import partial
from typing import Any, cast
from uuid import UUID

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import DateField
from wtforms.validators import Optional

from portal.accounts.queries import account_named
from portal.admin.blueprint import admin
from portal.admin.filters import day_begins, day_ends
from portal.foundation.access import Permission, requires
from portal.foundation.audit_queries import AuditFilter, audit_page
from portal.foundation.ids import parse_id
from portal.foundation.keyset import Page
from portal.foundation.money import Money
from portal.foundation.refusals import Invalid
from portal.html.exports import export
from portal.html.filters import STATUSES, day, method_word, money, status_word
from portal.html.forms import refused
from portal.html.lists import ChoiceFilter, FilterForm, TextFilter

_NOUNS = {
    "payment": "Payments", "proof": "Proofs", "upload": "Uploads", "invoice": "Invoices", "credits": "Credits",
    "account": "Accounts", "account_method": "Account methods", "method": "Methods", "user": "Users",
    "invitation": "Invitations", "email_change": "E-mail changes", "password_reset": "Forgotten passwords",
    "session": "Sessions", "second_factor": "Second factors", "token": "Tokens", "webhook_endpoint": "Webhooks",
    "webhook_delivery": "Webhook deliveries", "request.refused": "Refusals", "export": "Exports",
    "database": "Database",
}  # fmt: skip
_PAGES = {
    "payment": ("admin.payment", "payment_id"),
    "invoice": ("admin.invoice", "invoice_id"),
    "account": ("admin.account", "account_id"),
    "user": ("admin.user", "user_id"),
    "method": ("admin.method", "method_id"),
}
_COLUMNS = (
    "id", "at", "action", "subject_type", "subject_id", "account_id", "actor_id", "actor_label", "actor_role", "face",
    "address", "request_id", "changes", "chain", "seq", "previous_hash", "hash",
)  # fmt: skip

_AMOUNTS = {"amount", "total", "amount_paid"}
_DAYS = {"paid_on", "issue_date", "due_date"}


class AuditListFilter(FilterForm):
    """Which entries to list."""

    actor = TextFilter("Who", description="Part of a name")
    action = ChoiceFilter("What", "Everything")
    account = TextFilter("Account number")
    subject = TextFilter("Subject", description="Id")
    request_id = TextFilter("Request", description="Id")
    since = DateField("From", validators=[Optional()])
    until = DateField("Until", validators=[Optional()])

    def __init__(self) -> None:
        super().__init__()
        self.action.offer(_NOUNS)

    def wanted(self) -> AuditFilter:
        """Raises Invalid for an account or a subject that there is not."""
        return AuditFilter(
            actor=self.actor.data,
            action=self.action.data,
            account_id=self._account_id(),
            subject_id=self._subject_id(),
            request_id=self.request_id.data,
            since=day_begins(self.since.data),
            until=day_ends(self.until.data),
        )

    def _account_id(self) -> UUID | None:
        account = account_named(self.account.data)
        return account.id if account else None

    def _subject_id(self) -> UUID | None:
        if not self.subject.data:
            return None
        subject_id = parse_id(self.subject.data)
        if subject_id is None:
            raise Invalid("invalid_id", "This is not an id. Copy one from a page's address.", field="subject")
        return subject_id


@admin.get("/audit/")
@requires(Permission.AUDIT_READ)
def audit_log() -> ResponseReturnValue:
    form = AuditListFilter()
    page: Page[Any] = Page([], None, None, 0)
    if form.validate():
        with refused(form):
            page = audit_page(form.wanted(), cursor=request.args.get("cursor"))
    return render_template(
        "admin/audit/list.html", filter=form, page=page, page_of=page_of, readable=readable
    ), form.http_status


@admin.post("/audit/export")
@requires(Permission.AUDIT_READ)
def audit_export() -> ResponseReturnValue:
    """The filtered entries with their places in their chains."""
    form = AuditListFilter()
    return export(
        form, "audit", _COLUMNS, lambda: partial(audit_page, form.wanted(), with_places=True), listed="admin.audit_log"
    )


def page_of(subject_type: str, subject_id: UUID) -> str | None:
    """The address of the page that shows the subject, where there is one."""
    if subject_type not in _PAGES:
        return None
    endpoint, name = _PAGES[subject_type]
    return url_for(endpoint, **cast("dict[str, Any]", {name: subject_id}))


def readable(subject_type: str, name: str, value: Any) -> Any:
    """A value of an entry as other pages write it, where the portal itself wrote it so that it can be read back."""
    if name == "status" and value in STATUSES:  # of a refusal it is a number
        return status_word("undelivered" if subject_type == "webhook_delivery" and value == "failed" else value)
    if name in _AMOUNTS:
        number, _, currency = value.partition(" ")
        return money(Money.parse(number, currency))
    if name == "payment_method":
        return method_word(value)
    return day(date.fromisoformat(value)) if name in _DAYS else value
