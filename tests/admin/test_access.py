"""Who may open which staff page: every route, every role."""

import pytest
from flask import Flask

from portal.foundation.access import CUSTOMER_ROLES, PERMISSIONS, STAFF_ROLES, Permission, Role, declared
from portal.foundation.ids import new_id
from tests.admin.conftest import World
from tests.factories import Factory
from tests.pages import Pages


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Method, address and endpoint of all staff routes, with ids that belong to nothing."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("admin."):
            address = str(rule)
            for argument in rule.arguments:
                for kind in (f"<id:{argument}>", f"<{argument}>"):
                    address = address.replace(kind, str(new_id()))
            found += [(verb, address, rule.endpoint) for verb in sorted((rule.methods or set()) & {"GET", "POST"})]
    return found


def test_there_are_routes_and_no_customer_role_has_a_permission_of_a_reading_one(app: Flask) -> None:
    assert len(routes(app)) > 25
    for _, address, endpoint in routes(app):
        permission = declared(app.view_functions[endpoint])
        assert permission is not None
        if permission is not Permission.WEBHOOK_MANAGE:  # owners have it for their own pages; these they open not
            assert [role for role in CUSTOMER_ROLES if permission in PERMISSIONS[role]] == [], address


@pytest.mark.parametrize("role", sorted(CUSTOMER_ROLES))
def test_customers_open_nothing(app: Flask, make: Factory, world: World, role: Role) -> None:
    visitor = Pages(app).sign_in(make.user(role.value, world.acme))
    for verb, address, _ in routes(app):
        page = visitor.get(address) if verb == "GET" else visitor.post(address)
        assert page.status == 403, (verb, address)


def test_strangers_are_sent_to_sign_in(app: Flask, world: World) -> None:
    stranger = app.test_client()
    for verb, address, _ in routes(app):
        answer = stranger.open(address, method=verb)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/login"), (verb, address)


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_staff_open_what_their_role_may(app: Flask, make: Factory, world: World, role: Role) -> None:
    visitor = Pages(app).sign_in(make.user(role.value))
    for verb, address, endpoint in routes(app):
        if endpoint.endswith("_export"):
            continue  # a file, and no page: tests/admin/test_exports.py, tests/matrix
        page = visitor.get(address) if verb == "GET" else visitor.post(address)
        allowed = declared(app.view_functions[endpoint]) in PERMISSIONS[role]
        assert (page.status != 403) is allowed, (verb, address, page.status)
        assert page.status < 500


def test_the_navigation_shows_what_one_may_open(reviewer: Pages, admin: Pages) -> None:
    everything = [
        "Approvals",
        "Dashboard",
        "Payments",
        "Invoices",
        "Accounts",
        "Users",
        "Methods",
        "Webhooks",
        "Audit log",
    ]

    def shown(visitor: Pages) -> list[str]:
        nav = visitor.get("/admin/payments/").root.one("nav", aria_label="Main")
        return [link.text for link in nav.all("a") if link.text != "Profile"]

    assert shown(admin) == everything
    assert shown(reviewer) == [name for name in everything if name not in ("Users", "Webhooks", "Audit log")]


def test_a_form_without_its_token_changes_nothing(admin: Pages, world: World) -> None:
    page = admin.post(f"/admin/users/{world.owner.id}/deactivation", token="")
    assert page.status == 400
    assert "May sign in" in admin.get(f"/admin/users/{world.owner.id}/").text


@pytest.mark.parametrize("noun", ["payments", "invoices", "accounts", "users", "methods"])
@pytest.mark.parametrize("id_", ["xyz", "1", "%00", "0" * 36, "x" * 5_000, "01920000-0000-7000-8000-000000000000"])
def test_what_is_not_there_is_404(admin: Pages, noun: str, id_: str) -> None:
    assert admin.get(f"/admin/{noun}/{id_}/").status == 404
