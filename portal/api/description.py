"""The API's description (OpenAPI 3.1), drawn from the routes, the schemas that read and write, and the problems."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from apispec import APISpec
from marshmallow import Schema

from portal.api import problems
from portal.api.schemas.messages import OF_KIND
from portal.api.schemas.values import Id, PageQuery
from portal.billing.payments.states import Status
from portal.foundation.access import PERMISSIONS, SCOPES, Permission, Role
from portal.webhooks.event_types import TEST, EventType

API_PROBLEM = "application/problem+json"
INFO = {
    "description": (
        "Pay invoices by bank transfer or mobile wallet, follow payments, and decide on them. "
        "Every POST may carry an Idempotency-Key and is then done once, however often it is sent. "
        "Within v1, fields, routes, codes and allowed values may be added; none is taken away or changes its meaning."
    )
}
SECURITY: list[dict[str, list[str]]] = [{"token": []}, {"session": []}]
_REQUEST_ID = {"type": "string", "minLength": 8, "maxLength": 64, "examples": ["019f2c6e-90c4-7d11-8f00-0a1b2c3d4e5f"]}
_LINK = {
    "type": ["string", "null"],
    "description": "Path and query of that page; null at an end.",
    "examples": ["/api/v1/billing/payments/?cursor=bgGfLG57GnwQ0p5PWmt8jZ4P"],
}
_HEADERS = {
    "X-Request-ID": {"schema": _REQUEST_ID, "description": "The id by which logs and people name this request."},
    "Idempotent-Replayed": {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "The request was carried out before; this is its first answer.",
    },
    "ETag": {
        "schema": {"type": "string"},
        "description": "Names this data, for If-None-Match; a payment's also If-Match.",
    },
    "Link": {"schema": {"type": "string"}, "description": "The pages beside this one (RFC 8288)."},
    "RateLimit-Limit": {"schema": {"type": "integer"}, "description": "So many requests a minute."},
    "RateLimit-Remaining": {"schema": {"type": "integer"}, "description": "So many are left."},
    "RateLimit-Reset": {"schema": {"type": "integer"}, "description": "Seconds until all are free again."},
    "Location": {"schema": {"type": "string"}, "description": "Where the new thing is."},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds after which asking again may help."},
}
_OF_NEW_PAYMENT = {"payment_id": "$response.body#/data/id"}
_LINKS = {
    "report": {
        "read": {"operationId": "payment", "parameters": _OF_NEW_PAYMENT},
        "withdraw": {"operationId": "cancel", "parameters": _OF_NEW_PAYMENT, "requestBody": {"version": 1}},
    }
}
"""What can be asked next of what an operation made."""
_SIGNED = {
    "webhook-id": "Names the event, however often it is sent.",
    "webhook-timestamp": "When this attempt was made, in seconds since 1970.",
    "webhook-signature": "Signatures by Standard Webhooks 1.0, separated by blanks. One that fits is enough.",
}
_PROBLEM = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "title", "status", "detail", "success", "code", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:billing-portal:error:not_found"]},
        "title": {"type": "string", "examples": ["Not Found"]},
        "status": {"type": "integer", "examples": [404]},
        "detail": {"type": "string", "examples": ["There is nothing here, or it is not yours."]},
        "success": {"const": False},
        "code": {"type": "string", "description": "A stable word for programs.", "examples": ["not_found"]},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        "request_id": _REQUEST_ID,
        "payment_id": {
            "type": "string",
            "format": "uuid",
            "examples": [Id.EXAMPLE],
            "description": "The payment that stands in the way.",
        },
        "invoice_id": {
            "type": "string",
            "format": "uuid",
            "examples": [Id.EXAMPLE],
            "description": "The invoice that stands in the way.",
        },
        "items": {
            "type": "array",
            "items": {"type": "object"},
            "description": "The items that refused all, as the list of results would tell them.",
        },
        "scope": {"type": "string", "examples": ["payments:write"], "description": "The scope that is missing."},
        "current_status": {"type": "string", "enum": [*Status], "description": "What the payment is by now."},
        "current_version": {"type": "integer", "examples": [2], "description": "The payment's version by now."},
    },
}
_FIELD_ERROR = {
    "type": "object",
    "required": ["field", "code", "message"],
    "properties": {
        "field": {"type": "string", "examples": ["invoice_id"]},
        "code": {"type": "string", "examples": ["required"]},
        "message": {"type": "string", "examples": ["This field is missing."]},
    },
}
_PAGINATION = {
    "type": "object",
    "required": ["next", "previous", "page_size"],
    "properties": {"next": _LINK, "previous": _LINK, "page_size": {"type": "integer", "examples": [20]}},
}


def name_of(schema: type[Schema] | Schema | str) -> str:
    """A schema's name as readers of the description see it."""
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__.removesuffix("Out")


