"""Every page, at every width, light and dark: nothing overflows, nothing is called from outside, axe finds nothing.

Which pages there are, the app's routes say (``atlas``): a new one is looked at as soon as a link leads to it.
"""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page

from portal.app import create_app
from tests.e2e.atlas import SHOWN_IN_PASSING, STARTS, Atlas, explore, furnish, page_endpoints
from tests.e2e.axe import costs_of, faults_of, overflow_of, show
from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.xdist_group("e2e")


@pytest.fixture(scope="session")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The app, for its routes."""
    return create_app({"TESTING": True, "SECRET_KEY": "routes", "DATA_DIR": tmp_path_factory.mktemp("routes")})


@pytest.mark.parametrize("email", list(STARTS))
def test_every_page(email: str, routes: Flask, visitor: Callable[..., Visitor], server: str) -> None:
    # The policy of the pages forbids foreign scripts, axe's too: this one context leaves it out.
    who = visitor(viewport={"width": 1280, "height": 800}, bypass_csp=True)
    who.expected |= {400, 404, 410}  # nothing there; a link that is over
    page, atlas = look_around(who, email, routes)
    found, titles = atlas.broken, dict[str, str]()
    for place in atlas.places:
        show(page, 1280, "light")
        page.goto(f"{server}{place.address}")
        name = f"{place.endpoint} {place.state} {place.address}"
        found += costs_of(page, name) + faults_of(page, f"{name}, 1280 light")
        if place.state != "nothing" and titles.setdefault(page.title(), place.endpoint) != place.endpoint:
            found.append(f"{name}: called as {titles[page.title()]} is: {page.title()}")
        for width in (1024, 768, 640):  # 640: 1280 at 200 %
            show(page, width, "light")
            found += overflow_of(page, f"{name}, {width}")
        show(page, 360, "light")
        found += faults_of(page, f"{name}, 360 light")
        show(page, 360, "dark")
        found += faults_of(page, f"{name}, 360 dark", colours_only=True)
        show(page, 1280, "dark")
        found += faults_of(page, f"{name}, 1280 dark", colours_only=True)
    assert not found, "\n".join(found)


def test_no_page_is_forgotten(routes: Flask, visitor: Callable[..., Visitor]) -> None:
    """A page that no link leads to belongs into ``STARTS``."""
    reached = set().union(*(look_around(visitor(), email, routes)[1].endpoints for email in STARTS))
    assert page_endpoints(routes.url_map) - reached == set(SHOWN_IN_PASSING)


def look_around(who: Visitor, email: str, routes: Flask) -> tuple[Page, Atlas]:
    """What there is for this visitor, who signs in first, unless they are nobody."""
    page = who.page()
    if email:
        who.sign_in(email, page)
        furnish(page, who.server, "/admin" if "admin" in email else "")
    return page, explore(who.context.request, who.server, STARTS[email], routes.url_map)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_a_tokens_life_in_a_browser(width: int, scheme: str, visitor: Callable[..., Visitor], server: str) -> None:
    """Issued for what was ticked, shown, rotated and revoked; what is not chosen folds away, and counts not."""
    who = visitor(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page = who.sign_in("member@acme.example")
    name, found = f"Ledger {width} {scheme}", []
    page.goto(f"{server}/profile/tokens/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Full access", exact=True).check()
    assert not page.get_by_label("See invoices").is_visible()
    page.get_by_label("Only what you choose").check()
    page.get_by_label("See invoices").check()
    page.get_by_role("button", name="Create a token").click()
    page.get_by_role("heading", name="Your new token").wait_for()
    found += faults_of(page, "issued")
    page.get_by_role("link", name="I have copied it").click()
    found += faults_of(page, "listed")
    page.get_by_role("link", name=name).click()
    found += faults_of(page, "one token")
    page.get_by_label("The old one ends").select_option("in 7 days")
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("heading", name="Your new token").wait_for()
    found += faults_of(page, "rotated")
    page.goto(f"{server}/profile/tokens/")
    page.get_by_role("link", name=name).first.click()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text(f"The token “{name}” is revoked.").wait_for()
    found += faults_of(page, "revoked")
    assert not found, "\n".join(found)


def test_the_sign_in_page(visitor: Callable[..., Visitor], server: str) -> None:
    page = visitor(viewport={"width": 360, "height": 800}).page()
    page.goto(f"{server}/login")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.activeElement.name") == "email"


def test_amounts_of_a_column_align_on_the_decimal_point(visitor: Callable[..., Visitor], server: str) -> None:
    """Yen, euros and dinars: no digit after the point, two and three."""
    page = visitor(viewport={"width": 1280, "height": 800}).page()
    page.goto(f"{server}/dev/style/")
    points = "all => all.map(one => one.getBoundingClientRect().left)"
    found = page.locator(".num .fraction").evaluate_all(points)
    assert len(found) == 3
    assert max(found) - min(found) < 0.5  # pixels


def test_on_paper_and_with_the_readers_own_colours(visitor: Callable[..., Visitor], server: str) -> None:
    page = visitor(color_scheme="dark").sign_in("viewer@acme.example")
    page.goto(f"{server}/payments/")
    page.emulate_media(media="print")
    assert not page.locator(".nav").is_visible()
    assert not page.get_by_role("button", name="Filter").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen", forced_colors="active")
    outlined = "one => getComputedStyle(one).outlineStyle"
    assert page.locator(".nav [aria-current=page]").evaluate(outlined) == "solid"
    assert page.locator("tbody .badge").first.evaluate("one => getComputedStyle(one).borderTopStyle") == "solid"
