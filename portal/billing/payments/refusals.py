"""Why a payment is not taken or not moved, in words for the person who asked."""

from portal.billing.invoices.figures import InvoiceStatus
from portal.billing.invoices.models import Invoice
from portal.billing.payments.history import shown_actor
from portal.billing.payments.models import Payment
from portal.billing.payments.states import OPEN_STATUSES, Action, Status
from portal.foundation.actor import Actor
from portal.foundation.refusals import Conflict, Forbidden, Invalid, in_utc

_DONE = {
    Action.SUBMIT: "reported",
    Action.APPROVE: "approved",
    Action.REJECT: "rejected",
    Action.CANCEL: "withdrawn",
    Action.REFUND: "refunded",
    Action.START: "started",
    Action.SETTLE: "settled",
    Action.FAIL: "declined",
}


def invoice_not_payable(invoice: Invoice) -> Invalid:
    """For an invoice that is not open: a draft, paid or void one."""
    code, why = {
        InvoiceStatus.DRAFT: ("invoice_draft", "has not been issued yet"),
        InvoiceStatus.PAID: ("invoice_already_paid", "is paid already; there is nothing left to pay"),
        InvoiceStatus.VOID: ("invoice_void", "was withdrawn; nothing is owed on it"),
    }[InvoiceStatus(invoice.status)]
    return Invalid(code, f"Invoice {invoice.number} {why}.", field="invoice_id")


def open_payment_exists(invoice: Invoice, first: Payment) -> Conflict:
    """For a second payment while one is open."""
    message = (
        f"A payment for invoice {invoice.number} was reported on {in_utc(first.created_at)} and is still open. "
        "Wait for its result, or withdraw it first."
    )
    refusal = Conflict("open_payment_exists", message, field="invoice_id", payment_id=str(first.id))
    return refusal.dated(first.created_at)


def reference_used(first: Payment) -> Conflict:
    """For a reference that another live payment of the same account and method carries."""
    message = (
        f"This reference was given on {in_utc(first.created_at)} for invoice {first.invoice_number}. "
        "Each transfer has its own: check which one you mean."
    )
    refusal = Conflict("reference_already_used", message, field="transaction_reference", payment_id=str(first.id))
    return refusal.dated(first.created_at)


def wrong_check_digits() -> Invalid:
    """For a reference that claims to be a creditor reference (ISO 11649) and has a digit that is wrong."""
    message = (
        "This begins like a payment reference (RF), but its check digits do not fit: a character is wrong or missing. "
        "Compare it with what your bank shows."
    )
    return Invalid("wrong_check_digits", message, field="transaction_reference")


def reference_of_other_invoice(other: Invoice) -> Conflict:
    """For the payment reference of another of the account's invoices."""
    message = (
        f"This is the payment reference of invoice {other.number}. "
        "If the money was for that invoice, report it there; if not, compare the reference with what your bank shows."
    )
    details = {"invoice_id": str(other.id), "invoice_number": other.number}
    return Conflict("reference_of_other_invoice", message, field="transaction_reference", **details)


def paid_in_the_future() -> Invalid:
    """For a day on which nothing can have been paid yet, where the account is."""
    message = "This day has not come yet. Report the payment once it is sent."
    return Invalid("paid_in_the_future", message, field="paid_on")


def paid_too_long_ago() -> Invalid:
    """For a day more than a year ago: the year is mistyped, or it is about another invoice."""
    return Invalid("paid_too_long_ago", "This is more than a year ago. Check the year.", field="paid_on")


def reference_booked(first: Payment | None) -> Conflict:
    """For an approval while another account's payment with the same reference is booked. For staff only."""
    which = f"{first.account.name}, invoice {first.invoice_number}" if first else "another payment"
    message = (
        f"A transfer with this reference is booked already, for {which}. "
        "Approve only if this is another transfer with the same text, and say how you know."
    )
    details = {"payment_id": str(first.id)} if first else {}
    return Conflict("reference_already_booked", message, field="same_text_reason", **details)


def gateway_reference_used() -> Conflict:
    """For a gateway's reference that stands on a payment already, of whatever account: its answer is a replay."""
    return Conflict("gateway_reference_used", "The gateway's reference stands on another payment already.")


def method_not_available(method: str) -> Invalid:
    """For a method that the account may not use."""
    message = f"“{method[:40]}” is not available to your account. Choose one of the available methods."
    return Invalid("payment_method_not_available", message, field="payment_method")


def method_does_not_take(method: str, invoice: Invoice) -> Invalid:
    """For an amount outside the method's currencies or limits."""
    message = f"{method} does not take {invoice.outstanding}. Choose another method."
    return Invalid("payment_method_not_available", message, field="payment_method")


def not_clear() -> Conflict:
    """For a payment among several that are approved unseen, which asks for a look of its own."""
    message = "This is not a clear case: its reference or amount differs, or something warns. Look at it by itself."
    return Conflict("not_clear", message)


class OwnPayment(Forbidden):
    """Deciding on one's own is what the person may not, though others of the same role may."""


def own_payment() -> OwnPayment:
    """For a decision on what one submitted, or on one's own account's."""
    message = "Nobody decides on a payment of their own or of their account. Ask a colleague."
    return OwnPayment("own_payment", message)


def moved_on(payment: Payment, actor: Actor) -> Conflict:
    """For a decision that names an older version, or an action that the status does not allow (any more)."""
    event = payment.events[-1]
    decided = Status(payment.status) not in OPEN_STATUSES
    happened = f"This payment was {_DONE[Action(event.action)]} by {shown_actor(event, actor)} on {in_utc(event.at)}."
    advice = "Nothing was changed by you." if decided else "Look at it again before you decide."
    return Conflict(
        "payment_already_decided" if decided else "payment_changed",
        f"{happened} {advice}",
        field="version",
        current_status=payment.status,
        current_version=payment.version,
    ).dated(event.at)


def not_allowed_now(payment: Payment, action: Action, actor: Actor) -> Conflict:
    """For an action that does not lead anywhere from the payment's status."""
    if Status(payment.status) not in OPEN_STATUSES:
        return moved_on(payment, actor)
    message = f"A payment that is {payment.status} cannot be {_DONE[action]}."
    return Conflict("action_not_allowed", message, current_status=payment.status, current_version=payment.version)
