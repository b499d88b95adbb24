"""Every code that a refusal of the API carries, with its status and its cure; and which routes may answer which.

``docs/api.md`` and the description are drawn from here; the tests notice an answer whose code its route does not name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

View = TypeVar("View", bound=Callable[..., object])
_MARK = "named_problems"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a code means. ``cure`` says what to do, in a few words."""

    status: int
    cure: str


PROBLEMS: dict[str, Problem] = {
    "invalid_input": Problem(400, "`errors` names every field: `required`, `unknown_field`, `invalid_type`, `null`, "
                                  "`repeated`, `invalid`, `control_characters`"),
    "malformed_json": Problem(400, "send one JSON object in UTF-8, each key once, at most 20 levels deep"),
    "required": Problem(400, "the field must not be empty"),
    "too_long": Problem(400, "shorten the text of the field"),
    "control_characters": Problem(400, "leave out what cannot be printed"),
    "card_number": Problem(400, "card numbers are never kept: leave it out"),
    "invoice_already_paid": Problem(400, "nothing is left to pay on this invoice"),
    "invoice_void": Problem(400, "the invoice was withdrawn; nothing is owed on it"),
    "invoice_draft": Problem(400, "the invoice has not been issued yet"),
    "payment_method_not_available": Problem(400, "ask `/payment-methods/available/`; mind currencies and limits"),
    "wrong_check_digits": Problem(400, "compare it with what the bank shows; if it shows just that, send "
                                       "`reference_confirmed`"),
    "paid_in_the_future": Problem(400, "a day that has come, in the account's time zone"),
    "paid_too_long_ago": Problem(400, "a day of the last year"),
    "invalid_cursor": Problem(400, "follow the links of a page"),
    "invalid_idempotency_key": Problem(400, "1 to 255 visible ASCII characters"),
    "invalid_days": Problem(400, "1 to 3,650 days, and not beyond the life of the token that asks"),
    "invalid_scope": Problem(400, "scopes that are of use to the user's role, and that the token that asks has"),
    "invalid_external_id": Problem(400, "1 to 100 printable characters, without a slash"),
    "unknown_account": Problem(400, "there is no such account"),
    "unknown_country": Problem(400, "a country by its two letters (ISO 3166-1), or `*` where that may be"),
    "unknown_currency": Problem(400, "a currency by its three letters (ISO 4217)"),
    "unknown_locale": Problem(400, "a locale such as `de-DE`"),
    "unknown_timezone": Problem(400, "a time zone such as `Europe/Berlin`"),
    "unknown_method": Problem(400, "`bank_transfer` or `local_wallet`"),
    "invalid_email": Problem(400, "an e-mail address"),
    "password_length": Problem(400, "a password of the length that the message says"),
    "breached_password": Problem(400, "another password: this one stands in lists of stolen ones"),
    "guessable_password": Problem(400, "another password: this one is made of words that all can know"),
    "demo_password": Problem(400, "another password: this one is the demo's"),
    "role_does_not_fit": Problem(400, "a role of the side (account or staff) that the user is on"),
    "lines_missing": Problem(400, "at least one line"),
    "invalid_quantity": Problem(400, 'a decimal string such as `"2.5"`; `lines.0.quantity` is the first line\'s'),
    "invalid_amount": Problem(400, 'a decimal string such as `"49.00"`'),
    "too_many_decimals": Problem(400, "no more digits than the currency has"),
    "amount_too_large": Problem(400, "a smaller amount"),
    "invalid_total": Problem(400, "lines whose sum is not negative"),
    "invalid_credits": Problem(400, "a whole number from zero"),
    "invalid_date": Problem(400, "a day that leaves room for what follows from it"),
    "due_before_issue": Problem(400, "a due date not before the issue date"),
    "invoice_asks_nothing": Problem(400, "lines that ask for something: nobody could pay nothing"),
    "default_not_allowed": Problem(400, "allow the method, or make another one the default"),
    "limit_currency_missing": Problem(400, "say in which currency the limits are"),
    "invalid_limits": Problem(400, "a minimum that is not above the maximum, and a maximum above zero"),
    "invalid_position": Problem(400, "a position of the range that the message says"),
    "too_many_details": Problem(400, "fewer details"),
    "invalid_items": Problem(400, "1 to 1,000 items"),
    "items_refused": Problem(400, "nothing was done; `items` says which were refused, and why"),
    "webhook_url_refused": Problem(400, "a public `https://` address, as [webhooks.md](webhooks.md) says"),
    "invalid_event_types": Problem(400, "one or more of the types of [webhooks.md](webhooks.md#events)"),
    "precondition_not_supported": Problem(400, "leave `If-Match` and `If-None-Match` out: this route compares no tags"),
    "https_required": Problem(400, "call the `https://` address; revoke a token that was sent without it"),
    "unknown_host": Problem(400, "call the portal by its own name"),
    "too_many_parameters": Problem(400, "at most 100 parameters"),
    "invalid_encoding": Problem(400, "send parameters in UTF-8"),
    "csrf_failed": Problem(400, "a browser's session needs the page's token in `X-CSRFToken`"),
    "bad_request": Problem(400, "the request could not be read: send it whole"),
    "not_signed_in": Problem(401, "send `Authorization: Bearer …`"),
    "invalid_token": Problem(401, "the token is not known, expired or revoked: issue another"),
    "forbidden": Problem(403, "another role must do it"),
    "scope_missing": Problem(403, "the token lacks the scope that `scope` names: use another, or issue one with it"),
    "own_payment": Problem(403, "nobody decides on their own payment: a colleague must"),
    "cross_site": Problem(403, "a browser's session acts from the portal's own pages only"),
    "confirmation_required": Problem(403, "a browser's session must show its second factor again: on `/confirmation`, "
                                          "then repeat. Tokens are never asked"),
    "not_found": Problem(404, "absent, or another account's"),
    "method_not_allowed": Problem(405, "see the header `Allow`"),
    "open_payment_exists": Problem(409, "`payment_id` names the payment that is under way"),
    "reference_already_used": Problem(409, "`payment_id` names the payment that carries it"),
    "reference_of_other_invoice": Problem(409, "`invoice_id` names the invoice: report it there, or send "
                                               "`reference_confirmed`"),
    "reference_already_booked": Problem(409, "send `same_text_reason` if this is another transfer with the same text"),
    "payment_already_decided": Problem(409, "read the payment again: `current_status`, `current_version`"),
    "payment_changed": Problem(409, "read the payment again: `current_status`, `current_version`"),
    "action_not_allowed": Problem(409, "the payment's status does not allow it: see `allowed_actions`"),
    "too_many_tokens": Problem(409, "revoke a token that is not used"),
    "token_rotated": Problem(409, "the token has a successor: rotate that one"),
    "token_ended": Problem(409, "the token has ended: issue a new one"),
    "user_disabled": Problem(409, "the user is locked out: a token would not work"),
    "account_number_taken": Problem(409, "take another, or change what is there"),
    "invoice_number_taken": Problem(409, "take another, or change what is there"),
    "email_taken": Problem(409, "somebody signs in with it already"),
    "method_exists": Problem(409, "change what is there"),
    "external_id_taken": Problem(409, "another has it, perhaps since a moment: look, or PUT again"),
    "account_differs": Problem(409, "what has this external id differs, and stays; `errors` names the fields"),
    "invoice_differs": Problem(409, "it was issued, and stays; `errors` names what differs, `invoice_id` the invoice"),
    "invoice_not_draft": Problem(409, "it was issued before: read it again"),
    "invoice_not_open": Problem(409, "read the invoice again"),
    "invoice_partly_paid": Problem(409, "refund what was paid first"),
    "own_user": Problem(409, "another admin must do it"),
    "no_second_factor": Problem(409, "there is none to take off"),
    "too_many_webhook_endpoints": Problem(409, "remove one first"),
    "webhook_endpoint_ended": Problem(409, "it was removed: name another"),
    "webhook_endpoint_disabled": Problem(409, "it is off: switch it on first"),
    "webhook_secret_unreadable": Problem(409, "the portal's key has changed: rotate the secret"),
    "idempotency_key_in_use": Problem(409, "the first request still runs: again, with the same key, after "
                                           "`Retry-After`"),
    "body_too_large": Problem(413, "at most 1 MiB"),
    "address_too_long": Problem(414, "at most 8,000 bytes of path and query"),
    "unsupported_media_type": Problem(415, "send `Content-Type: application/json`"),
    "idempotency_key_reused": Problem(422, "the key was sent with another body; what was sent first counts"),
    "headers_too_large": Problem(431, "at most 100 headers of 32 KiB together"),
    "too_many_requests": Problem(429, "again after `Retry-After`; `RateLimit-Remaining` says how many are left"),
    "internal_error": Problem(500, "nothing was changed; tell us the `request_id`"),
    "database_unavailable": Problem(503, "nothing was changed; again after `Retry-After`"),
    "database_busy": Problem(503, "nothing was changed; again after `Retry-After`"),
    "outcome_unknown": Problem(503, "it may be done or not: again with the same key, or look first"),
}  # fmt: skip

