"""Invoices, field by field."""

from typing import Any

from marshmallow import Schema, fields, post_dump, validate

from portal.api.schemas.values import Amount, Id, PageQuery
from portal.http.gate import current_actor


class InvoiceQuery(PageQuery):
    """Which invoices."""

    status = fields.List(
        fields.String(validate=validate.OneOf(["draft", "open", "paid", "void", "overdue"])), load_default=list
    )
    q = fields.String(load_default="", validate=validate.Length(max=200))


class LineOut(Schema):
    """One position of an invoice."""

    position = fields.Integer()
    description = fields.String()
    quantity = fields.String(attribute="shown_quantity")
    unit_price = Amount()
    amount = Amount()


class InvoiceOut(Schema):
    """An invoice. ``account_id`` is for staff."""

    id = Id()
    account_id = Id()
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
    def _account_for_staff(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if not current_actor().is_staff:
            del data["account_id"]
        return data


class InvoiceWithLinesOut(InvoiceOut):
    """An invoice with its lines."""

    lines = fields.List(fields.Nested(LineOut))
