"""Payment methods by staff's API: offered, changed, switched."""

from typing import Any

import pytest

from tests.api.conftest import BASE, World, problem

PATH = "/payment-method-configs/"
NEW: dict[str, Any] = {
    "country": "DE", "method": "local_wallet", "display_name": "Wallet", "instructions": "Scan it.",
    "details": [{"label": "Number", "value": "0151 000"}], "currencies": ["USD", "EUR"], "limit_currency": "EUR",
    "minimum": "1.00", "maximum": "500.00", "position": 3,
}  # fmt: skip
SHOWN = NEW | {"currencies": ["EUR", "USD"], "is_enabled": True}


def settings(**change: Any) -> dict[str, Any]:
    """The method as it is sent to be changed."""
    own = {name: value for name, value in NEW.items() if name not in ("country", "method")}
    return own | {"is_enabled": True} | change


def test_a_method_is_offered_and_read(world: World) -> None:
    made = world["admin"].post(PATH, NEW)
    data = made.get_json()["data"]
    assert (made.status_code, data) == (201, SHOWN | {"id": data["id"]})
    assert made.headers["Location"] == f"{BASE}{PATH}{data['id']}/"
    assert world["reviewer"].raw("GET", made.headers["Location"]).get_json()["data"] == data
    listed = world["reviewer"].get(PATH).get_json()["data"]
    assert (listed["count"], listed["methods"][1]) == (2, data)
    assert listed["methods"][0] == {
        "id": listed["methods"][0]["id"], "country": "*", "method": "bank_transfer", "display_name": "Bank transfer",
        "instructions": "Send it.", "details": [], "currencies": [], "limit_currency": None, "minimum": None,
        "maximum": None, "is_enabled": True, "position": 0,
    }  # fmt: skip
    offered = world["owner"].get("/payment-methods/available/").get_json()["data"]["methods"]
    assert [method["method"] for method in offered] == ["bank_transfer", "local_wallet"]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"country": "ZZ"}, (400, "unknown_country", [("country", "unknown_country")])),
        ({"method": "gold"}, (400, "unknown_method", [("method", "unknown_method")])),
        ({"method": "bank_transfer", "country": "*"}, (409, "method_exists", [("method", "method_exists")])),
        ({"details": [{"label": "IBAN"}]}, (400, "invalid_input", [("details.0.value", "required")])),
        ({"details": [["IBAN", "DE1"]]}, (400, "invalid_input", [("details.0", "invalid_type")])),
        ({"currencies": ["EUR", 7]}, (400, "invalid_input", [("currencies", "invalid_type")])),
        ({"currencies": ["EURO"]}, (400, "unknown_currency", [("currencies", "unknown_currency")])),
        ({"limit_currency": ""}, (400, "limit_currency_missing", [("limit_currency", "limit_currency_missing")])),
        ({"maximum": "0.50"}, (400, "invalid_limits", [("maximum", "invalid_limits")])),
        ({"minimum": 1}, (400, "invalid_input", [("minimum", "invalid_type")])),
        ({"position": -1}, (400, "invalid_position", [("position", "invalid_position")])),
        ({"position": 1.5}, (400, "invalid_input", [("position", "invalid_type")])),
        (
            {"display_name": " ", "currencies": ["EURO"], "limit_currency": "XXXX", "position": -1},
            (
                400,
                "invalid_input",
                [
                    ("display_name", "required"),
                    ("currencies", "unknown_currency"),
                    ("limit_currency", "unknown_currency"),
                    ("position", "invalid_position"),
                ],
            ),
        ),
        (
            {"limit_currency": "", "minimum": "1", "maximum": "2"},
            (400, "limit_currency_missing", [("limit_currency", "limit_currency_missing")]),
        ),
        ({"is_enabled": 1}, (400, "invalid_input", [("is_enabled", "invalid_type")])),
    ],
)
def test_what_is_no_method_is_refused(world: World, change: dict[str, Any], refusal: tuple[Any, ...]) -> None:
    assert problem(world["admin"].post(PATH, NEW | change)) == refusal
    assert world["admin"].get(PATH).get_json()["data"]["count"] == 1


@pytest.mark.parametrize("field", ["display_name", "instructions"])
def test_texts_may_be_as_long_as_the_description_says(world: World, field: str) -> None:
    described = world["nobody"].get("/openapi.json").get_json()["components"]["schemas"]["NewMethod"]["properties"]
    most = described[field]["maxLength"]
    assert problem(world["admin"].post(PATH, NEW | {field: "x" * (most + 1)})) == (
        400, "too_long", [(field, "too_long")]
    )  # fmt: skip
    assert world["admin"].post(PATH, NEW | {field: "x" * most}).get_json()["data"][field] == "x" * most


def test_a_method_is_put_and_switched(world: World) -> None:
    data = world["admin"].post(PATH, NEW).get_json()["data"]
    path = f"{PATH}{data['id']}/"
    other = settings(display_name="Purse", minimum="", details=[], position=0)
    changed = data | {"display_name": "Purse", "minimum": None, "details": [], "position": 0}
    for _ in range(2):
        answer = world["admin"].send("PUT", path, other)
        assert (answer.status_code, answer.get_json()["data"]) == (200, changed)
    for _ in range(2):
        assert world["admin"].post(f"{path}deactivation/").get_json()["data"] == changed | {"is_enabled": False}
    assert world["admin"].post(f"{path}activation/").get_json()["data"] == changed
    least = world["admin"].send("PUT", path, {"display_name": "Purse", "is_enabled": False}).get_json()["data"]
    assert least == changed | {
        "instructions": "", "currencies": [], "limit_currency": None, "maximum": None, "is_enabled": False,
    }  # fmt: skip
    moved = world["admin"].send("PUT", path, settings(country="FR"))
    assert problem(moved) == (400, "invalid_input", [("country", "unknown_field")])
    half = world["admin"].send("PUT", path, {"display_name": "Purse"})
    assert problem(half) == (400, "invalid_input", [("is_enabled", "required")])
    entries = world["admin"].get("/audit-log/", subject_id=data["id"], action="method").get_json()["data"]
    assert [entry["action"] for entry in entries] == [*["method.updated"] * 4, "method.created"]


def test_reviewers_look_and_customers_do_not(world: World) -> None:
    assert problem(world["reviewer"].post(PATH, NEW)) == (403, "forbidden", [])
    assert problem(world["owner"].get(PATH)) == (403, "forbidden", [])