def add_components(spec: APISpec) -> None:
    """What the operations refer to."""
    for name, schema in (("Problem", _PROBLEM), ("FieldError", _FIELD_ERROR), ("Pagination", _PAGINATION)):
        spec.components.schema(name, schema)
    for name, header in _HEADERS.items():
        spec.components.header(name, header)
    for status, codes in _BY_STATUS.items():
        spec.components.response(f"Problem{status}", _response(status, codes), lazy=True)
    spec.components.parameter(
        "IdempotencyKey",
        "header",
        {
            "name": "Idempotency-Key",
            "description": "Fresh for each thing that you want done; the same when you ask again. Kept for 24 hours.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~][!-~]*$"},
        },
    )
    spec.components.parameter(
        "IfNoneMatch",
        "header",
        {
            "name": "If-None-Match",
            "description": "The ETag of what the caller has. Where it is still the same, the answer is 304.",
            "schema": {"type": "string"},
        },
    )
    spec.components.parameter(
        "IfMatch",
        "header",
        {
            "name": "If-Match",
            "description": "The payment's ETag, in place of version. When it moved on, the answer is 412, not 409.",
            "schema": {"type": "string", "examples": [f'W/"{Id.EXAMPLE}-1-0123456789abcdef0123456789abcdef"']},
        },
    )
    spec.components.security_scheme(
        "token", {"type": "http", "scheme": "bearer", "description": "An API token of a user."}
    )
    spec.components.security_scheme(
        "session",
        {
            "type": "apiKey",
            "in": "cookie",
            "name": "session",
            "description": "A browser that is signed in. What changes something also needs the header X-CSRFToken.",
        },
    )


def add_webhooks(spec: APISpec) -> None:
    """What the portal sends to those who listen."""
    for schema in OF_KIND.values():
        spec.components.schema(name_of(schema), schema=schema)
    spec.options["webhooks"] = {told: {"post": _message(told)} for told in (*map(str, EventType), TEST)}


def _message(told: str) -> dict[str, Any]:
    data = name_of(OF_KIND[told.partition(".")[0]])
    properties = {
        "type": {"const": told},
        "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
        "data": {"$ref": f"#/components/schemas/{data}"},
    }
    schema = {"type": "object", "required": list(properties), "properties": properties}
    headers = [
        {"name": name, "in": "header", "required": True, "description": said, "schema": {"type": "string"}}
        for name, said in _SIGNED.items()
    ]
    return {
        "summary": "Sent when somebody asks for a test." if told == TEST else f"Sent to who listens to {told}.",
        "security": [],
        "parameters": headers,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "2XX": {"description": "Taken. The body is not looked at."},
            "410": {"description": "Nobody is there any more: the endpoint is switched off."},
            "default": {"description": "Not taken: it is sent again, for three days."},
        },
    }


def enveloped(schema: Schema | None) -> dict[str, Any] | None:
    """What success looks like around the data of a schema."""
    if schema is None:
        return None
    properties = {"success": {"const": True}, "data": schema, "request_id": _REQUEST_ID}
    if schema.many:
        properties["pagination"] = {"$ref": "#/components/schemas/Pagination"}
    return {"type": "object", "required": list(properties), "properties": properties}


