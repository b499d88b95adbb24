"""A visitor of the pages: fetches them as a browser would without JavaScript, and inspects each one that it sees.

What every page must have (HOUSE 14) is checked at each fetch, so that no test can forget it.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts.models import User
from tests import authenticators
from tests.factories import PASSWORD
from tests.markup import faults_of

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "path"}


@dataclass
class Node:
    """An element, with its attributes, children and the text straight inside it."""

    tag: str
    attributes: dict[str, str]
    parent: "Node | None" = None
    children: list["Node | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text inside, blanks collapsed."""
        words = "".join(
            child if isinstance(child, str) else child.text if child.goes_on_in_the_word else f" {child.text} "
            for child in self.children
        )
        return re.sub(r"\s+", " ", words).strip()

    @property
    def goes_on_in_the_word(self) -> bool:
        """Whether no blank stands around it."""
        return self.tag == "wbr" or self.has({"class_": "fraction"})

    def all(self, tag: str = "", **attributes: str) -> list["Node"]:
        """The elements inside with this tag and these attributes (``class_`` matches one of the classes)."""
        found = []
        for child in self.children:
            if isinstance(child, Node):
                if (not tag or child.tag == tag) and child.has(attributes):
                    found.append(child)
                found += child.all(tag, **attributes)
        return found

    def one(self, tag: str = "", **attributes: str) -> "Node":
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def has(self, attributes: dict[str, str]) -> bool:
        """Whether the element carries all of them."""
        for name, value in attributes.items():
            own = self.attributes.get(name.rstrip("_").replace("_", "-"))
            if own is None or (value not in own.split() if name == "class_" else value != own):
                return False
        return True


def copied(node: Node) -> str:
    """What somebody gets who copies the value of a ``copyable``: all of its letters, and no blank more."""
    return _letters(node.one(class_="value")).strip()


def _letters(node: Node) -> str:
    return "".join(child if isinstance(child, str) else _letters(child) for child in node.children)


