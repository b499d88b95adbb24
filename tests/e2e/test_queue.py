"""The approval queue by keyboard, in a browser, before the portal as it is served."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.app import create_app
from portal.foundation.tenancy import across_accounts
from tests.e2e.conftest import Visitor
from tests.engines import disconnect
from tests.factories import Factory

pytestmark = pytest.mark.xdist_group("e2e")
CASES = 50
LOSE_THE_NEXT_ANSWER = """() => {
  const fetched = window.fetch;
  window.fetch = async (address, options) => {
    window.fetch = fetched;
    await fetched(address, { ...options, redirect: "manual" });
    throw new TypeError("Failed to fetch");
  };
}"""
"""In the page itself: what intercepts requests from outside lets one through now and then."""


@pytest.fixture(scope="module")
def account(folder: Path, server: str) -> str:
    """The number of an account with 55 clear cases: one is left at the end, in the database of the server."""
    app = create_app({"DATA_DIR": folder})
    make = Factory(app, first=700_001)
    account = make.account("Keys & Sons", country="GB", currency="GBP")
    owner, reviewer = make.user("owner", account), make.user("reviewer")
    with app.app_context(), across_accounts():
        make.approved(make.payment(make.invoice(account, "20.00"), owner), reviewer)
        for _ in range(CASES + 5):
            invoice = make.invoice(account, "20.00")
            make.payment(invoice, owner, str(invoice.payment_reference))
    disconnect(app)
    return account.number


@pytest.fixture
def reviewer(visitor: Callable[..., Visitor]) -> Visitor:
    return visitor(viewport={"width": 1280, "height": 800})


@pytest.fixture
def queue(account: str, reviewer: Visitor, server: str) -> Page:
    """The account's clear cases before the reviewer. The clock can be put forward."""
    page = reviewer.sign_in("reviewer@portal.example")
    page.clock.install()
    page.goto(f"{server}/admin/approvals/?lane=clear&account={account}")
    page.clock.fast_forward(1000)
    return page


def shown(page: Page) -> str:
    return page.locator("#pane").get_attribute("data-payment") or ""


def clear(page: Page) -> int:
    """How many the tab of the lane counts."""
    return int(page.get_by_role("link", name="Clear").locator(".count").inner_text())


def test_what_is_shown_is_decided_and_nothing_else(queue: Page) -> None:
    before, first = clear(queue), shown(queue)
    queue.keyboard.press("j")
    expect(queue.locator("#pane")).not_to_have_attribute("data-payment", first)
    second = shown(queue)
    queue.keyboard.press("a")  # too soon to have looked at it
    expect(queue.get_by_role("status")).to_have_text("This is another payment. Look at it first.")
    queue.keyboard.press("k")
    expect(queue.locator("#pane")).to_have_attribute("data-payment", first)
    queue.clock.fast_forward(1000)
    queue.keyboard.press("a")
    queue.keyboard.press("a")
    expect(queue.locator("#pane")).to_have_attribute("data-payment", second)
    queue.keyboard.press("a")
    expect(queue.locator(".flashes")).to_contain_text("Approved:")
    expect(queue.locator("#pane-head")).to_be_focused()
    assert (clear(queue), shown(queue)) == (before - 1, second)
    queue.keyboard.down("j")  # held down it moves once
    expect(queue.locator("#pane")).not_to_have_attribute("data-payment", second)
    third = shown(queue)
    queue.keyboard.down("j")
    queue.keyboard.up("j")
    assert shown(queue) == third
    queue.go_back()
    expect(queue.locator("#pane")).to_have_attribute("data-payment", second)


def test_on_a_payments_own_page_a_double_press_decides_one(queue: Page, server: str) -> None:
    address = f"{server}/admin/payments/{shown(queue)}/"
    press = "document.querySelector('[data-decision=approve] button')?.click()"
    queue.add_init_script(f"addEventListener('DOMContentLoaded', () => {press})")  # too soon to have looked at it
    queue.goto(address)
    assert queue.evaluate("document.querySelector('[data-decision=approve]').dataset.sent ?? 'not sent'") == "not sent"
    queue.clock.fast_forward(1000)
    queue.get_by_role("button", name="Approve").dblclick()
    expect(queue.locator(".flashes")).to_contain_text("Approved:")
    expect(queue.get_by_role("button", name="Approve")).to_have_count(0)
    assert queue.url == address


