"""Every field of every form, JSON route and list, as the pages and the API's own description name them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

from flask import Flask
from werkzeug.test import TestResponse

from portal.api.reference import document
from tests.factories import Factory
from tests.matrix.table import LET_IN
from tests.matrix.visitors import House, Visitor, Written, body_of
from tests.pages import Node, Page

ENDS_THE_SESSION = {"/logout"}


@dataclass
class Field:
    """One place for input, and what else goes with it. ``send`` fills it."""

    who: Visitor
    method: str
    path: str
    name: str
    others: dict[str, Any] = field(default_factory=dict)
    is_json: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.name} as {self.who.name}"

    def send(self, value: Any) -> TestResponse:
        """The request with this value in this field, and all other fields in order."""
        values = put(self.others, self.name, value)
        if self.method == "GET":
            return self.who.pages.send(
                "GET", f"{self.path}?{urlencode(values, errors='surrogatepass')}", headers=self._headers()
            )
        if self.is_json:
            return self.who.pages.send(self.method, self.path, data=json.dumps(values), headers=self._headers(),
                                       content_type="application/json")  # fmt: skip
        return self.who.pages.send("POST", self.path, data=values | {"csrf_token": self.who.pages.csrf_token})

    def send_bytes(self, raw: bytes) -> TestResponse:
        """The request with bytes in this field that are no text in UTF-8."""
        named = f"{self.name}={quote_from_bytes(raw)}"
        if self.method == "GET":
            return self.who.pages.send("GET", f"{self.path}?{named}", headers=self._headers())
        if self.is_json:
            body = json.dumps(put(self.others, self.name, "@@")).encode().replace(b"@@", raw)
            return self.who.pages.send(self.method, self.path, data=body, headers=self._headers(),
                                       content_type="application/json")  # fmt: skip
        token = urlencode({"csrf_token": self.who.pages.csrf_token})
        return self.who.pages.send("POST", self.path, data=f"{token}&{named}",
                                   content_type="application/x-www-form-urlencoded")  # fmt: skip

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.who.token}"} if self.who.token else {}


def put(values: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The values with this one at its place: ``lines.0.quantity`` is in the first object of a list."""
    head, _, rest = name.partition(".0.")
    if not rest:
        return values | {head: value}
    (first, *others) = values.get(head) or [{}]
    return values | {head: [put(first, rest, value), *others]}


class Fields:
    """All of them, in a house with one of everything."""

    def __init__(self, app: Flask, make: Factory) -> None:
        self.house = House(app, make)
        self.written = Written(app)

    def of_forms(self) -> Iterator[Field]:
        """The fields of all forms that owners and admins see on their pages: those that change and those that look."""
        seen: set[tuple[str, str, str]] = set()
        for role in ("owner", "admin", "nobody"):
            visitor = self.house.visitor(role)
            for page in self._pages(visitor):
                for found in self._of_page(visitor, page):
                    if (found.method, found.path, found.name) not in seen:
                        seen.add((found.method, found.path, found.name))
                        yield found

    def of_the_api(self) -> Iterator[Field]:
        """The fields of all bodies and queries that the API describes."""
        callers = {visitor.role: visitor for visitor in self.house.callers if visitor.role in ("owner", "admin")}
        with self.house.app.app_context():
            described = document()
        for path, methods in described["paths"].items():
            address = path.format(**{name: str(value) for name, value in self.house.own.items()})
            for method, operation in methods.items():
                if method == "parameters":  # of the path itself
                    continue
                who = callers["owner" if "owner" in self._let_in(method, address) else "admin"]
                for parameter in operation.get("parameters", []):
                    if parameter.get("in") == "query":
                        yield Field(who, "GET", address, parameter["name"])
                for name in self._body(operation, described):
                    yield Field(who, method.upper(), address, name, self._others(method, address), is_json=True)

    def _let_in(self, method: str, address: str) -> frozenset[str]:
        endpoint, _ = self.house.app.url_map.bind("").match(address, method.upper())
        return LET_IN[endpoint, method.upper()]

    def _others(self, method: str, address: str) -> dict[str, Any]:
        if address.endswith("/manual/"):
            return {"invoice_id": str(self.house.own["invoice_id"]), "payment_method": "bank_transfer"}
        if address.endswith("/tokens/"):
            return {"name": "x"}
        return body_of(method.upper(), address)

    def _body(self, operation: dict[str, Any], described: dict[str, Any]) -> Iterator[str]:
        for media in operation.get("requestBody", {}).get("content", {}).values():
            yield from self._names(media["schema"], described)

    def _names(self, schema: dict[str, Any], described: dict[str, Any]) -> Iterator[str]:
        """The names of an object's fields; those of objects in a list as ``lines.0.quantity``."""
        if "$ref" in schema:
            schema = described["components"]["schemas"][schema["$ref"].split("/")[-1]]
        for name, kind in schema.get("properties", {}).items():
            yield name
            for inner in self._names(kind.get("items", {}), described):
                yield f"{name}.0.{inner}"

    def _pages(self, visitor: Visitor) -> Iterator[Page]:
        for rule in self.house.app.url_map.iter_rules():
            if "GET" in (rule.methods or ()) and rule.endpoint.split(".")[0] in ("web", "admin"):
                response = visitor.send("GET", self.house.path(rule, self.house.own))
                if response.status_code == 200 and response.content_type.startswith("text/html"):
                    yield Page(response)

    def _of_page(self, visitor: Visitor, page: Page) -> Iterator[Field]:
        here = page.response.request.path
        for form in page.root.all("form"):
            path, method = form.attributes.get("action", here), form.attributes.get("method", "get").upper()
            path = path.split("?")[0] or here
            if path in ENDS_THE_SESSION:
                continue
            controls = dict(_controls(form))
            names = [name for name in controls if name != "csrf_token"]
            others = {name: value for name, value in controls.items() if name != "csrf_token" and value}
            for name in names + (["cursor", "next", "nothing"] if method == "GET" else []):
                yield Field(visitor, method, path, name, others if method == "POST" else {})


def _controls(form: Node) -> Iterator[tuple[str, str]]:
    """Names and values of what the form would send."""
    for control in form.all("input") + form.all("textarea") + form.all("select"):
        if "name" in control.attributes:
            chosen = [option.attributes["value"] for option in control.all("option") if "selected" in option.attributes]
            yield control.attributes["name"], chosen[0] if chosen else control.attributes.get("value", "")
