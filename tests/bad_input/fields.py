"""Every field of every form, JSON route and list, as the pages and the API's own description name them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts.models import User
from portal.api.reference import document
from tests.bad_input.controls import Control, addresses_of, controls_of, filter_of, method_of
from tests.bad_input.moments import Moment, moments
from tests.factories import PASSWORD, Factory
from tests.matrix.table import LET_IN
from tests.matrix.visitors import FORM, House, Visitor, Written, body_of
from tests.nasty_files import image
from tests.pages import Page

EXTRA = ("cursor", "next", "nothing")
"""What addresses may hold beside what filters are called."""
_UNREAD = {*EXTRA, "username"}  # the last is there for password managers


@dataclass
class Field:
    """One place for input, and what else goes with it. ``send`` fills it."""

    who: Visitor
    method: str
    path: str
    name: str
    others: dict[str, Any] = field(default_factory=dict)
    is_json: bool = False
    in_query: bool = False
    is_text: bool = True
    """Whether its text is read."""
    cookies: dict[str, str] = field(default_factory=dict)
    """Of the moment when the page was seen."""

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.name} as {self.who.name}"

    def send_others(self) -> TestResponse:
        """The request with all fields in order."""
        return self._ask("", json.dumps(self.others).encode() if self.is_json else self.others)

    def send(self, value: Any) -> TestResponse:
        """The request with this value in this field, and all other fields in order."""
        if self.in_query:
            return self._ask(urlencode({self.name: value}, errors="surrogatepass"), self.others)
        values = put(self.others, self.name, value)
        return self._ask("", json.dumps(values).encode() if self.is_json else values)

    def send_bytes(self, raw: bytes) -> TestResponse:
        """The request with bytes in this field that are no text in UTF-8. No file goes with them."""
        named = f"{self.name}={quote_from_bytes(raw)}"
        if self.in_query:
            return self._ask(named, self.others)
        if self.is_json:
            return self._ask("", json.dumps(put(self.others, self.name, "@@")).encode().replace(b"@@", raw))
        others = {k: v for k, v in self.others.items() if k != self.name and not isinstance(v, bytes)}
        return self._ask("", f"{urlencode(others)}&{named}".encode())

    def _ask(self, query: str, body: bytes | dict[str, Any]) -> TestResponse:
        self.who.pages.set_cookies(self.cookies)
        headers = {"Authorization": f"Bearer {self.who.token}"} if self.who.token else {}
        if isinstance(body, dict):
            files = {name: (BytesIO(value), f"{name}.png") for name, value in body.items() if isinstance(value, bytes)}
            more: dict[str, Any] = {"data": body | files} if body else {}
        else:
            kind = "application/json" if self.is_json else "application/x-www-form-urlencoded"
            more = {"data": body, "content_type": kind}
        return self.who.pages.send(self.method, f"{self.path}?{query}" if query else self.path, headers=headers, **more)


def put(values: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The values with this one at its place: ``lines.0.quantity`` is in the first object of a list."""
    head, _, rest = name.partition(".0.")
    if not rest:
        return values | {head: value}
    (first, *others) = values.get(head) or [{}]
    return values | {head: [put(first, rest, value), *others]}


