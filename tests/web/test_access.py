"""Who may see what."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import TimeoutError as SQLAlchemyTimeoutError

from portal.foundation import clock
from portal.foundation.access import declared
from tests import authenticators
from tests.factories import PASSWORD, Factory
from tests.pages import bare
from tests.web.conftest import World


def test_foreign_rows_are_not_there(world: World, make: Factory) -> None:
    invoice = make.invoice(world.globex, "500", number="SECRET-1")
    payment = make.payment(invoice, world.users["stranger"], "SECRET-REF")
    draft = make.invoice(world.account, issued=False)
    pages = world.visit("owner")
    absent = "018f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f"
    for path, ids in (
        ("/invoices/{}/", (invoice.id, draft.id)),
        ("/invoices/{}/payment", (invoice.id, draft.id)),
        ("/payments/{}/", (payment.id,)),
    ):
        expected = bare(pages.get(path.format(absent)).response)
        for id_ in ids:
            page = pages.get(path.format(id_))
            assert (page.status, page.h1, bare(page.response)) == (404, "Page not found", expected)
    for path, data in (
        (f"/invoices/{invoice.id}/payment", {"payment_method": "bank_transfer", "transaction_reference": "x"}),
        (f"/payments/{payment.id}/cancellation", {"version": "1"}),
    ):
        assert pages.post(path, data).status == 404
    assert make.payment_now(payment).status == "pending_approval"
    for path in ("/", "/invoices/", "/payments/", "/invoices/?q=SECRET", "/payments/?q=SECRET"):
        assert "SECRET-" not in pages.get(path).response.text.replace("q=SECRET", "")


@pytest.mark.parametrize("path", ["/invoices/xyz/", "/payments/1/", "/nothing", "/payments/../etc", "/%00", "/\u2603"])
def test_addresses_that_do_not_exist(path: str, world: World) -> None:
    assert world.visit("owner").get(path).status == 404


@pytest.mark.parametrize("path", ["/nothing", "/webhooks/018f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f/", "/invitation?token=x"])
def test_an_error_keeps_the_navigation(path: str, world: World) -> None:
    """Everybody's own, with a way on that they may go; who is not signed in may do that."""
    owner, admin, nobody = (pages.get(path) for pages in (world.visit("owner"), world.visit("admin"), world.visit()))
    assert owner.links["Overview"] == "/"
    assert admin.links["Dashboard"] == "/admin/dashboard/"
    assert "Overview" not in admin.links
    assert "Profile" not in nobody.links
    if path == "/nothing":
        assert owner.links["Go to the overview"] == "/"
        assert admin.links["Go to the approvals"] == "/admin/approvals/"
        assert nobody.links["Sign in"] == "/login"


def test_an_error_needs_no_navigation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the database does not answer, the page says what it would have said, without."""
    owner = world.visit("owner")

    def gone() -> None:
        raise SQLAlchemyTimeoutError

    monkeypatch.setattr("portal.html.errors.identify", gone)
    page = owner.get("/nothing")
    assert (page.status, page.h1) == (404, "Page not found")
    assert "Overview" not in page.links


def test_a_viewer_looks_and_does_not_touch(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    pages = world.visit("viewer")
    assert "Pay this invoice" not in pages.get(f"/invoices/{invoice.id}/").links
    assert pages.get(f"/payments/{payment.id}/").buttons == []
    assert pages.get(f"/invoices/{invoice.id}/payment").status == 403
    assert pages.post(f"/invoices/{invoice.id}/payment", {}).status == 403
    assert pages.post(f"/payments/{payment.id}/cancellation", {"version": "1"}).status == 403
    assert make.payment_now(payment).status == "pending_approval"


@pytest.mark.parametrize("path", ["/invoices/", "/payments/"])
def test_staff_have_no_account_of_their_own(path: str, world: World) -> None:
    pages = world.visit("reviewer")
    assert pages.get(path).status == 403
    assert pages.get("/").location == "/admin/approvals/"


def test_staff_withdraw_on_their_own_pages_only(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    page = world.visit("reviewer").post(f"/payments/{payment.id}/cancellation", {"version": "1"})
    assert (page.status, make.payment_now(payment).status) == (403, "pending_approval")


def test_every_page_needs_a_sign_in(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    pages = world.visit()
    own = (f"/invoices/{invoice.id}/", f"/invoices/{invoice.id}/payment")
    for path in ("/", "/invoices/", "/payments/", "/profile/", *own):
        page = pages.get(path)
        assert (page.status, page.location) == (302, "/login")


def test_a_get_changes_nothing(world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    pages = world.visit("owner")
    for path in (f"/payments/{payment.id}/cancellation", "/logout", "/profile/sessions/end"):
        assert pages.get(path).status == 405
    assert pages.get("/").status == 200
    assert make.payment_now(payment).version == 1


def test_every_page_of_ones_own_has_a_way_out(world: World) -> None:
    """Also those without the navigation: the one that asks for a code again, and the one with the recovery codes."""
    seen = 0
    for who in ("owner", "admin"):
        pages = world.visit(who)
        for rule in world.app.url_map.iter_rules():
            view = world.app.view_functions[rule.endpoint]
            is_page = "GET" in (rule.methods or ()) and not rule.endpoint.startswith("api.")
            if rule.arguments or not is_page or not declared(view):
                continue
            page = pages.get(rule.rule)
            if page.status == 200:
                seen += 1
                assert page.root.all("form", action="/logout"), rule.rule
    assert seen > 15
    with clock.set_to(clock.now() + timedelta(minutes=6)):
        asked = pages.get("/confirmation")
        assert (asked.status, len(asked.root.all("form", action="/logout"))) == (403, 1)
        code = authenticators.code(world.users["admin"])
        codes = pages.post("/profile/second-factor/recovery-codes", {"password": PASSWORD, "confirmation_code": code})
        assert (codes.status, len(codes.root.all("form", action="/logout"))) == (201, 1)
