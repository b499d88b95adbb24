"""Webhooks in a browser: an endpoint is added, tried and removed."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.axe import faults_of
from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.xdist_group("e2e")


def add(page: Page, server: str, base: str) -> None:
    page.goto(f"{server}{base}/webhooks/new")
    page.get_by_label("Address").fill("https://hooks.invalid/portal/in?source=billing&of=somebody-with-a-long-name")
    page.get_by_label("payment.approved").check()
    page.get_by_role("button", name="Add the endpoint").click()


@pytest.mark.parametrize(("email", "base"), [("owner@acme.example", ""), ("admin@portal.example", "/admin")])
def test_an_endpoint_is_added_and_tried(email: str, base: str, visitor: Callable[..., Visitor], server: str) -> None:
    page = visitor(bypass_csp=True).sign_in(email)
    add(page, server, base)
    endpoint = page.url
    page.get_by_role("button", name="Send a test").click()
    page.get_by_role("link", name="webhook.test").click()
    while "No answer" not in page.content():  # .invalid leads nowhere (RFC 6761); the server's own worker finds out
        page.wait_for_timeout(300)
        page.reload()
    expect(page.get_by_text("The next try is at")).to_be_visible()
    page.goto(endpoint)
    page.get_by_role("button", name="Show it").click()
    expect(page.get_by_text("whsec_")).to_be_visible()
    assert faults_of(page, "the secret") == []
    page.goto(endpoint)
    page.get_by_role("button", name="Remove the endpoint").click()
    expect(page.get_by_text("The endpoint is removed.")).to_be_visible()
