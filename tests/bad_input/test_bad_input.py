"""Whatever is sent to whatever field: an answer with words, never a failure of ours, and a refusal changes nothing."""

from collections.abc import Iterable

from tests.bad_input.checks import check
from tests.bad_input.fields import Field, Fields

A_FEW = 3
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
WITHOUT_FIELDS = {
    f"{face}.webhook_{what}"
    for face in ("web", "admin")
    for what in ("activation", "deactivation", "end", "retry", "rotation", "secret", "test")
} | {
    "web.sign_out", "web.end_token", "web.end_one_session", "web.end_all_other_sessions", "admin.invoice_issue",
    "admin.invitation_withdrawal", "admin.method_activation", "admin.method_deactivation", "admin.user_activation",
    "admin.user_deactivation", "admin.user_second_factor_reset", "admin.user_sessions_end", "api.activate_method",
    "api.deactivate_method", "api.activate_user", "api.deactivate_user", "api.end_sessions", "api.reset_second_factor",
    "api.revoke_token", "api.end_webhook_endpoint", "api.rotate_webhook_secret", "api.try_webhook_endpoint",
    "api.retry_webhook_delivery",
}  # fmt: skip
"""What only has to be pressed or called."""


def unreached(fields: Fields, places: Iterable[Field], faces: tuple[str, ...]) -> set[str]:
    """The faces' routes that change something and have a field, but none of these."""
    app = fields.house.app
    adapter = app.url_map.bind("")
    reached = {adapter.match(place.path, place.method)[0] for place in places if place.method in CHANGING}
    there = {rule.endpoint for rule in app.url_map.iter_rules() if CHANGING & (rule.methods or set())}
    assert not reached & WITHOUT_FIELDS
    assert there >= WITHOUT_FIELDS
    return {endpoint for endpoint in there - WITHOUT_FIELDS - reached if endpoint.startswith(faces)}


def test_forms_and_filters(fields: Fields) -> None:
    places = list(fields.of_forms())
    assert {place.name for place in places} >= {"transaction_reference", "notes", "reason", "email", "cursor", "q"}
    assert unreached(fields, places, ("web.", "admin.")) == set()
    assert check(fields, places, A_FEW) == []


def test_the_api(fields: Fields) -> None:
    places = list(fields.of_the_api())
    assert {place.name for place in places} >= {"invoice_id", "version", "reason", "cursor", "page_size", "status"}
    assert {place.name for place in places} >= {"items.0.lines.0.quantity", "details.0.label", "all_or_nothing"}
    assert {place.method for place in places} == {"GET", "POST", "PUT", "PATCH"}
    assert unreached(fields, places, ("api.",)) == set()
    assert check(fields, places, A_FEW) == []
