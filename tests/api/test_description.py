"""The description tells the truth about the routes, and what is committed is what the code says."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
from flask import Flask
from openapi_spec_validator import validate

from portal.api.problems import PROBLEMS
from portal.api.reference import document
from tests.api.conftest import World

DOCS = Path(__file__).resolve().parents[2] / "docs"


def described(app: Flask) -> dict[str, Any]:
    with app.app_context():
        return document()


def table_of_errors() -> str:
    """The codes with their cures, as ``docs/api.md`` shows them."""
    rows = [f"| {problem.status} | `{code}` | {problem.cure} |" for code, problem in PROBLEMS.items()]
    return "\n".join(["| status | `code` | what to do |", "|---|---|---|", *rows])


def test_it_is_valid(app: Flask) -> None:
    validate(described(app))


def test_it_is_served_to_everybody_and_committed(world: World, app: Flask) -> None:
    response = world["nobody"].get("/openapi.json")
    assert response.content_type == "application/json"
    assert response.get_json() == described(app) == json.loads((DOCS / "openapi.json").read_text("utf-8"))


def test_every_error_stands_in_the_docs() -> None:
    assert f"\n\n{table_of_errors()}\n" in (DOCS / "api.md").read_text("utf-8")


def test_every_code_is_one_that_some_route_answers(app: Flask) -> None:
    paths = described(app)["paths"].values()
    operations = [operation for path in paths for operation in path.values() if isinstance(operation, dict)]
    answered = {code for operation in operations for code in codes_of(operation, described(app)["components"])}
    assert set(PROBLEMS) - answered == {"method_not_allowed", "unknown_account"}  # of no operation; of items in a bulk


def codes_of(operation: dict[str, Any], components: dict[str, Any]) -> set[str]:
    """The codes that an operation says it may answer."""
    answers = [
        components["responses"][answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        for answer in operation["responses"].values()
    ]
    return {code for answer in answers for code in answer.get("x-codes", [])}


def test_every_value_has_an_example_that_fits(app: Flask) -> None:
    wrong = []
    components = described(app)["components"]
    for name, schema in components["schemas"].items():
        for key, value in schema["properties"].items():
            examples = value.get("examples", [])
            validator = jsonschema_rs.Draft202012Validator(value | {"components": components})
            if not (examples or is_plain(value)) or not all(validator.is_valid(example) for example in examples):
                wrong.append((name, key, value))
    assert wrong == []


def is_plain(value: dict[str, Any]) -> bool:
    """Whether what it may be is told without an example."""
    return bool({"enum", "const", "items", "$ref"} & value.keys()) or "boolean" in value.get("type", "")
