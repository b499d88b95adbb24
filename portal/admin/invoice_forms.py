"""The form of a new invoice, with as many lines as it needs."""

from typing import Any

from wtforms import DateField, SelectField, StringField, SubmitField, TextAreaField
from wtforms.validators import InputRequired, Optional

from portal.accounts.models import Account
from portal.accounts.queries import account_named
from portal.admin.choices import currency_choices
from portal.admin.rows import RowForm, Rows
from portal.billing.invoices.drafts import whole_credits
from portal.billing.invoices.lines import NewLine, read_line
from portal.foundation.refusals import Invalid
from portal.html.forms import Form, refused

MAX_LINES = 100
"""Of a form; more come by import."""


class LineForm(RowForm):
    """One position."""

    card_free = ("description",)

    description = StringField("Description", default="")
    quantity = StringField("Quantity", default="", render_kw={"inputmode": "decimal"})
    unit_price = StringField("Unit price", default="", render_kw={"inputmode": "decimal"})


class InvoiceForm(Form):
    """A new invoice. Where a line is blank it is not there."""

    number = StringField(
        "Invoice number",
        validators=[InputRequired("Give the invoice a number.")],
        default="",
        description="The next free one is filled in",
    )
    account = StringField(
        "Account number",
        validators=[InputRequired("Say whose invoice this is.")],
        default="",
        description="Such as C-1001",
    )
    currency = SelectField(
        "Currency",
        default="",
        choices={"": "The account’s own"} | currency_choices(),
        description="All lines are in this currency",
    )
    issue_date = DateField("Issue date", validators=[Optional()], description="Leave empty for the day of issue")
    due_date = DateField(
        "Due date", validators=[Optional()], description="Leave empty for 14 days after the issue date"
    )
    credits = StringField(
        "Credits it buys", default="0", description="Granted once it is paid", render_kw={"inputmode": "numeric"}
    )
    lines = Rows(LineForm, "Lines", least=1, most=MAX_LINES)
    add_line = SubmitField("Add a line")

    def begin(self, number: str, account: str) -> None:
        """A fresh form: three blank lines cover most invoices."""
        self.number.data, self.account.data = number, account
        self.lines.grow(2)

    def mask(self) -> None:
        super().mask()
        for row in self.lines.filled():
            row.mask()

    def read(self) -> dict[str, Any] | None:
        """What ``create_invoice`` takes; None where a line is not right, which then says so. Raises Invalid."""
        account = self._read_account()
        currency = self.currency.data or account.currency
        lines = self._read_lines(currency)
        if any(row.refusal for row in self.lines.filled()):
            message = "Some lines are not right: see each of them."
            self.refusal = Invalid("invalid_lines", message, field="lines")
            self.lines.errors = [message]
            return None
        return {
            "account_id": account.id,
            "number": self.number.data,
            "currency": currency,
            "lines": lines,
            "credits": whole_credits(self.credits.data.strip() or "0"),
            "issue_date": self.issue_date.data,
            "due_date": self.due_date.data,
        }

    def _read_lines(self, currency: str) -> list[NewLine]:
        lines = []
        for row in self.lines.filled():
            with refused(row):
                quantity = row.quantity.data.strip() or "1"
                lines.append(read_line(row.description.data, quantity, row.unit_price.data.strip(), currency))
        return lines

    def _read_account(self) -> Account:
        account = account_named(self.account.data)
        if account is None:
            raise Invalid("required", "Say whose invoice this is.", field="account")
        return account


class VoidForm(Form):
    """Why an invoice is voided."""

    card_free = ("reason",)

    reason = TextAreaField(
        "Reason",
        id="void-reason",
        default="",
        validators=[InputRequired("Say why the invoice is voided.")],
        description="Staff see it on the invoice. It is kept in the audit log.",
    )
