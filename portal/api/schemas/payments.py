"""Payments, field by field."""

import re
from typing import Any

from flask import g, request
from marshmallow import ValidationError, fields, missing, post_load, pre_load, validate, validates_schema

from portal.api.schemas.invoices import InvoiceOut
from portal.api.schemas.selection import Names
from portal.api.schemas.values import (
    Amount,
    Code,
    Day,
    Flag,
    Id,
    In,
    Moment,
    Number,
    Out,
    PageQuery,
    Prose,
    Search,
    StaffOut,
    Text,
    Version,
    nothing,
)
from portal.billing.payments.references import MAX_LENGTH
from portal.billing.payments.service import MAX_NOTES, MAX_REASON
from portal.billing.payments.states import Action, Status, read_status
from portal.foundation.files.cleaning import MEDIA_TYPES
from portal.http.gate import current_actor


class StatusWord(fields.Field[Status]):
    """A payment's status; ``completed`` is read as ``succeeded``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"enum": [*Status, "completed"]}, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Status:
        status = read_status(value)
        if status is None:
            raise ValidationError(f"This is not a status. Statuses are: {', '.join(Status)}.")
        return status


EXPANDABLE = ("invoice", "events", "tracking", "proofs")
OF_LISTS_FOR_STAFF = ("account_name", "account_country", "reference_used_elsewhere")
SELECTABLE = (
    "id", "payment_id", "account_id", "invoice_id", "invoice_number", "amount", "currency", "payment_method", "status",
    "transaction_reference", "paid_on", "notes", "failure_reason", "version", "allowed_actions", "created_at",
    "updated_at", "decided_at",
)  # fmt: skip


class Selection(In):
    """Which of a payment's fields, and what else of it. The id always comes along."""

    fields_ = Names((*SELECTABLE, *OF_LISTS_FOR_STAFF), data_key="fields")
    expand = Names(EXPANDABLE)


class PaymentQuery(PageQuery):
    """Which payments. Times: from inclusive, to exclusive."""

    status = fields.List(StatusWord(), load_default=list)
    invoice_id = Id(load_default=nothing)
    payment_method = Search("bank_transfer", 40)
    created_from = Moment(load_default=nothing)
    created_to = Moment(load_default=nothing)
    q = Search("TRF 4711", 200)


class PaymentListQuery(PaymentQuery, Selection):
    """Which payments of all accounts. ``queue=approval`` lists what waits for staff's decision, the oldest first."""

    queue = fields.String(load_default="", validate=validate.OneOf(["approval", ""], error="This must be approval."))
    account = Search("Hooli", 200)
    country = Code("DE")
    currency = Code("EUR")


class ManualPayment(In):
    """A report of a payment. ``reference`` is another word for ``transaction_reference``."""

    invoice_id = Id(required=True)
    payment_method = Text("bank_transfer", required=True)
    transaction_reference = Prose("TRF 4711", most=MAX_LENGTH)
    reference = Prose("TRF 4711", most=MAX_LENGTH, metadata={"description": "Another word for it.", "x-alias": True})
    paid_on = Day(load_default=None, metadata={"description": "The day on which the money was sent."})
    notes = Prose("Sent from the account at our other bank.", most=MAX_NOTES, load_default="")
    reference_confirmed = Flag(
        load_default=False, metadata={"description": "The reference is right, though it looks wrong or another's."}
    )

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


_TAG = re.compile(r'(?:W/)?"([0-9a-f-]{36})-([1-9][0-9]{0,9})-[0-9a-f]{32}"')