def complete(doc: dict[str, Any], doc_info: dict[str, Any], *, method: str, **_: Any) -> dict[str, Any]:
    """Add to an operation what its decorators do not tell: for whom it is, headers, the key, and every refusal."""
    view = doc_info["view"]
    doc["operationId"] = view["name"]
    doc_info["docstring"]["description"] = _for_whom(view["permission"])
    doc["security"] = [] if view["permission"] is None else SECURITY
    # What the library says of refusals is not ours; ours come below.
    doc["responses"] = {status: said for status, said in doc["responses"].items() if not isinstance(said, str)}
    parameters = doc.setdefault("parameters", [])
    has_body, is_paged = "requestBody" in doc, _is_paged(parameters)
    if has_body:
        _read_body(doc["requestBody"])
    _succeed(doc["responses"], view["name"], method, is_paged=is_paged)
    if method in _CONDITIONS:
        parameters.append(_CONDITIONS[method])
    codes = codes_of(view["permission"], view["rule"], method, has_body=has_body, is_paged=is_paged) | view["refuses"]
    doc["responses"].update(_refused(codes))
    if method == "get":
        doc["responses"]["304"] = {"description": "The caller has this data already.", "headers": {"ETag": "ETag"}}
    if codes.issuperset(problems.STALE):
        parameters.append("IfMatch")
        doc["responses"]["412"] = _response(412, sorted(problems.STALE))
    return doc


_CONDITIONS = {"get": "IfNoneMatch", "post": "IdempotencyKey"}
"""The header that each route of a method takes."""


def _is_paged(parameters: list[Any]) -> bool:
    read = [given["schema"] for given in parameters if isinstance(given, dict) and given.get("in") == "query"]
    return any(issubclass(schema, PageQuery) for schema in read)


def _read_body(body: dict[str, Any]) -> None:
    """A body is required where one of its fields is: else nothing at all counts as an empty one."""
    (asked,) = body["content"].values()
    schema = asked["schema"] if isinstance(asked["schema"], Schema) else asked["schema"]()
    body["required"] = any(field.required for field in schema.fields.values())


def _succeed(responses: dict[Any, Any], name: str, method: str, *, is_paged: bool) -> None:
    """What an answer of success carries besides its data."""
    for status, response in responses.items():
        headers = ["X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
        headers += ["Idempotent-Replayed"] if method == "post" else []
        headers += ["ETag"] if method == "get" else []
        if str(status) == "201":
            headers.append("Location")
            response["links"] = _LINKS.get(name, {})
        if is_paged:
            headers.append("Link")
            response["content"]["text/csv"] = {"schema": {"type": "string"}}
        else:
            _without_pages(response)
        response.setdefault("headers", {}).update({header: header for header in headers})


def _for_whom(permission: Permission) -> str:
    """The roles that may, and the scope that a confined token needs beside."""
    roles = [role for role, permissions in PERMISSIONS.items() if permission in permissions and role is not Role.SYSTEM]
    return f"For {', '.join(roles)}. Scope of confined tokens: {SCOPES[permission]}."


def _without_pages(response: dict[str, Any]) -> None:
    """Take the pages out of what a list that is told at once looks like."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    if "pagination" in schema.get("properties", {}):
        schema["required"].remove("pagination")
        del schema["properties"]["pagination"]


def codes_of(
    permission: Permission | None, rule: str, method: str, *, has_body: bool, is_paged: bool
) -> frozenset[str]:
    """The refusals that a route has for what it is, besides those that it names."""
    codes = problems.OF_ALL
    codes |= frozenset() if permission is None else problems.OF_SIGNED_IN
    codes |= problems.OF_ONE if "<" in rule else frozenset()
    codes |= problems.OF_PAGES if is_paged else frozenset()
    codes |= problems.OF_BODIES if has_body else frozenset()
    codes |= problems.OF_WRITES if method != "get" else frozenset()
    return codes | (problems.OF_KEYS if method == "post" else frozenset())


def _refused(codes: Iterable[str]) -> dict[str, Any]:
    """The answers of refusal by status. Where all codes of a status may come, that is said in one place for all."""
    return {
        str(status): f"Problem{status}" if found == _BY_STATUS[status] else _response(status, found)
        for status, found in _by_status(codes).items()
    }


def _by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in sorted(codes):
        by_status[problems.PROBLEMS[code].status].append(code)
    return dict(sorted(by_status.items()))


_BY_STATUS = _by_status(problems.PROBLEMS)


def _response(status: int, codes: list[str]) -> dict[str, Any]:
    told = "; ".join(f"`{code}`: {problems.PROBLEMS[code].cure}" for code in codes)
    headers = ["X-Request-ID"] + (["Retry-After"] if status in (409, 429, 503) else [])
    return {
        "description": f"{told}.",
        "headers": {name: name for name in headers},
        "content": {API_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "x-codes": codes,
    }
