"""Every page that there is: found by following the pages' own links, and held against the app's routes."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import APIRequestContext, Page
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect, Rule

STATUSES = ("pending_approval", "processing", "succeeded", "failed", "refunded", "cancelled")
OF_INVOICES = ("open", "overdue", "paid", "void")
STARTS = {
    "owner@acme.example": (
        "/", "/payments/?q=nothing-like-this", "/webhooks/new", "/profile/second-factor", "/no-such-page",
        *(f"/payments/?status={status}" for status in STATUSES), *(f"/invoices/?status={one}" for one in OF_INVOICES),
        "/dev/style/",
    ),
    "admin@portal.example": (
        "/admin/", "/admin/payments/?q=nothing-like-this", "/admin/approvals/?q=nothing-like-this", "/profile/",
        "/admin/no-such-page", *(f"/admin/payments/?status={status}" for status in STATUSES),
        *(f"/admin/invoices/?status={one}" for one in ("draft", *OF_INVOICES)), "/admin/users/?staff=y",
        "/admin/search/?q=INV-2026", "/admin/search/?q=nothing-like-this", "/dev/mail/",
    ),
    "": ("/login", "/no-such-page", "/password-reset", "/password-reset/password", "/invitation", "/email-change"),
}  # fmt: skip
"""Where the three kinds of visitors begin; nobody has no address. A page that no link leads to is added here."""
SHOWN_IN_PASSING = {
    "web.second_step": "test_second_factor",
    "web.set_up": "test_second_factor: like the page to set it up, which staff without a factor see while signing in",
    "web.own_password": "test_own_password",
    "web.confirmation": "test_second_factor",
}
"""Pages that only a step before leads to, and the tests that look at them."""
_NOT_PAGES = ("api", "probes", "static")
_MAILS = ("dev.mail_html",)
"""Shown as mail programs show them, in a frame: no pages of ours."""
_LINK = re.compile(r'<(?:a|iframe|[a-z]+(?= [^>]*hx-get))\b[^>]*?\s(?:href|src|hx-get)="(/[^"]*)"')
_FOR_DEVELOPERS = "/dev/"
"""What is shown there is made up, or somebody else's."""
_PER_ENDPOINT, _PER_PAGE = 14, 3


@dataclass(frozen=True)
class Place:
    """A page: its endpoint, an address of it, and the state of what it shows."""

    endpoint: str
    address: str
    state: str = ""

    @property
    def name(self) -> str:
        """What to call a picture of it."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.endpoint} {self.state}".lower()).strip("-")


@dataclass
class Atlas:
    """What one visitor can reach."""

    places: list[Place] = field(default_factory=list)
    endpoints: set[str] = field(default_factory=set)
    """Those that answered, also with what is no page: a file, or a redirect."""
    broken: list[str] = field(default_factory=list)


def page_endpoints(routes: Map) -> set[str]:
    """The endpoints that answer GET with a page, a file or a redirect for people."""
    return {rule.endpoint for rule in routes.iter_rules() if _is_for_people(rule)}


def furnish(page: Page, server: str, base: str = "") -> None:
    """Make what the demo has none of: a token, and an endpoint of webhooks with a delivery. The name leads nowhere."""
    page.goto(f"{server}{base}/webhooks/")
    if page.locator("tbody").count() == 0:
        page.goto(f"{server}{base}/webhooks/new")
        page.get_by_label("Address").fill("https://hooks.invalid/portal/in?source=billing&of=a-rather-long-name")
        page.get_by_label("payment.approved").check()
        page.get_by_role("button", name="Add the endpoint").click()
        page.get_by_role("button", name="Send a test").click()
        page.get_by_role("link", name="webhook.test").wait_for()
    page.goto(f"{server}/profile/tokens/")
    page.get_by_label("Name").fill("Nightly export")
    page.get_by_label("Full access", exact=True).check()
    page.get_by_role("button", name="Create a token").click()
    page.get_by_role("heading", name="Your new token").wait_for()


def explore(request: APIRequestContext, server: str, starts: Iterable[str], routes: Map) -> Atlas:
    """Follow the links from these addresses, of each kind of page a few."""
    atlas, adapter = Atlas(), routes.bind(urlsplit(server).netloc)
    waiting, seen, fetched = deque((start, "") for start in starts), set[str](), Counter[str]()
    while waiting:
        address, linked_from = waiting.popleft()
        endpoint = _endpoint(adapter, address)
        if address in seen or fetched[endpoint] >= _PER_ENDPOINT:
            continue
        if linked_from.startswith(_FOR_DEVELOPERS) and not address.startswith(_FOR_DEVELOPERS):
            continue
        seen.add(address)
        fetched[endpoint] += 1
        answer = request.get(f"{server}{address}")
        if linked_from and not answer.ok:
            atlas.broken.append(f"{linked_from} leads to {address}: {answer.status}")
            continue
        arrived = urlsplit(answer.url).path
        atlas.endpoints |= {endpoint, _endpoint(adapter, arrived)}
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        text = answer.text()
        if "<html" in text and endpoint not in _MAILS:
            state = _state(text, "" if linked_from else address) if answer.ok else "nothing"
            _note(atlas, Place(_endpoint(adapter, arrived), address, state))
            waiting.extend((link, address) for link in _links(text, adapter))
    return atlas


def _links(text: str, adapter: Any) -> Iterator[str]:
    """Where the page leads, and what it shows of other addresses; of each kind a few."""
    found = Counter[str]()
    for link in dict.fromkeys(unescape(found) for found in _LINK.findall(text)):
        found[_endpoint(adapter, link)] += 1
        if found[_endpoint(adapter, link)] <= _PER_PAGE:
            yield link


def _note(atlas: Atlas, place: Place) -> None:
    if not any(one.endpoint == place.endpoint and one.state == place.state for one in atlas.places):
        atlas.places.append(place)


def _state(text: str, started_from: str) -> str:
    """The badge beside the page's heading; that a list is empty; or what went wrong."""
    if started_from.endswith(("no-such-page", "nothing-like-this")):
        return "nothing"
    head = re.search(r'class="page-head">(.*?)</h1>(.*?)</div>', text, re.DOTALL)
    badge = re.search(r'class="badge[^>]*>(.*?)</span>', head[2], re.DOTALL) if head else None
    return re.sub(r"<.*?>", "", badge[1]).strip() if badge else ""


def _endpoint(adapter: Any, address: str) -> str:
    try:
        endpoint, _ = adapter.match(urlsplit(address).path, method="GET")
    except RequestRedirect:
        return "redirect"
    except HTTPException:
        return "nothing"
    return str(endpoint)


def _is_for_people(rule: Rule) -> bool:
    return "GET" in (rule.methods or ()) and rule.endpoint.split(".")[0] not in _NOT_PAGES