def _cells(node: Node) -> list[list[str]]:
    rows = [row for body in node.all("tbody") for row in body.all("tr")]
    return [[cell.text for cell in row.children if isinstance(cell, Node)] for row in rows]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.here = Node("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, self.here)
        assert len(node.attributes) == len(attrs), f"doubled attribute in {tag}: {attrs}"
        self.here.children.append(node)
        if tag not in _VOID:
            self.here = node

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        assert self.here.tag == tag, f"</{tag}> closes <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


class Page:
    """An answer, read as a page."""

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        self.status = response.status_code
        self.location = urlsplit(response.headers.get("Location", "")).path
        builder = _Builder()
        builder.feed(response.text)
        self.root = builder.root

    @property
    def title(self) -> str:
        return self.root.one("title").text

    @property
    def h1(self) -> str:
        return self.root.one("h1").text

    @property
    def text(self) -> str:
        """What stands in the page's main part."""
        return self.root.one("main").text

    @property
    def links(self) -> dict[str, str]:
        """Addresses by the links' words."""
        return {link.text: link.attributes["href"] for link in self.root.all("a")}

    @property
    def rows(self) -> list[list[str]]:
        """The cells of all table bodies."""
        return _cells(self.root)

    def rows_of(self, label: str) -> list[list[str]]:
        """The cells of the table in the region that is called so; none where there is no such region."""
        return [row for region in self.root.all(role="region", aria_label=label) for row in _cells(region)]

    @property
    def notices(self) -> list[str]:
        """What the page points out."""
        return [notice.text for notice in self.root.all(class_="notice")]

    @property
    def field_errors(self) -> dict[str, str]:
        """What is wrong, by the name of the input that it is tied to."""
        errors = {}
        for control in self.root.all(aria_invalid="true"):
            ids = control.attributes["aria-describedby"].split()
            error = next(node for node in self.root.all(class_="error") if node.attributes.get("id") in ids)
            errors[control.attributes["name"]] = error.text
        return errors

    @property
    def values(self) -> dict[str, str]:
        """What the inputs hold, by name (the last of each name; a choice counts when it is chosen)."""
        values = {}
        for control in self.root.all("input") + self.root.all("textarea"):
            kind = control.attributes.get("type")
            if kind not in ("radio", "checkbox") or "checked" in control.attributes:
                name = control.attributes.get("name", "")
                raw = "".join(child for child in control.children if isinstance(child, str))
                values[name] = (
                    raw.removeprefix("\r\n") if control.tag == "textarea" else control.attributes.get("value", "")
                )
        for select in self.root.all("select"):
            chosen = [option for option in select.all("option") if "selected" in option.attributes]
            values[select.attributes["name"]] = chosen[-1].attributes["value"] if chosen else ""
        return values

    @property
    def buttons(self) -> list[str]:
        """The buttons' words, but for signing out."""
        return [button.text for button in self.root.all("button") if button.text != "Sign out"]


class Pages:
    """A browser without JavaScript. Each visitor has their own."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()
        self._csrf_token = ""

    def sign_in(self, user: User, password: str = PASSWORD) -> "Pages":
        """Sign in by the form, with a code of the user's phone where the portal asks for one."""
        self.get("/login")
        page = self.post("/login", {"email": user.email, "password": password})
        assert page.status == 303
        if page.location == "/login/code":
            self.follow(page)
            assert self.post("/login/code", {"code": authenticators.code(user)}).status == 303
        return self

    def get(self, path: str, **query: Any) -> Page:
        """Fetch a page, and inspect it."""
        return self._read(self._client.get(path, query_string=query or None))

    def post(self, path: str, data: dict[str, Any] | None = None, *, token: str | None = None) -> Page:
        """Send a form with the session's CSRF token, or another one."""
        if not self._csrf_token and self.get("/profile/").status == 302:
            page = self.get("/login")
            while page.status == 302:  # the second step of signing in has the form
                page = self.follow(page)
        form = {"csrf_token": self._csrf_token if token is None else token} | (data or {})
        page = self._read(self._client.post(path, data=form))
        if page.status == 303 and path.startswith(("/login", "/logout", "/profile/password")):
            self._csrf_token = ""  # another session, another token
        return page

    @property
    def csrf_token(self) -> str:
        """The token that the last form held."""
        return self._csrf_token

    def send(self, method: str, path: str, **more: Any) -> TestResponse:
        """Any request with the visitor's cookies; the answer as it is."""
        return self._client.open(path, method=method, buffered=True, **more)

    def cookies(self) -> dict[str, str]:
        """The cookies that the browser keeps."""
        return {cookie.key: cookie.value for cookie in (self._client._cookies or {}).values()}

    def set_cookies(self, cookies: dict[str, str]) -> None:
        """Put these cookies in."""
        for name, value in cookies.items():
            self._client.set_cookie(name, value)

    def follow(self, page: Page) -> Page:
        """Where the answer sends the browser."""
        return self.get(page.response.headers["Location"])

    def _read(self, response: TestResponse) -> Page:
        page = Page(response)
        if response.status_code in (301, 302, 303, 307, 308):
            return page
        assert response.content_type == "text/html; charset=utf-8", response.data
        assert response.status_code != 500, page.text
        inspect(page)
        tokens = page.root.all("input", name="csrf_token")
        if tokens:
            self._csrf_token = tokens[0].attributes["value"]
        return page


def bare(response: TestResponse) -> bytes:
    """The answer without its request's id, and without tokens against forgery, which hold the second."""
    data = response.data.replace(response.headers["X-Request-ID"].encode(), b"")
    return re.sub(rb'(name="csrf_token" [^>]*value=")[^"]*', rb"\1", data)


def inspect(page: Page) -> None:
    """What every page must have."""
    root = page.root
    assert page.title.endswith(" · Billing Portal")
    assert page.title != "· Billing Portal"
    assert len(root.all("h1")) == 1
    assert root.one("html").attributes["lang"]
    assert faults_of(page.response.text, root.all()) == []
    ids = Counter(node.attributes["id"] for node in root.all() if "id" in node.attributes)
    assert [id_ for id_, number in ids.items() if number > 1] == []
    assert [node.tag for node in root.all() if "style" in node.attributes or node.tag == "style"] == []
    assert [node.tag for node in root.all() if any(name.startswith("on") for name in node.attributes)] == []
    assert [script for script in root.all("script") if "src" not in script.attributes] == []
    _inspect_controls(root, set(ids))
    for form in root.all("form"):
        if form.attributes.get("method", "get").lower() == "post":
            assert form.all("input", name="csrf_token"), f"no CSRF token in the form to {form.attributes.get('action')}"
    for table in root.all("table"):
        assert table.all("th"), "a table without headings"
    for node in root.all():
        for name in ("src", "href", "action"):
            assert not node.attributes.get(name, "").startswith(("http:", "https:", "//", "javascript:"))


def _inspect_controls(root: Node, ids: set[str]) -> None:
    labelled = {label.attributes.get("for") for label in root.all("label")}
    for control in root.all("input") + root.all("select") + root.all("textarea"):
        if control.attributes.get("type") == "hidden":
            continue
        named = control.attributes.get("id") in labelled or "aria-label" in control.attributes
        assert named, f"no label for {control.attributes}"
        described = control.attributes.get("aria-describedby", "").split()
        assert set(described) <= ids, f"{control.attributes} is described by what is not there"
    for button in root.all("button") + root.all("a"):
        assert button.text or "aria-label" in button.attributes, f"no words on {button.attributes}"