def test_reasons_selection_help_and_the_switch(queue: Page) -> None:
    before = clear(queue)
    queue.keyboard.press("x")
    expect(queue.locator("[data-selected]")).to_have_text("1 selected")
    queue.keyboard.press("j")
    expect(queue.locator(".queue li").nth(1).locator("[aria-current]")).to_be_visible()
    expect(queue.locator("[data-selected]")).to_have_text("1 selected")
    queue.keyboard.press("u")
    expect(queue.locator("[data-selected]")).to_have_text("0 selected")
    queue.keyboard.press("r")
    expect(queue.get_by_label("Start from")).to_be_focused()
    queue.get_by_label("Start from").select_option(index=1)
    reason = queue.get_by_label("Reason")
    expect(reason).to_have_value(re.compile("^No transfer with this reference arrived"))
    reason.focus()
    queue.keyboard.press("ControlOrMeta+End")
    queue.keyboard.type(" ajkro?")
    queue.get_by_label("Start from").select_option(index=2)
    expect(reason).to_have_value(re.compile("^The amount that arrived [^.]+[.] Please [^.]+[.] ajkro[?]$"))
    queue.clock.fast_forward(1000)
    queue.get_by_role("button", name="Reject payment").click()
    expect(queue.locator(".flashes")).to_contain_text("Rejected:")
    assert clear(queue) == before - 1
    queue.keyboard.press("/")
    expect(queue.get_by_label("Search everything")).to_be_focused()
    queue.keyboard.press("Escape")
    queue.keyboard.press("?")
    queue.get_by_role("button", name="Keys are on").click()
    queue.get_by_role("button", name="Close").click()
    here = shown(queue)
    queue.keyboard.press("j")
    expect(queue.locator("#pane")).to_have_attribute("data-payment", here)
    queue.evaluate("localStorage.clear()")


def test_keys_that_are_faster_than_the_pages(queue: Page) -> None:
    rows = [link.get_attribute("href") for link in queue.locator(".queue a").all()]
    queue.keyboard.type("jjj")
    expect(queue.locator(f'.queue a[href="{rows[3]}"]')).to_have_attribute("aria-current", "true")
    queue.keyboard.type("kk")
    expect(queue.locator(f'.queue a[href="{rows[1]}"]')).to_have_attribute("aria-current", "true")


def test_an_answer_that_does_not_come_is_said(queue: Page, reviewer: Visitor) -> None:
    """The payment is approved and the answer lost; the second press is answered as the first one was."""
    reviewer.loses_answers = True
    before, here = clear(queue), shown(queue)

    queue.evaluate(LOSE_THE_NEXT_ANSWER)
    queue.keyboard.press("a")
    expect(queue.get_by_role("alert")).to_have_text("No answer came. Press again: nothing is done twice.")
    assert shown(queue) == here
    queue.keyboard.press("a")
    expect(queue.locator(".flashes")).to_contain_text("Approved:")
    assert clear(queue) == before - 1


def test_fifty_clear_cases_by_keyboard_alone(queue: Page, record_property: Callable[[str, Any], None]) -> None:
    """Each decision is two requests; from the key to the next case in sight it takes as long as is noted.

    Chromium looks up the icon of the tab by itself, in its cache, whenever the address changes.
    """
    requests: list[str] = []
    queue.on("request", lambda request: requests.append(request.method) if "/favicon.svg" not in request.url else None)
    before, took = clear(queue), []
    for _ in range(CASES):
        here, begin = shown(queue), time.perf_counter()
        queue.keyboard.press("a")
        queue.wait_for_function("here => document.querySelector('#pane')?.dataset.payment !== here", arg=here)
        took.append(time.perf_counter() - begin)
        queue.clock.fast_forward(1000)
    assert requests == ["POST", "GET"] * CASES
    record_property("median_ms", round(1000 * median(took)))
    print(f"\nfrom key to next case: {1000 * median(took):.0f} ms at the median of {CASES}")  # noqa: T201
    assert clear(queue) == before - CASES
