"""What was typed is not lost to an ended session: its user gets it back, to look over and send. Nobody else does."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event

from portal.accounts import unsent
from portal.accounts.sessions import end_sessions_of
from portal.foundation import clock
from portal.foundation.db import db
from portal.foundation.freetext import mask_card_numbers
from portal.foundation.ids import new_id
from portal.foundation.turns import queue_of
from tests import authenticators
from tests.contents import state
from tests.factories import PASSWORD, Factory, acting
from tests.pages import Page, Pages
from tests.web.conftest import World

OWN_PAGE = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
SAID = "Your session had ended, so nothing was sent. What you typed stands here again: look it over, and send it now."
NOTE = "Überwiesen von der 経理部, 4111 1111 1111 1111"


def send(pages: Pages, path: str, form: dict[str, str], headers: dict[str, str] = OWN_PAGE) -> str:
    """Send the form as a page of before would; where that leads."""
    data = {"csrf_token": pages.csrf_token} | form
    return pages.send("POST", path, data=data, headers=headers).headers.get("Location", "")


def sign_in_again(pages: Pages, world: World, who: str, location: str) -> Page:
    """Sign in by the page that the browser was sent to, the second step too; where that leads."""
    again = Pages(world.app)
    again.set_cookies(pages.cookies())
    again.get(location)
    page = again.post(location, {"email": world.users[who].email, "password": PASSWORD})
    if page.location == "/login/code":
        second = page.response.headers["Location"]
        again.get(second)
        page = again.post(second, {"code": authenticators.code(world.users[who])})
    assert page.status == 303
    return again.follow(page)


def end_sessions(world: World, who: str) -> None:
    with world.app.app_context():
        end_sessions_of(world.users[who].id, by=acting(world.users["admin"]))


def test_a_report_comes_back_filled_in_and_is_not_sent_by_itself(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    pages = world.visit("owner")
    path = f"/invoices/{invoice.id}/payment"
    key = pages.get(path).values["idempotency_key"]
    form = {"payment_method": "bank_transfer", "transaction_reference": "T-1 ü", "notes": NOTE, "idempotency_key": key}
    end_sessions(world, "owner")
    location = send(pages, path, form)
    assert location.startswith("/login?next=")
    said = "Your session had ended, so nothing was sent. Sign in, and you find it as you left it."
    assert Pages(world.app).get(location).notices == [said]
    page = sign_in_again(pages, world, "owner", location)
    assert page.status == 200
    assert page.h1 == f"Pay invoice {invoice.number}"
    assert page.notices[0] == f"{SAID} Files have to be chosen anew."
    kept = {name: page.values[name] for name in form}
    assert kept == form | {"notes": mask_card_numbers(NOTE)} != form


def test_what_was_sent_in_the_end_is_not_called_unsent(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    pages = world.visit("owner")
    path = f"/invoices/{invoice.id}/payment"
    key = pages.get(path).values["idempotency_key"]
    form = {"payment_method": "bank_transfer", "transaction_reference": "T-1", "idempotency_key": key}
    end_sessions(world, "owner")
    again = Pages(world.app)
    again.set_cookies(pages.cookies())
    location = send(pages, path, form)
    again.get(location)
    back = again.post(location, {"email": world.users["owner"].email, "password": PASSWORD}).response.location or ""
    assert again.get(back).notices[0] == f"{SAID} Files have to be chosen anew."
    assert again.get(back).values["transaction_reference"] == "T-1"
    again.follow(again.post(path, form))
    under_way = (
        "A payment for this invoice is being checked. Wait for the outcome, or withdraw it first: see the payment ."
    )
    assert again.get(back).notices == [under_way]


FORMS = {
    "/invoices/{invoice}/payment": ("owner", {"payment_method": "bank_transfer", "transaction_reference": "T-1"}),
    "/webhooks/new": ("owner", {"url": "https://hooks.example/", "event_types": "payment.approved"}),
    "/profile/tokens/": ("owner", {"name": "Nightly", "days": "30"}),
    "/profile/formats": ("owner", {"locale": "de-CH", "timezone": "Asia/Tokyo"}),
    "/admin/payments/{payment}/rejection": ("reviewer", {"reason": "It did not arrive."}),
    "/admin/payments/{booked}/refund": ("admin", {"reason": "Paid twice."}),
    "/admin/invoices/new": ("admin", {"number": "N-1", "lines-0-description": "Seats", "lines-0-unit_price": "1.00"}),
    "/admin/accounts/new": ("admin", {"number": "C-9", "name": "شركة", "country": "KW", "currency": "KWD"}),
    "/admin/users/new": ("admin", {"name": "Somebody", "email": "somebody@acme.example", "password": PASSWORD}),
    "/admin/methods/new": ("admin", {"country": "JP", "display_name": "銀行振込"}),
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_weighty_form_comes_back(world: World, make: Factory) -> None:
    payment, booked = (make.payment(make.invoice(world.account), world.users["owner"]) for _ in range(2))
    make.approved(booked, world.users["reviewer"])
    ids = {"payment": payment.id, "booked": booked.id, "invoice": make.invoice(world.account).id}
    begin = clock.now()
    for number, (pattern, (who, form)) in enumerate(FORMS.items()):
        path = pattern.format(**ids)
        with clock.set_to(begin + timedelta(minutes=2 * number)):
            pages = world.visit(who)
            pages.get("/profile/")
        with clock.set_to(begin + timedelta(minutes=2 * number + 1)):  # the phone shows another code
            end_sessions(world, who)
            before = state(world.app)
            page = sign_in_again(pages, world, who, send(pages, path, form))
        assert page.status == 200, pattern
        assert SAID in page.text, pattern
        shown = {name: value for name, value in form.items() if name not in ("password", "event_types")}
        found = [control.attributes.get("value", control.text) for control in page.root.all("input")]
        found += [control.text for control in page.root.all("textarea")]
        found += [one.attributes["value"] for one in page.root.all("option") if "selected" in one.attributes]
        assert set(shown.values()) <= set(found), pattern
        assert PASSWORD not in page.response.text
        after = state(world.app)
        assert {name for name in after if after[name] != before.get(name)} <= {
            "user_sessions", "attempt_limits", "audit_entries", "audit_chains", "second_factors",
        }  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_gets_nothing(world: World, make: Factory) -> None:
    """Another user of the same browser, another browser, another site's form, and whoever comes later than an hour."""
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    form = {"payment_method": "bank_transfer", "transaction_reference": "SECRET 1"}
    pages = world.visit("owner")
    end_sessions(world, "owner")
    for headers in ({}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}):
        assert "unsent" not in send(pages, path, form, headers)
    assert "unsent" not in send(pages, path, form | {"notes": "x" * unsent.MOST})
    assert "unsent" not in send(Pages(world.app), path, form)
    location = send(pages, path, form)
    assert "unsent" in location
    for other in ("member", "stranger"):
        assert "SECRET 1" not in sign_in_again(pages, world, other, location).response.text
    assert "SECRET 1" not in world.visit("owner").get(f"{path}?unsent=1").response.text
    with clock.set_to(clock.now() + unsent.LIFE + timedelta(seconds=1)):
        assert "SECRET 1" not in sign_in_again(pages, world, "owner", location).response.text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_button_that_was_pressed_too_late(world: World, make: Factory) -> None:
    """Nothing was typed, and nothing came of it: the page says so. Lists keep their place, also where htmx asks."""
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    said = "Your session had ended, so nothing was sent. Look again, and press once more what you meant to do."
    cases = (
        ("reviewer", f"/admin/payments/{payment.id}/approval?queue=1&lane=clear", f"/admin/payments/{payment.id}/"),
        ("reviewer", "/admin/approvals/batch", "/admin/approvals/"),
        ("owner", f"/payments/{payment.id}/cancellation", f"/payments/{payment.id}/"),
    )
    for number, (who, path, page_of) in enumerate(cases):
        with clock.set_to(clock.now() + timedelta(minutes=2 * number)):  # a phone's code is shown once
            pages = world.visit(who)
            end_sessions(world, who)
            location = send(pages, path, {"version": "1", "idempotency_key": str(new_id())})
            page = sign_in_again(pages, world, who, location)
        assert (page.response.request.path, page.notices[0]) == (page_of, said)
    asked = world.visit().send("GET", "/admin/approvals/?lane=differs", headers={"HX-Request": "true"})
    assert asked.headers["HX-Redirect"] == "/login?next=%2Fadmin%2Fapprovals%2F%3Flane%3Ddiffers"


