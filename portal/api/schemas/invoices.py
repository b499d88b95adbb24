"""Invoices, field by field."""

from typing import Any

from marshmallow import fields, post_dump, validate

from portal.api.schemas.values import Amount, Id, Number, Out, PageQuery, Text
from portal.billing.invoices.figures import InvoiceStatus
from portal.http.gate import current_actor


class InvoiceQuery(PageQuery):
    """Which invoices."""

    status = fields.List(fields.String(validate=validate.OneOf([*InvoiceStatus, "overdue"])), load_default=list)
    q = Text("INV-2026", load_default="", validate=validate.Length(max=200))


class LineOut(Out):
    """One position of an invoice."""

    position = Number(1)
    description = Text("Platform subscription")
    quantity = Text("1", attribute="shown_quantity")
    unit_price = Amount()
    amount = Amount()


class InvoiceOut(Out):
    """An invoice. ``account_id`` is for staff."""

    optional = frozenset({"account_id"})

    id = Id()
    account_id = Id(metadata={"description": "For staff only."})
    number = Text("INV-2026-00042")
    status = fields.String(metadata={"enum": [*InvoiceStatus]})
    is_overdue = fields.Boolean()
    currency = Text("EUR")
    total = Amount()
    amount_paid = Amount()
    outstanding = Amount()
    credits = Number(500)
    issue_date = fields.Date(allow_none=True, metadata={"examples": ["2026-11-01"]})
    due_date = fields.Date(allow_none=True, metadata={"examples": ["2026-11-15"]})

    @post_dump
    def _account_for_staff(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if not current_actor().is_staff:
            del data["account_id"]
        return data


class InvoiceWithLinesOut(InvoiceOut):
    """An invoice with its lines."""

    lines = fields.List(fields.Nested(LineOut))