OF_ALL = frozenset({
    "https_required", "unknown_host", "too_many_parameters", "invalid_encoding", "bad_request", "invalid_input",
    "body_too_large", "address_too_long", "headers_too_large", "internal_error", "database_unavailable",
    "database_busy", "too_many_requests",
})  # fmt: skip
OF_SIGNED_IN = frozenset({"not_signed_in", "invalid_token", "forbidden", "scope_missing"})
OF_ONE = frozenset({"not_found"})
OF_PAGES = frozenset({"invalid_cursor"})
OF_BODIES = frozenset({"malformed_json", "unsupported_media_type"})
OF_WRITES = frozenset({"csrf_failed", "cross_site", "outcome_unknown", "precondition_not_supported"})
OF_KEYS = frozenset({"invalid_idempotency_key", "idempotency_key_in_use", "idempotency_key_reused"})
STALE = ("payment_already_decided", "payment_changed")
"""What is answered by 412 where the version was named by ``If-Match``, and else by 409."""
TEXTS = ("required", "too_long", "control_characters", "card_number")
"""What is said of a text that people read."""
OF_ACCOUNTS = (*TEXTS, "invalid_external_id", "unknown_country", "unknown_currency", "unknown_locale",
               "unknown_timezone", "account_number_taken", "external_id_taken")  # fmt: skip
OF_PASSWORDS = ("password_length", "breached_password", "guessable_password", "demo_password", "confirmation_required")
OF_INVOICES = (*TEXTS, "invalid_external_id", "unknown_currency", "lines_missing", "invalid_quantity", "invalid_amount",
               "too_many_decimals", "amount_too_large", "invalid_total", "invalid_credits", "invalid_date",
               "due_before_issue", "invoice_asks_nothing", "invoice_number_taken", "external_id_taken")  # fmt: skip
OF_METHODS = (*TEXTS, "unknown_country", "unknown_currency", "unknown_method", "invalid_amount", "too_many_decimals",
              "amount_too_large", "limit_currency_missing", "invalid_limits", "invalid_position", "too_many_details",
              "method_exists", "confirmation_required")  # fmt: skip


def refuses(*codes: str) -> Callable[[View], View]:
    """Name the refusals of a route that not every route has. It goes next to the function, beside ``requires``."""

    def mark(view: View) -> View:
        setattr(view, _MARK, frozenset(codes))
        return view

    return mark


def named(view: Callable[..., object]) -> frozenset[str]:
    """The refusals that the route names itself."""
    codes: frozenset[str] = getattr(view, _MARK, frozenset())
    return codes
