"""Payments, field by field."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate, validates_schema

from portal.api.schemas.values import Amount, Id, Moment, PageQuery, Version
from portal.billing.payments.history import history
from portal.billing.payments.states import Status, read_status
from portal.billing.payments.tracking import tracking
from portal.http.gate import current_actor


class StatusWord(fields.Field[Status]):
    """A payment's status; ``completed`` is read as ``succeeded``."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Status:
        status = read_status(value)
        if status is None:
            raise ValidationError(f"This is not a status. Statuses are: {', '.join(Status)}.")
        return status


class PaymentQuery(PageQuery):
    """Which payments. Times: from inclusive, to exclusive."""

    status = fields.List(StatusWord(), load_default=list)
    invoice_id = Id(load_default=None)
    payment_method = fields.String(load_default="", validate=validate.Length(max=40))
    created_from = Moment(load_default=None)
    created_to = Moment(load_default=None)
    q = fields.String(load_default="", validate=validate.Length(max=200))


class PaymentListQuery(PaymentQuery):
    """Which payments of all accounts. ``queue=approval`` lists what waits for staff's decision, the oldest first."""

    queue = fields.String(load_default="", validate=validate.OneOf(["approval"]))
    account = fields.String(load_default="", validate=validate.Length(max=200))
    country = fields.String(load_default="", validate=validate.Length(max=2))
    currency = fields.String(load_default="", validate=validate.Length(max=3))


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


class PaymentRowOut(PaymentOut):
    """A payment as the list shows it. Staff read whose it is, and in the queue whether its reference came twice."""

    account_name = fields.String()
    account_country = fields.String(attribute="country")
    reference_used_elsewhere = fields.Boolean()

    @post_dump
    def _whose_for_staff(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if not current_actor().is_staff:
            for name in ("account_name", "account_country", "reference_used_elsewhere"):
                del data[name]
        return data


class TrackingOut(Schema):
    """Where a payment stands and what comes next, in the words of the customer's page."""

    stands = fields.String()
    comes_next = fields.String()
    can_pay_again = fields.Boolean()


class PaymentWithEventsOut(PaymentOut):
    """A payment with its history, and where it stands."""

    tracking = fields.Function(lambda payment: TrackingOut().dump(tracking(payment, current_actor())))
    events = fields.Function(lambda payment: EventOut(many=True).dump(history(payment, current_actor())))