def test_a_button_pressed_in_another_tab_costs_no_words(world: World, make: Factory) -> None:
    """Nor does a key that is no key, which some other program made."""
    payment = make.payment(make.invoice(world.account), world.users["owner"])
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    pages = world.visit("owner")
    end_sessions(world, "owner")
    form = {"payment_method": "bank_transfer", "transaction_reference": "T-1", "idempotency_key": "a\0b"}
    location = send(pages, path, form)
    send(pages, f"/payments/{payment.id}/cancellation", {"version": "1", "idempotency_key": str(new_id())})
    page = sign_in_again(pages, world, "owner", location)
    assert (page.status, page.values["transaction_reference"]) == (200, "T-1")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_page_from_before_one_signed_in_again(world: World, make: Factory) -> None:
    """Its token no longer fits. What was typed comes back with one that does, and acts once it is sent."""
    invoice = make.invoice(world.account)
    path = f"/invoices/{invoice.id}/payment"
    pages = world.visit("owner")
    form = {"payment_method": "bank_transfer", "transaction_reference": "T-7"}
    location = send(pages, path, form | {"csrf_token": "of a session of before"})
    assert location == f"{path}?unsent=1"
    page = pages.get(location)
    assert page.values["transaction_reference"] == "T-7"
    assert pages.get(path).values["transaction_reference"] != "T-7"
    assert pages.post(path, form).status == 303


