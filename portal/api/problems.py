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
    "invalid_cursor": Problem(400, "follow the links of a page"),
    "invalid_idempotency_key": Problem(400, "1 to 255 visible ASCII characters"),
    "invalid_days": Problem(400, "1 to 3,650 days, and not beyond the life of the token that asks"),
    "invalid_scope": Problem(400, "scopes that are of use to the user's role, and that the token that asks has"),
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
    "reference_already_booked": Problem(409, "send `same_text_reason` if this is another transfer with the same text"),
    "payment_already_decided": Problem(409, "read the payment again: `current_status`, `current_version`"),
    "payment_changed": Problem(409, "read the payment again: `current_status`, `current_version`"),
    "action_not_allowed": Problem(409, "the payment's status does not allow it: see `allowed_actions`"),
    "too_many_tokens": Problem(409, "revoke a token that is not used"),
    "token_rotated": Problem(409, "the token has a successor: rotate that one"),
    "token_ended": Problem(409, "the token has ended: issue a new one"),
    "user_disabled": Problem(409, "the user is locked out: a token would not work"),
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
    "unknown_host", "too_many_parameters", "invalid_encoding", "bad_request", "invalid_input", "body_too_large",
    "address_too_long", "headers_too_large", "internal_error", "database_unavailable", "database_busy",
    "too_many_requests",
})  # fmt: skip
OF_SIGNED_IN = frozenset({"not_signed_in", "invalid_token", "forbidden", "scope_missing"})
OF_ONE = frozenset({"not_found"})
OF_PAGES = frozenset({"invalid_cursor"})
OF_BODIES = frozenset({"malformed_json", "unsupported_media_type"})
OF_WRITES = frozenset({"csrf_failed", "cross_site", "outcome_unknown"})
OF_KEYS = frozenset({"invalid_idempotency_key", "idempotency_key_in_use", "idempotency_key_reused"})
STALE = ("payment_already_decided", "payment_changed")
"""What is answered by 412 where the version was named by ``If-Match``, and else by 409."""
TEXTS = ("required", "too_long", "control_characters", "card_number")
"""What is said of a text that people read."""


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
