"""Accounts, what they may pay with, and their credits, field by field."""

from typing import Any

from marshmallow import fields

from portal.api.schemas.values import Amount, Code, Flag, Id, In, Moment, Number, Out, PageQuery, Prose, Search, Text
from portal.billing.credits.models import Cause


class DetailOut(Out):
    """One line of what a payer needs, such as an IBAN."""

    label = Text("IBAN")
    value = Text("DE02 1203 0000 0000 2020 51")

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """It is kept as a pair."""
        label, value = obj
        return {"label": label, "value": value}[attr]


class MethodOut(Out):
    """A method as the account may use it. Limits are decimal strings in ``limit_currency``."""

    method = Text("bank_transfer")
    name = Text("Bank transfer")
    instructions = Text("Send the amount to this account. Write the invoice number into the text.")
    details = fields.List(fields.Nested(DetailOut))
    currencies = fields.List(Text("EUR"))
    minimum = Amount(allow_none=True)
    maximum = Amount(allow_none=True)
    is_default = fields.Boolean()
    is_manual = fields.Boolean()


class MethodsOut(Out):
    """The account's methods, and what they depend on."""

    methods = fields.List(fields.Nested(MethodOut))
    country = Text("DE")
    currency = Text("EUR")
    default_method = Text("bank_transfer", allow_none=True)
    count = Number(1)


class AccountOut(Out):
    """The caller's own account."""

    id = Id()
    number = Text("C-2001")
    name = Text("Hooli GmbH")
    country = Text("DE")
    currency = Text("EUR")
    locale = Text("de-DE")
    timezone = Text("Europe/Berlin")
    credit_balance = Number(500)


class AccountForStaffOut(AccountOut):
    """An account as staff see it."""

    external_id = Text("ERP-7", allow_none=True)
    created_at = Moment()


class AccountRowOut(Out):
    """An account as the list shows it."""

    id = Id()
    number = Text("C-2001")
    external_id = Text("ERP-7", allow_none=True)
    name = Text("Hooli GmbH")
    country = Text("DE")
    currency = Text("EUR")
    created_at = Moment()


class AccountQuery(PageQuery):
    """Which accounts. ``q`` looks into number and name."""

    q = Search("Hooli", 200)
    country = Code("DE")


class AccountByExternalId(In):
    """An account as it shall be. Locale and time zone that are left out stay, or are ``en`` and ``UTC``."""

    number = Prose("C-2001", most=40, required=True)
    name = Prose("Hooli GmbH", most=200, required=True)
    country = Text("DE", required=True)
    currency = Text("EUR", required=True)
    locale = Text("de-DE")
    timezone = Text("Europe/Berlin")


class NewAccount(AccountByExternalId):
    """A new account."""

    external_id = Prose("ERP-7", most=100)


class AccountChange(In):
    """What shall change of an account; what is left out stays."""

    name = Prose("Hooli GmbH", most=200)
    locale = Text("de-DE")
    timezone = Text("Europe/Berlin")
    external_id = Prose("ERP-7", most=100)


class AccountMethodChange(In):
    """In what an account deviates for one method."""

    is_allowed = Flag(required=True)
    is_default = Flag(load_default=False)
    label = Prose("Our house bank", most=100, load_default="")


class AccountMethodOut(Out):
    """The same, with the method that it is about."""

    method = Text("bank_transfer")
    is_allowed = fields.Boolean()
    is_default = fields.Boolean()
    label = Text("Our house bank")


class AccountMethodsOut(Out):
    """In what the account deviates, for each method, and what it may pay with in the end."""

    methods = fields.List(fields.Nested(AccountMethodOut))
    available = fields.List(fields.Nested(MethodOut))


class CreditTransactionOut(Out):
    """One row of the ledger of credits."""

    id = Id()
    seq = Number(1)
    amount = Number(500)
    balance_after = Number(500)
    cause = fields.String(metadata={"enum": [*Cause]})
    payment_id = Id(allow_none=True)
    invoice_id = Id(allow_none=True)
    invoice_number = Text("INV-2026-00042", allow_none=True)
    created_at = Moment()
