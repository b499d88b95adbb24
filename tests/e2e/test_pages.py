"""Every page, at every width, light and dark: nothing overflows, nothing is called from outside, axe finds nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.xdist_group("e2e")
AXE = Path(__file__).resolve().parents[1] / "vendor/axe/axe.min.js"
CUSTOMER = (
    "/", "/invoices/", "/payments/", "/payments/?q=nothing-like-this", "/profile/", "/profile/tokens/",
    "/profile/second-factor", "/api/v1/billing/docs/#report", "/webhooks/", "/webhooks/new",
)  # fmt: skip
STAFF = (
    "/admin/approvals/", "/admin/payments/", "/admin/invoices/", "/admin/accounts/", "/admin/users/", "/admin/methods/",
    "/admin/audit/", "/admin/accounts/new", "/admin/users/new", "/admin/invoices/new", "/admin/methods/new",
    "/profile/", "/profile/tokens/", "/profile/second-factor", "/admin/webhooks/", "/admin/webhooks/new",
)  # fmt: skip
LISTS = ("/invoices/", "/payments/", "/admin/approvals/", "/admin/payments/", "/admin/invoices/", "/admin/accounts/",
         "/admin/users/", "/admin/methods/")  # fmt: skip


def addresses(page: Page, server: str, fixed: tuple[str, ...]) -> Iterator[str]:
    """The fixed pages, and behind each list its first row's page."""
    for path in fixed:
        yield path
        if path in LISTS:
            page.goto(f"{server}{path}")
            link = page.locator('main a[href*="/01"]').first.get_attribute("href")  # ids begin with the time
            assert link is not None
            yield link
    if fixed is CUSTOMER:
        page.goto(f"{server}/invoices/?status=open")
        yield (page.locator("tbody th a").last.get_attribute("href") or "") + "payment"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize(("email", "fixed"), [("owner@acme.example", CUSTOMER), ("admin@portal.example", STAFF)])
def test_every_page(
    email: str, fixed: tuple[str, ...], width: int, scheme: str, visitor: Callable[..., Visitor], server: str
) -> None:
    # The policy of the pages forbids foreign scripts, axe's too: this one context leaves it out.
    page = visitor(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True).sign_in(email)
    found = []
    for path in list(addresses(page, server, fixed)):
        page.goto(f"{server}{path}")
        found += faults_of(page, path)
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_a_tokens_life_in_a_browser(width: int, scheme: str, visitor: Callable[..., Visitor], server: str) -> None:
    """Issued for what was ticked, shown, rotated and revoked; what is not chosen folds away, and counts not."""
    who = visitor(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page = who.sign_in("member@acme.example")
    name, found = f"Ledger {width} {scheme}", []
    page.goto(f"{server}/profile/tokens/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Everything").check()
    assert not page.get_by_label("See invoices").is_visible()
    page.get_by_label("Only this").check()
    page.get_by_label("See invoices").check()
    page.get_by_role("button", name="Issue a token").click()
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
    assert found == []


def faults_of(page: Page, name: str) -> list[str]:
    """What is wrong with the page as it is shown now."""
    page.add_script_tag(path=AXE)
    violations = page.evaluate("axe.run().then(result => result.violations)")
    found = [
        f"{name}: {one['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for one in violations
        for node in one["nodes"][:3]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*found, f"{name}: wider than the window"] if wide else found


def test_the_sign_in_page(visitor: Callable[..., Visitor], server: str) -> None:
    page = visitor(viewport={"width": 360, "height": 800}).page()
    page.goto(f"{server}/login")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.activeElement.name") == "email"
