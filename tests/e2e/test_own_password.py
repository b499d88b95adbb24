"""Whoever is added with a password by an admin, and chooses their own when they sign in."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import faults_of
from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.xdist_group("e2e")

EMAIL, GIVEN, OWN = "nadia@acme.example", "handed over in person", "known to nobody else"


def test_from_the_admins_form_to_the_users_first_page(visitor: Callable[..., Visitor], server: str) -> None:
    admins = visitor(java_script_enabled=False).sign_in("admin@portal.example")
    admins.goto(f"{server}/admin/users/new")
    for label, value in (("Name", "Nadia New"), ("E-mail address", EMAIL), ("Account number", "C-1001")):
        admins.get_by_label(label).fill(value)
    admins.get_by_label("Role").select_option("member")
    admins.get_by_label("Password").fill(GIVEN)
    admins.get_by_role("button", name="Create user").click()
    expect(admins.get_by_text("Handed over; signing in asks")).to_be_visible()

    someone = visitor(bypass_csp=True)
    page = someone.page()
    page.goto(f"{server}/login?next=/invoices/")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(GIVEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose your password")
    found = list[str]()
    for width, scheme in ((360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        found.extend(faults_of(page, f"own password, {width}, {scheme}"))
    page.get_by_label("New password").fill(OWN)
    page.get_by_role("button", name="Change the password and sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Invoices")
    assert found == []
