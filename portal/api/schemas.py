"""What the routes read and write, field by field."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate, validates_schema

from portal.billing.payments.history import history
from portal.billing.payments.states import Status, read_status
from portal.foundation.ids import parse_id
from portal.foundation.keyset import MAX_PAGE_SIZE, PAGE_SIZE
from portal.foundation.money import Money
from portal.http.gate import current_actor

# ---- kinds of values


class Id(fields.Field[UUID]):
    """A UUID in its canonical form."""

    def _serialize(self, value: UUID | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> UUID:
        parsed = parse_id(value) if isinstance(value, str) else None
        if parsed is None:
            raise ValidationError("This is not an id: ids look like 018f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f.")
        return parsed


class Amount(fields.Field[Money]):
    """Money as a decimal string with the currency's own digits."""

    def _serialize(self, value: Money | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else value.decimal_string()


class Moment(fields.Field[datetime]):
    """A time as RFC 3339 writes it: in UTC with microseconds on the way out, with any offset on the way in."""

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            pass
        raise ValidationError("This is not a time: write it like 2026-01-31T09:30:00Z.")


class StatusWord(fields.Field[Status]):
    """A payment's status; ``completed`` is read as ``succeeded``."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Status:
        status = read_status(value)
        if status is None:
            raise ValidationError(f"This is not a status. Statuses are: {', '.join(Status)}.")
        return status


class Version(fields.Integer):
    """The payment's version that the decider saw: a JSON integer."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


def _page_size(value: int) -> None:
    if not 1 <= value <= MAX_PAGE_SIZE:
        raise ValidationError(f"This must be from 1 to {MAX_PAGE_SIZE}.")


# ---- what is read


class PageQuery(Schema):
    """Where in a list, and how much of it."""

    cursor = fields.String(load_default=None)
    page_size = fields.Integer(load_default=PAGE_SIZE, validate=_page_size)


class PaymentQuery(PageQuery):
    """Which payments. Times: from inclusive, to exclusive."""

    status = fields.List(StatusWord(), load_default=list)
    invoice_id = Id(load_default=None)
    payment_method = fields.String(load_default="", validate=validate.Length(max=40))
    created_from = Moment(load_default=None)
    created_to = Moment(load_default=None)
    q = fields.String(load_default="", validate=validate.Length(max=200))


class InvoiceQuery(PageQuery):
    """Which invoices."""

    status = fields.List(
        fields.String(validate=validate.OneOf(["draft", "open", "paid", "void", "overdue"])), load_default=list
    )
    q = fields.String(load_default="", validate=validate.Length(max=200))


class ManualPayment(Schema):
    """A report of a payment. ``reference`` is another word for ``transaction_reference``."""

    invoice_id = Id(required=True)
    payment_method = fields.String(required=True)
    transaction_reference = fields.String()
    reference = fields.String()
    notes = fields.String(load_default="")

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _one_reference(self, data: dict[str, Any], original: dict[str, Any], **_: Any) -> None:
        given = [data[name] for name in ("transaction_reference", "reference") if name in data]
        if not {"transaction_reference", "reference"} & original.keys():
            raise ValidationError("Missing data for required field.", "transaction_reference")
        if len(set(given)) > 1:
            raise ValidationError("This differs from transaction_reference. Send one of them.", "reference")

    @post_load
    def _merge(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        alias = data.pop("reference", None)
        return {"transaction_reference": alias} | data


class Cancellation(Schema):
    """A withdrawal; of the version that was seen, if the caller wants to be sure."""

    version = Version(load_default=None)


class Approval(Schema):
    """A booking. The reason is asked for where the reference is booked for another payment."""

    version = Version(required=True)
    same_text_reason = fields.String(load_default="")


class ReasonedDecision(Schema):
    """A rejection or a refund."""

    version = Version(required=True)
    reason = fields.String(required=True)


# ---- what is written


class EventOut(Schema):
    """One step of a payment's history."""

    version = fields.Integer()
    action = fields.String()
    from_status = fields.String()
    to_status = fields.String()
    actor = fields.String()
    reason = fields.String()
    at = Moment()


class PaymentOut(Schema):
    """A payment. ``account_id`` is for staff."""

    id = Id()
    payment_id = fields.Function(lambda payment: str(payment.id))
    account_id = Id()
    invoice_id = Id()
    invoice_number = fields.String()
    amount = Amount()
    currency = fields.String()
    payment_method = fields.String()
    status = fields.String()
    transaction_reference = fields.String()
    notes = fields.String()
    failure_reason = fields.String()
    version = fields.Integer()
    allowed_actions = fields.Function(lambda payment: payment.allowed_actions(current_actor()))
    created_at = Moment()
    updated_at = Moment()
    decided_at = Moment()

    @post_dump
    def _account_for_staff(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if not current_actor().is_staff:
            del data["account_id"]
        return data


class PaymentWithEventsOut(PaymentOut):
    """A payment with its history."""

    events = fields.Function(lambda payment: EventOut(many=True).dump(history(payment, current_actor())))


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
