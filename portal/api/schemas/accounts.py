"""Accounts, what they may pay with, and their credits, field by field."""

from marshmallow import Schema, fields, validate

from portal.api.schemas.values import Amount, Flag, Id, Moment, PageQuery


class AccountOut(Schema):
    """The caller's own account."""

    id = Id()
    number = fields.String()
    name = fields.String()
    country = fields.String()
    currency = fields.String()
    locale = fields.String()
    timezone = fields.String()
    credit_balance = fields.Integer()


class AccountForStaffOut(AccountOut):
    """An account as staff see it."""

    external_id = fields.String()
    created_at = Moment()


class AccountRowOut(Schema):
    """An account as the list shows it."""

    id = Id()
    number = fields.String()
    external_id = fields.String()
    name = fields.String()
    country = fields.String()
    currency = fields.String()
    created_at = Moment()


class AccountQuery(PageQuery):
    """Which accounts. ``q`` looks into number and name."""

    q = fields.String(load_default="", validate=validate.Length(max=200))
    country = fields.String(load_default="", validate=validate.Length(max=2))


class AccountByExternalId(Schema):
    """An account as it shall be. Locale and time zone that are left out stay, or are ``en`` and ``UTC``."""

    number = fields.String(required=True)
    name = fields.String(required=True)
    country = fields.String(required=True)
    currency = fields.String(required=True)
    locale = fields.String()
    timezone = fields.String()


class NewAccount(AccountByExternalId):
    """A new account."""

    external_id = fields.String()


class AccountChange(Schema):
    """What shall change of an account; what is left out stays."""

    name = fields.String()
    locale = fields.String()
    timezone = fields.String()
    external_id = fields.String()


class AccountMethod(Schema):
    """In what an account deviates for one method."""

    is_allowed = Flag(required=True)
    is_default = Flag(load_default=False)
    label = fields.String(load_default="")


class AccountMethodOut(AccountMethod):
    """The same, with the method that it is about."""

    method = fields.String()


class MethodOut(Schema):
    """A method as the account may use it. Limits are decimal strings in ``limit_currency``."""

    method = fields.String()
    name = fields.String()
    instructions = fields.String()
    details = fields.Function(lambda method: [{"label": label, "value": value} for label, value in method.details])
    currencies = fields.List(fields.String())
    minimum = Amount()
    maximum = Amount()
    is_default = fields.Boolean()
    is_manual = fields.Boolean()


class MethodsOut(Schema):
    """The account's methods, and what they depend on."""

    methods = fields.List(fields.Nested(MethodOut))
    country = fields.String()
    currency = fields.String()
    default_method = fields.String()
    count = fields.Integer()


class AccountMethodsOut(Schema):
    """In what the account deviates, for each method, and what it may pay with in the end."""

    methods = fields.List(fields.Nested(AccountMethodOut))
    available = fields.List(fields.Nested(MethodOut))


class CreditTransactionOut(Schema):
    """One row of the ledger of credits."""

    id = Id()
    seq = fields.Integer()
    amount = fields.Integer()
    balance_after = fields.Integer()
    cause = fields.String()
    payment_id = Id()
    invoice_id = Id()
    invoice_number = fields.String()
    created_at = Moment()
