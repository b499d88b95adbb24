"""Invoices, field by field."""

from typing import Any

from marshmallow import ValidationError, fields, post_dump, post_load, validate, validates_schema

from portal.api.errors import told
from portal.api.parsing import refusal_of
from portal.api.schemas.values import (
    Amount,
    Code,
    Day,
    Flag,
    Id,
    In,
    Number,
    Out,
    PageQuery,
    Prose,
    Search,
    StaffOut,
    Text,
    Whole,
)  # fmt: skip
from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.wanted import WantedInvoice


class InvoiceQuery(PageQuery):
    """Which invoices."""

    status = fields.List(fields.String(validate=validate.OneOf([*InvoiceStatus, "overdue"])), load_default=list)
    q = Search("INV-2026", 200)


class InvoiceListQuery(InvoiceQuery):
    """Which invoices of all accounts. ``account`` is a number, or a part of a name."""

    account = Search("Hooli", 200)
    currency = Code("EUR")


class LineOut(Out):
    """One position of an invoice."""

    position = Number(1)
    description = Text("Platform subscription")
    quantity = Text("1", attribute="shown_quantity")
    unit_price = Amount()
    amount = Amount()


class InvoiceOut(StaffOut):
    """An invoice. ``account_id`` and ``external_id`` are for staff."""

    optional = for_staff = frozenset({"account_id", "external_id"})

    id = Id()
    account_id = Id(metadata={"description": "For staff only."})
    external_id = Text("ERP-4711", allow_none=True, metadata={"description": "For staff only."})
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
    payment_reference = Text(
        "RF68123456789012345",
        allow_none=True,
        metadata={"description": "What a transfer for it carries (ISO 11649). None on some old ones: use the number."},
    )


class InvoiceWithLinesOut(InvoiceOut):
    """An invoice with its lines."""

    lines = fields.List(fields.Nested(LineOut))


class NewLine(In):
    """One position. Quantity and price are decimal strings; a discount has a negative price."""

    description = Prose("Platform subscription", most=500, required=True)
    quantity = Text("1", load_default="1")
    unit_price = Text("49.00", required=True)


class InvoiceByExternalId(In):
    """An invoice as it shall be. Without a currency it has the account's; without dates, issuing gives it some."""

    number = Prose("INV-2026-00042", most=40, required=True)
    currency = Text("EUR", load_default="")
    lines = fields.List(fields.Nested(NewLine), required=True)
    credits = Whole(load_default=0, metadata={"minimum": 0, "examples": [500]})
    issue_date = Day(load_default=None)
    due_date = Day(load_default=None)
    issue = Flag(load_default=False)


class NewInvoice(InvoiceByExternalId):
    """A new invoice: a draft, unless it is to be issued at once."""

    external_id = Prose("ERP-4711", most=100, load_default=None)


class InvoiceOfSomebody(NewInvoice):
    """A new invoice, with the account that it is for: by its id, or by what the back office calls it."""

    account_id = Id()
    account_external_id = Prose("ERP-7", most=100)

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


class Invoices(In):
    """Many new invoices, each on its own or all or nothing."""

    items = Each(fields.Nested(InvoiceOfSomebody), required=True)
    all_or_nothing = Flag(load_default=False)


class IssueDates(In):
    """When it is issued and due. Dates that are left out stay, or are today and 14 days later."""

    issue_date = Day(load_default=None)
    due_date = Day(load_default=None)


class Voiding(In):
    """Why an invoice is withdrawn."""

    reason = Prose("Issued by mistake.", most=500, required=True)


class ItemErrorOut(Out):
    """One input at fault."""

    field = Text("lines.0.quantity")
    code = Text("invalid_quantity")
    message = Text("This is not a quantity.")


class RefusalOut(Out):
    """Why an item was refused."""

    optional = frozenset({"invoice_id"})

    detail = Text("There is an invoice INV-2026-00042 already.")
    code = Text("invoice_number_taken")
    errors = fields.List(fields.Nested(ItemErrorOut))
    invoice_id = Text(Id.EXAMPLE, metadata={"description": "The invoice that has this external id."})


class ItemOut(Out):
    """What became of one item: ``created`` or ``unchanged`` with its invoice, or ``refused`` with the error."""

    optional = frozenset({"invoice", "error"})

    index = Number(0)
    status = fields.String(metadata={"enum": ["created", "unchanged", "refused"]})
    invoice = fields.Nested(InvoiceOut)
    error = fields.Nested(RefusalOut)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """A refusal is told as it would be of a whole request."""
        if attr == "error":
            return told(obj.refusal) if obj.refusal else None
        return super().get_attribute(obj, attr, default)

    @post_dump
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        del data["invoice" if data["status"] == "refused" else "error"]
        return data