class Fields:
    """All of them, in a house with one of everything.

    Whoever makes them stops the clock: a while after signing in, what is weighty asks for a code first.
    """

    def __init__(self, app: Flask, make: Factory) -> None:
        self.house = House(app, make)
        self.written = Written(app)
        self.booked = make.approved(
            make.payment(make.invoice(self.house.acme), self.owner), self.house.users["reviewer"]
        )
        self.draft = make.invoice(self.house.acme, issued=False)

    @property
    def owner(self) -> User:
        return self.house.users["owner"]

    def _typed_at(self, path: str) -> dict[str, Any]:
        """What people would type where a form comes empty."""
        typed = FORM | {"password": PASSWORD, "current_password": PASSWORD, "proof": image("PNG")}
        typed |= {"account": self.house.acme.number, "email": "gus@portal.example"}
        if path == "/login":
            return typed | {"email": self.owner.email}
        return typed | ({"password": FORM["password"]} if path == "/profile/password" else {})

    def of_forms(self) -> Iterator[Field]:
        """The fields of all forms that people see on their pages: those that change and those that look."""
        seen: set[tuple[str, str, str]] = set()
        for visitor, page, typed in self._pages():
            for found in self._of_page(visitor, page, typed):
                place = (self._endpoint(found.method, found.path), found.method, found.name)
                if place not in seen:
                    seen.add(place)
                    yield found

    def of_the_api(self) -> Iterator[Field]:
        """The fields of all bodies and queries that the API describes."""
        callers = {visitor.role: visitor for visitor in self.house.callers if visitor.role in ("owner", "admin")}
        with self.house.app.app_context():
            described = document()
        for rule, methods in described["paths"].items():
            address = rule.format(**{name: str(value) for name, value in self._ids_at(rule).items()})
            for method, operation in methods.items():
                if method == "parameters":  # of the path itself
                    continue
                who = callers["owner" if "owner" in self._let_in(method, address) else "admin"]
                for parameter in operation.get("parameters", []):
                    if parameter.get("in") == "query":
                        yield Field(who, "GET", address, parameter["name"], in_query=True)
                for name in self._body(operation, described):
                    path = address.replace("/X-1/", "/X-2/") if method == "put" else address  # which nothing has yet
                    yield Field(who, method.upper(), path, name, self._others(method, address), is_json=True)

    def _ids_at(self, path: str) -> dict[str, Any]:
        """What the address takes: a payment that can be given back, an invoice that can be issued."""
        more = {"refund": {"payment_id": self.booked.id}, "issue": {"invoice_id": self.draft.id}}
        return self.house.own | more.get(path.rstrip("/").rpartition("/")[2], {})

    def _let_in(self, method: str, address: str) -> frozenset[str]:
        return LET_IN[self._endpoint(method, address), method.upper()]

    def _endpoint(self, method: str, address: str) -> str:
        endpoint, _ = self.house.app.url_map.bind("").match(address, method.upper())
        return str(endpoint)

    def _others(self, method: str, address: str) -> dict[str, Any]:
        if address.endswith("/manual/"):
            invoice = str(self.house.own["invoice_id"])
            return {"invoice_id": invoice, "payment_method": "bank_transfer", "transaction_reference": "T-1"}
        if address.endswith("/tokens/"):
            return {"name": "x"}
        body = body_of(method.upper(), address)
        if address.endswith("/refund/"):
            return body | {"version": self.booked.version}
        return body | {"role": "reviewer"} if address.endswith("billing/users/") else body

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

    def _pages(self) -> Iterator[Moment]:
        for role in ("owner", "admin", "nobody"):
            visitor = self.house.visitor(role)
            for rule in self.house.app.url_map.iter_rules():
                if "GET" in (rule.methods or ()) and rule.endpoint.split(".")[0] in ("web", "admin"):
                    response = visitor.send("GET", self.house.path(rule, self.house.ids_of(visitor)))
                    if response.status_code == 200 and response.content_type.startswith("text/html"):
                        yield visitor, Page(response), {}
        yield from moments(self.house)
        admin = self.house.visitor("admin")
        yield admin, admin.pages.get(f"/admin/payments/{self.booked.id}/"), {}

    def _of_page(self, visitor: Visitor, page: Page, typed: dict[str, str]) -> Iterator[Field]:
        here, cookies = page.response.request.path, visitor.pages.cookies()
        forms = page.root.all("form")
        for form in forms:
            method, is_export = method_of(form), form.has({"class_": "export"})
            for path in addresses_of(form, here):
                controls = controls_of(form)
                usual = self._typed_at(path) | typed
                others = {name: control.value or usual.get(name) for name, control in controls.items()}
                others |= {name: value for name, value in typed.items() if name in controls}
                if is_export:
                    controls = filter_of(forms, path.removesuffix("export"), here)
                if method == "GET" or is_export:
                    controls |= dict.fromkeys(EXTRA, Control("text", ""))
                for name, control in controls.items():
                    if name != "csrf_token":
                        yield Field(
                            visitor, method, path, name,
                            {} if method == "GET" else {other: value for other, value in others.items() if value},
                            in_query=method == "GET" or is_export,
                            is_text=control.is_text and name not in _UNREAD,
                            cookies=cookies,
                        )  # fmt: skip
