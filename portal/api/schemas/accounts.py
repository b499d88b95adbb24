"""Accounts, what they may pay with, and their credits, field by field."""

from marshmallow import Schema, fields

from portal.api.schemas.values import Amount, Id, Moment


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
