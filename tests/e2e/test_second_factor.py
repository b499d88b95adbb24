"""The second factor in a real browser: its QR code shows under the pages' policy, and no step needs JavaScript."""

import time
from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.axe import faults_of
from tests.e2e.conftest import Visitor
from tests.e2e.serving import PASSWORD

pytestmark = pytest.mark.xdist_group("e2e")


def begin(page: Page, server: str) -> pyotp.TOTP:
    """Up to the page with the QR code; what an app makes of it."""
    page.goto(f"{server}/profile/")
    page.get_by_role("link", name="Set it up").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    page.get_by_text("Type it instead").click()
    return pyotp.TOTP(page.locator(".steps .value").inner_text().strip())


def sign_in_with(page: Page, server: str, email: str, code: str) -> None:
    page.goto(f"{server}/login")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Type your code")
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()


def switch_off(page: Page, server: str) -> None:
    page.goto(f"{server}/profile/second-factor")
    page.locator("#removal-password").fill(PASSWORD)
    page.get_by_role("button", name="Switch it off").click()
    expect(page.get_by_text("Your second factor is removed.")).to_be_visible()


def test_without_javascript(visitor: Callable[..., Visitor], server: str) -> None:
    """Set up, signed out, in again by app and by recovery code, switched off."""
    email = "member@acme.example"
    member = visitor(java_script_enabled=False)
    page = member.sign_in(email)
    app = begin(page, server)
    page.get_by_label("Code", exact=True).fill(app.now())
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Save your recovery codes")
    recovery = page.locator("pre").inner_text().split()
    page.get_by_role("link", name="I have saved them").click()
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    sign_in_with(page, server, email, app.at(int(time.time()) + 30))
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_role("button", name="Sign out").click()
    sign_in_with(page, server, email, recovery[0].lower())
    expect(page.get_by_text("You used a recovery code; 9 are left.")).to_be_visible()
    switch_off(page, server)


@pytest.mark.parametrize("email", ["viewer@acme.example"])
def test_how_its_pages_look(email: str, visitor: Callable[..., Visitor], server: str) -> None:
    """The pages that are shown in passing: in both widths and both schemes nothing overflows, and axe finds nothing."""
    someone = visitor(bypass_csp=True)
    someone.expected.add(403)
    page, found = someone.sign_in(email), list[str]()

    def look(name: str) -> None:
        for width, scheme in ((360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            found.extend(faults_of(page, f"{name}, {width}, {scheme}"))

    app = begin(page, server)
    look("set up")
    page.get_by_label("Code", exact=True).fill(app.now())
    page.get_by_role("button", name="Switch it on").click()
    look("recovery codes")
    recovery = page.locator("pre").inner_text().split()
    page.goto(f"{server}/profile/second-factor")
    look("second factor")
    page.goto(f"{server}/profile/")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{server}/login")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("No phone at hand?").click()
    look("code")
    page.get_by_label("Recovery code").fill(recovery[0])
    page.get_by_role("button", name="Sign in with a recovery code").click()
    switch_off(page, server)
    assert found == []
