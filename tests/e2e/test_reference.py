"""The API's reference in a browser: what is tried there is done, by the browser's own session."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.xdist_group("e2e")
DOCS = "/api/v1/billing/docs/"


def test_a_call_is_tried(visitor: Callable[..., Visitor], server: str) -> None:
    page = visitor().sign_in("owner@globex.example")
    page.goto(f"{server}{DOCS}#invoice_list")
    listing = page.locator("#invoice_list")
    listing.get_by_label("status").fill("open")
    listing.get_by_label("page_size").fill("1")
    listing.get_by_role("button", name="Send").click()
    expect(listing.get_by_label("Answer", exact=True)).to_contain_text('200 OK\n\n{\n  "success": true')
    expect(listing.get_by_label("Answer", exact=True)).to_contain_text('"page_size": 1')


def test_what_changes_something_works_too(visitor: Callable[..., Visitor], server: str) -> None:
    browser = visitor()
    browser.expected = {404}
    page = browser.sign_in("owner@globex.example")
    page.goto(f"{server}{DOCS}#report")
    report = page.locator("#report")
    report.get_by_label("Idempotency-Key").fill("tried-by-hand")
    report.get_by_role("button", name="Send").click()  # the invoice of the example is nobody's
    expect(report.get_by_label("Answer", exact=True)).to_contain_text('"code": "not_found"')
