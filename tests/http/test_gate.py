"""The gate in front of all views."""

import pytest
from flask import Flask

from portal.foundation.access import Permission, public, requires
from portal.http.gate import UndeclaredRoute, check_declarations
from tests.factories import Factory
from tests.pages import Pages


def test_a_route_that_declares_nothing_stops_the_app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.view_functions, "stray", lambda: "open to everybody by mistake")
    with pytest.raises(UndeclaredRoute, match=r"stray: mark its view with @requires\(Permission.…\) or @public"):
        check_declarations(app)
    app.view_functions["stray"] = public(lambda: "open to everybody on purpose")
    check_declarations(app)
    app.view_functions["stray"] = requires(Permission.AUDIT_READ)(lambda: "for some")
    check_declarations(app)


def test_every_answer_has_its_own_request_id(app: Flask, make: Factory) -> None:
    client = app.test_client()
    ids = [client.get(path).headers["X-Request-ID"] for path in ("/login", "/nothing", "/api/v1/billing/x", "/login")]
    assert len(set(ids)) == 4


def test_staffs_pages_are_for_staff_whatever_a_route_declares(app: Flask, make: Factory) -> None:
    """Withdrawing is for customers too, but not on staff's pages, where all accounts are in sight."""
    acme, globex = make.account("Acme"), make.account("Globex")
    make.method()
    payment = make.payment(make.invoice(globex), make.user("owner", globex))
    visitor = Pages(app).sign_in(make.user("owner", acme))
    assert visitor.post(f"/admin/payments/{payment.id}/cancellation", {"version": "1"}).status == 403
    assert make.payment_now(payment).status == "pending_approval"


def test_static_files_need_nobody_and_may_be_kept(app: Flask) -> None:
    with app.test_client().get("/static/css/tokens.css") as response:
        assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-cache")
