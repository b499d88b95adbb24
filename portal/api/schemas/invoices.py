"""Invoices, field by field."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate, validates_schema

from portal.api.errors import told
from portal.api.parsing import refusal_of
from portal.api.schemas.values import Amount, Day, Flag, Id, PageQuery, Whole
from portal.billing.invoices.wanted import WantedInvoice
from portal.http.gate import current_actor

_FOR_STAFF = ("account_id", "external_id")


class InvoiceQuery(PageQuery):
    """Which invoices."""

    status = fields.List(
        fields.String(validate=validate.OneOf(["draft", "open", "paid", "void", "overdue"])), load_default=list
    )
    q = fields.String(load_default="", validate=validate.Length(max=200))


class InvoiceListQuery(InvoiceQuery):
    """Which invoices of all accounts. ``account`` is a number, or a part of a name."""

    account = fields.String(load_default="", validate=validate.Length(max=200))
    currency = fields.String(load_default="", validate=validate.Length(max=3))


class LineOut(Schema):
    """One position of an invoice."""

    position = fields.Integer()
    description = fields.String()
    quantity = fields.String(attribute="shown_quantity")
    unit_price = Amount()
    amount = Amount()


class InvoiceOut(Schema):
    """An invoice. ``account_id`` and ``external_id`` are for staff."""

    id = Id()
    account_id = Id()
    external_id = fields.String()
    number = fields.String()
    status = fields.String()
    is_overdue = fields.Boolean()
    currency = fields.String()
    total = Amount()
    amount_paid = Amount()
    outstanding = Amount()
    credits = fields.Integer()
    issue_date = fields.Date()
    due_date = fields.Date()

    @post_dump
    def _for_staff(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if not current_actor().is_staff:
            for name in _FOR_STAFF:
                data.pop(name)
        return data


class InvoiceWithLinesOut(InvoiceOut):
    """An invoice with its lines."""

    lines = fields.List(fields.Nested(LineOut))


class Line(Schema):
    """One position. Quantity and price are decimal strings; a discount has a negative price."""

    description = fields.String(required=True)
    quantity = fields.String(load_default="1")
    unit_price = fields.String(required=True)


class InvoiceByExternalId(Schema):
    """An invoice as it shall be. Without a currency it has the account's; without dates, issuing gives it some."""

    number = fields.String(required=True)
    currency = fields.String(load_default="")
    lines = fields.List(fields.Nested(Line), required=True)
    credits = Whole(load_default=0)
    issue_date = Day(load_default=None)
    due_date = Day(load_default=None)
    issue = Flag(load_default=False)


class NewInvoice(InvoiceByExternalId):
    """A new invoice: a draft, unless it is to be issued at once."""

    external_id = fields.String(load_default=None)


class InvoiceOfSomebody(NewInvoice):
    """A new invoice, with the account that it is for: by its id, or by what the back office calls it."""

    account_id = Id()
    account_external_id = fields.String()

    @validates_schema
    def _one_account(self, data: dict[str, Any], **_: Any) -> None:
        if len({"account_id", "account_external_id"} & data.keys()) != 1:
            raise ValidationError("Send either this or account_external_id.", "account_id")

    @post_load
    def _wanted(self, data: dict[str, Any], **_: Any) -> WantedInvoice:
        return WantedInvoice(**data)


class Each(fields.List[Any]):
    """A list of which each item is read on its own: one that is not right is a refusal among the others."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        return [self._read(item) for item in value]

    def _read(self, item: Any) -> Any:
        try:
            return self.inner.deserialize(item)
        except ValidationError as error:
            return refusal_of(error)


class Invoices(Schema):
    """Many new invoices, each on its own or all or nothing."""

    items = Each(fields.Nested(InvoiceOfSomebody), required=True)
    all_or_nothing = Flag(load_default=False)


class IssueDates(Schema):
    """When it is issued and due. Dates that are left out stay, or are today and 14 days later."""

    issue_date = Day(load_default=None)
    due_date = Day(load_default=None)


class Voiding(Schema):
    """Why an invoice is withdrawn."""

    reason = fields.String(required=True)


class ItemOut(Schema):
    """What became of one item: ``created`` or ``unchanged`` with its invoice, or ``refused`` with the error."""

    index = fields.Integer()
    status = fields.String()
    invoice = fields.Nested(InvoiceOut)
    error = fields.Function(lambda result: result.refusal and told(result.refusal))

    @post_dump
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        del data["invoice" if data["status"] == "refused" else "error"]
        return data
