"""The API's own description, as a document for programs and as a page for people."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, TypeVar

import orjson
from flask import Blueprint, Response, current_app, render_template

from portal.api.blueprint import api
from portal.api.negotiation import pack
from portal.api.problems import PROBLEMS
from portal.foundation.access import public
from portal.foundation.db import end_reading

JSON = "application/json"
Made = TypeVar("Made")
reference = Blueprint("reference", __name__, url_prefix="/api/v1/billing")


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter or a field of a body, as a reader needs it."""

    name: str
    place: str
    """``path``, ``query``, ``header`` or ``body``."""
    kind: str
    is_required: bool
    told: str
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked, as a reader needs it. ``refusals`` are code, status and cure, by status."""

    name: str
    noun: str
    method: str
    path: str
    summary: str
    values: list[Value]
    body: str | None
    success: int
    answer: str
    refusals: list[tuple[int, str, str]]


@reference.get("/openapi.json")
@public
def openapi() -> Response:
    """The description, as ``docs/openapi.json`` has it."""
    return Response(_kept("json", lambda: orjson.dumps(document())), content_type=JSON)


@reference.get("/docs/")
@public
def docs() -> Response:
    """The description for people, who can try calls there. It repeats nothing that was asked, so it may be packed."""
    end_reading()  # who asks is known; what the navigation counts may come by another login
    return pack(Response(render_template("api/docs.html", nouns=_kept("nouns", _by_noun))))


def document() -> dict[str, Any]:
    """The description (OpenAPI 3.1) of the API's routes. It is one object for all who ask: not to be changed."""
    return _described()


@cache
def _described() -> dict[str, Any]:
    """All apps of a process have the same routes."""
    routes = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    api.register_views_in_doc(routes, current_app, routes.spec, name=api.name, parameters=None)
    described: dict[str, Any] = routes.spec.to_dict()
    return described


def _by_noun() -> dict[str, list[Operation]]:
    found = sorted(_operations(document()), key=lambda operation: operation.noun)  # within a noun as they are declared
    return {noun: list(of_noun) for noun, of_noun in groupby(found, key=lambda operation: operation.noun)}


def _kept(name: str, make: Callable[[], Made]) -> Made:
    """What is made once for an app: its routes do not change, and anybody may ask for this as often as they like."""
    kept: dict[str, Any] = current_app.extensions.setdefault("api-reference", {})
    if name not in kept:
        kept[name] = make()
    made: Made = kept[name]
    return made


def _operations(told: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in told["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            parameters = [_resolved(told, one) for one in [*item.get("parameters", []), *operation["parameters"]]]
            asked = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema")
            success = min(int(status) for status in operation["responses"])
            answer = operation["responses"][str(success)]["content"][JSON]["schema"]
            yield Operation(
                name=operation["operationId"],
                noun=operation["tags"][0],
                method=method.upper(),
                path=path,
                summary=operation["summary"],
                values=[_parameter(one) for one in parameters] + (_fields(told, asked) if asked else []),
                body=_pretty(example_of(told, asked)) if asked else None,
                success=success,
                answer=_pretty(example_of(told, answer)),
                refusals=_refusals(told, operation),
            )


def example_of(told: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """A value that fits the schema, made of the examples in it."""
    schema = _resolved(told, schema)
    for names in ("examples", "enum"):
        if names in schema:
            return schema[names][0]
    if "const" in schema:
        return schema["const"]
    if schema.get("type") == "array":
        return [example_of(told, schema["items"])]
    if "properties" in schema:
        named = {name: value for name, value in schema["properties"].items() if "x-alias" not in value}
        return {name: example_of(told, value) for name, value in named.items()}
    return {"boolean": False, "integer": 1}.get(str(schema.get("type")), "")


def _resolved(told: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in part:
        _, _, kind, name = part["$ref"].split("/")
        part = told["components"][kind][name]
    return part


def _parameter(part: Mapping[str, Any]) -> Value:
    schema = part["schema"]
    items = schema.get("items", schema)
    allowed = f"One of: {', '.join(items['enum'])}." if "enum" in items else ""
    text = part.get("description") or schema.get("description") or allowed
    example = str(schema.get("examples", [""])[0]) if part["in"] == "path" else ""
    return Value(part["name"], part["in"], _kind(schema), part.get("required", False), text, example)


def _fields(told: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Value]:
    whole = _resolved(told, schema)
    needed = whole.get("required", [])
    return [
        Value(name, "body", _kind(_resolved(told, value)), name in needed, value.get("description", ""), "")
        for name, value in whole["properties"].items()
    ]


def _kind(schema: Mapping[str, Any]) -> str:
    """What it is, in a word or two."""
    kind = schema.get("type", "text")
    words = [word for word in (kind if isinstance(kind, list) else [kind]) if word != "null"]
    longest = f", up to {schema['maxLength']:,} characters" if "maxLength" in schema else ""
    return f"{schema.get('format') or words[0]}{longest}"


def _refusals(told: Mapping[str, Any], operation: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    answers = [_resolved(told, answer) for answer in operation["responses"].values()]
    codes = {code for answer in answers for code in answer.get("x-codes", [])}
    known = [(code, problem) for code, problem in PROBLEMS.items() if code in codes]
    return [(problem.status, code, problem.cure.replace("`", "")) for code, problem in known]


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
