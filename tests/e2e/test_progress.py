"""A payment's page in a browser, while staff decide: it follows by itself, says so aloud, and stops at the end."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.xdist_group("e2e")


def questions(page: Page) -> list[str]:
    """What the page asks by itself from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/progress" in request.url else None)
    return asked


def waiting(page: Page, server: str, number: int) -> str:
    """The address of one of the account's payments that wait."""
    page.goto(f"{server}/payments/?status=pending_approval")
    return server + (page.locator("tbody th a").nth(number).get_attribute("href") or "")


def test_a_page_follows_its_payment(visitor: Callable[..., Visitor], server: str) -> None:
    page = visitor().sign_in("owner@globex.example")
    address = waiting(page, server, 0)
    page.clock.install()
    asked = questions(page)
    page.goto(address)
    page.evaluate("window.heard = document.getElementById('stands')")
    page.get_by_role("link", name="INV-").focus()
    for seconds, number in ((5, 1), (10, 2)):
        with page.expect_response(lambda response: "/progress" in response.url):
            page.clock.run_for(seconds * 1000)
        assert len(asked) == number
        expect(page.locator("[hx-get]")).to_have_attribute("hx-get", re.compile(f"asked={number}$"))
    expect(page.get_by_role("status")).to_contain_text("We are checking your payment.")

    staff = visitor().sign_in("reviewer@portal.example")
    staff.goto(address.replace("/payments/", "/admin/payments/"))
    staff.wait_for_timeout(600)  # what was not in sight for half a second is not decided
    staff.get_by_role("button", name="Approve").first.click()
    staff.wait_for_load_state()
    with page.expect_response(lambda response: "/progress" in response.url):
        page.clock.run_for(20_000)
    expect(page.get_by_role("status")).to_contain_text("Your payment succeeded.")
    # The same element, else no screen reader says what changed in it.
    assert page.evaluate("window.heard === document.getElementById('stands')")
    assert page.locator(":focus").text_content() == page.get_by_role("link", name="INV-").text_content()
    expect(page.get_by_role("listitem").filter(has_text="Approved by our staff")).to_be_visible()
    expect(page.get_by_role("button", name="Withdraw this payment")).to_have_count(0)
    expect(page.get_by_role("button", name="Copy")).to_have_count(1)
    page.clock.run_for(600_000)
    assert len(asked) == 3


def test_a_payment_that_goes_on_is_followed_further(visitor: Callable[..., Visitor], server: str) -> None:
    """As a provider's does, from started to processing: the page of before asks on in the place of the one after."""
    page = visitor().sign_in("owner@globex.example")
    address = waiting(page, server, 1)
    page.clock.install()
    asked = questions(page)
    page.goto(address)
    older = "document.querySelector('[hx-get]').setAttribute('hx-get', '{}progress?version=7')"
    page.evaluate(older.format(address.removeprefix(server)))
    for number, following in ((1, "version=1"), (2, "asked=1")):
        with page.expect_response(lambda response: "/progress" in response.url):
            page.clock.run_for(5000)
        assert len(asked) == number
        expect(page.locator("[hx-get]")).to_have_attribute("hx-get", re.compile(f"{following}$"))


def test_a_page_outlives_its_session(visitor: Callable[..., Visitor], server: str) -> None:
    who = visitor()
    page = who.sign_in("owner@globex.example")
    address = waiting(page, server, 1)
    page.clock.install()
    asked = questions(page)
    page.goto(address)
    who.context.clear_cookies()
    page.clock.run_for(5000)
    expect(page.get_by_role("alert")).to_contain_text("You are signed out")
    assert page.url == address
    page.clock.run_for(600_000)
    assert len(asked) == 1
    page.get_by_role("link", name="Sign in again").click()
    page.wait_for_url("**/login?next=*")