class Cancellation(In):
    """A withdrawal; of the version that was seen, if the caller wants to be sure."""

    version = Version(load_default=nothing)

    @pre_load
    def _seen(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The version, which may also be said as HTTP does: by the payment's tag in ``If-Match``."""
        given = request.headers.get("If-Match")
        if given is None:
            return data
        tag = _TAG.fullmatch(given.strip())
        if tag is None or tag[1] != str((request.view_args or {})["payment_id"]):
            raise ValidationError("This is not the ETag of this payment: send it back as you got it.", "If-Match")
        version = int(tag[2])
        if data.get("version", version) != version:
            raise ValidationError("If-Match names another version. Send one of them.", "version")
        return {"version": version} | data


class Decision(Cancellation):
    """What staff decide: always on a version that they saw."""

    version = Version()

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _is_of_a_version(self, data: dict[str, Any], original: dict[str, Any], **_: Any) -> None:
        if "version" not in original and "If-Match" not in request.headers:
            raise ValidationError("Missing data for required field.", "version")


class Approval(Decision):
    """A booking. The reason is asked for where the reference is booked for another payment."""

    same_text_reason = Prose("Both transfers are on the statement.", most=MAX_REASON, load_default="")


class ReasonedDecision(Decision):
    """A rejection or a refund."""

    reason = Prose("No such transfer arrived.", most=MAX_REASON, required=True)


class EventOut(Out):
    """One step of a payment's history."""

    version = Number(1)
    action = fields.String(metadata={"enum": [*Action]})
    from_status = fields.String(allow_none=True, metadata={"enum": [*Status, None]})
    to_status = fields.String(metadata={"enum": [*Status]})
    actor = Text("our staff")
    reason = Text("No such transfer arrived.", allow_none=True)
    at = Moment()


class PaymentOut(StaffOut):
    """A payment. ``account_id`` is for staff."""

    optional = for_staff = frozenset({"account_id"})

    id = Id()
    payment_id = Id(metadata={"description": "The same as id."})
    account_id = Id(metadata={"description": "For staff only."})
    invoice_id = Id()
    invoice_number = Text("INV-2026-00042")
    amount = Amount()
    currency = Text("EUR")
    payment_method = Text("bank_transfer")
    status = fields.String(metadata={"enum": [*Status]})
    transaction_reference = Text("TRF 4711")
    paid_on = Day(allow_none=True)
    notes = Text("Sent from the account at our other bank.")
    failure_reason = Text("No such transfer arrived.", allow_none=True)
    version = Number(1)
    allowed_actions = fields.List(fields.String(metadata={"enum": [*Action]}))
    created_at = Moment()
    updated_at = Moment()
    decided_at = Moment(allow_none=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """What depends on who reads is asked for by who reads."""
        if attr == "payment_id":
            return obj.id
        if attr == "allowed_actions":
            return obj.allowed_actions(current_actor())
        return super().get_attribute(obj, attr, default)


class TrackingOut(Out):
    """Where a payment stands and what comes next, in the words of the customer's page."""

    stands = Text("We are checking your payment.")
    comes_next = Text(
        "We compare your report with the money that arrived, and show the outcome here. You need to do nothing more."
    )
    can_pay_again = fields.Boolean()


class ProofOut(Out):
    """A file that was added to the payment as a proof. The file itself is for the pages."""

    id = Id()
    media_type = fields.String(metadata={"enum": [*MEDIA_TYPES]})
    size = Number(48213)
    created_at = Moment()
    is_kept = fields.Boolean(metadata={"description": "Whether the file is still there, or the record of it only."})


class PaymentSelectionOut(PaymentOut):
    """A payment, as far as it was asked for: all of its fields or some of them, its invoice, its history and so on.

    In lists, staff read whose it is, and in the queue whether its reference came twice.
    """

    optional = frozenset({*SELECTABLE, *OF_LISTS_FOR_STAFF, *EXPANDABLE}) - {"id"}
    for_staff = frozenset({"account_id", *OF_LISTS_FOR_STAFF})

    account_name = Text("Hooli GmbH")
    account_country = Text("DE", attribute="country")
    reference_used_elsewhere = fields.Boolean(allow_none=True, metadata={"description": "Known in the queue only."})
    invoice = fields.Nested(InvoiceOut)
    tracking = fields.Nested(TrackingOut)
    events = fields.List(fields.Nested(EventOut))
    proofs = fields.List(fields.Nested(ProofOut))

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """What was not asked for is not even looked up."""
        asked_for = "account_country" if attr == "country" else attr
        if asked_for != "id" and asked_for not in g.selected:
            return missing
        if attr in EXPANDABLE:
            return g.expanded[attr][obj.id]
        return super().get_attribute(obj, attr, default)