@contextmanager
def no_form_is_written(app: Flask) -> Iterator[None]:
    """SQLite itself refuses to write the column, as it would write nothing to a full disk."""

    def authorise(action: int, table: str | None, column: str | None, *_: object) -> int:
        is_form = (action, table, column) == (sqlite3.SQLITE_UPDATE, "user_sessions", "sealed_form")
        return sqlite3.SQLITE_DENY if is_form else sqlite3.SQLITE_OK

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_authorizer(authorise)

    with app.app_context():
        engine = db.engine
        engine.dispose()
    event.listen(engine, "connect", watch)
    yield
    event.remove(engine, "connect", watch)
    with app.app_context():
        engine.dispose()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_database_that_takes_no_form(world: World, make: Factory) -> None:
    """What was typed is lost then; whoever typed it is sent to sign in all the same, and gets in."""
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    form = {"payment_method": "bank_transfer", "transaction_reference": "T-7"}
    pages = world.visit("owner")
    with no_form_is_written(world.app):
        stale = pages.send("POST", path, data=form | {"csrf_token": "of before"}, headers=OWN_PAGE)
    assert (stale.status_code, stale.headers.get("Location")) == (400, None)
    end_sessions(world, "owner")
    with no_form_is_written(world.app):
        assert send(pages, path, form) == "/login"
    with world.app.app_context(), queue_of(db.engine).turn(1):
        assert send(pages, path, form) == "/login"
    location = send(pages, path, form)
    with no_form_is_written(world.app):
        page = sign_in_again(pages, world, "owner", location)
    assert (page.status, SAID in page.text) == (200, False)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_nobody_came_back_for_goes(world: World, make: Factory) -> None:
    path = f"/invoices/{make.invoice(world.account).id}/payment"
    pages = world.visit("owner")
    end_sessions(world, "owner")
    assert "unsent" in send(pages, path, {"transaction_reference": "T-9"})
    run = world.app.test_cli_runner().invoke
    assert "0 unsent forms deleted." in run(args=["purge"]).output
    with clock.set_to(clock.now() + timedelta(days=1, minutes=1)):
        assert "1 unsent forms deleted." in run(args=["purge"]).output
        assert "0 unsent forms deleted." in run(args=["purge"]).output
