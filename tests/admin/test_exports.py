"""Lists as files: what the file holds is what the list shows, to the row; nothing in it is carried out, and one that
breaks off says so."""

import csv
import io
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

import pytest
from flask import Flask
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from portal.accounts.service import set_enabled
from portal.foundation import clock
from portal.foundation.audit import AuditEntry
from portal.foundation.db import db, session
from portal.foundation.refusals import NotSignedIn
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from portal.html.exports import INCOMPLETE
from tests.admin.conftest import World
from tests.admin.test_lists import waiting
from tests.engines import superuser_of
from tests.factories import Factory, acting
from tests.pages import Pages

COLUMN = {"payments": "transaction_reference", "approvals": "transaction_reference", "invoices": "number",
          "accounts": "name", "users": "name"}  # fmt: skip


def export(visitor: Pages, address: str, **query: Any) -> TestResponse:
    """The answer, as it comes."""
    token = visitor.get("/profile/").root.all("input", name="csrf_token")[0].attributes["value"]
    return visitor._client.post(address, query_string=query, data={"csrf_token": token}, buffered=False)


def read(response: TestResponse) -> list[dict[str, str]]:
    assert (response.status_code, response.content_type) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"), newline="")))


def shown(visitor: Pages, address: str, **query: Any) -> list[str]:
    """The first column of all pages of the list."""
    page, found = visitor.get(address, **query), []
    while True:
        found += [row[0] for row in page.rows] or waiting(page)
        following = page.root.all("a", rel="next")
        if not following:
            return found
        page = visitor.get(following[0].attributes["href"])


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("payments", {"country": "DE", "status": ["pending_approval", "failed"]}),
        ("payments", {"q": "inv-5"}),
        ("approvals", {"currency": "EUR"}),
        ("approvals", {"lane": "differs"}),
        ("invoices", {"status": "draft", "account": "C-1"}),
        ("accounts", {"q": "c-"}),
        ("users", {"account": "C-2"}),
    ],
)
def test_the_file_holds_the_rows_of_the_list_in_its_order(
    admin: Pages, world: World, make: Factory, name: str, query: dict[str, Any]
) -> None:
    for number in range(7):
        make.payment(make.invoice(world.acme, number=f"INV-{number}"), world.owner, f"R-{number:02}")
        make.invoice(world.acme, number=f"DR-{number}", issued=False)
    make.rejected(make.payment(make.invoice(world.acme), world.owner, "no"), world.reviewer)
    make.payment(make.invoice(world.globex, "500"), world.globex_owner, "far away")
    listed = shown(admin, f"/admin/{name}/", **query)
    assert listed != []
    assert [row[COLUMN[name]] for row in read(export(admin, f"/admin/{name}/export", **query))] == listed


def test_a_long_list_is_in_it_to_the_last_row(admin: Pages, world: World, make: Factory) -> None:
    names = [make.account(f"Firm {number:03}").name for number in range(101)]
    rows = read(export(admin, "/admin/accounts/export", q="Firm"))
    assert [row["name"] for row in rows] == names[::-1]


def test_amounts_and_moments_are_written_as_the_api_writes_them(admin: Pages, world: World, make: Factory) -> None:
    with clock.set_to(datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)):
        payment = make.payment(
            make.invoice(world.globex, "1250", number="N-1"), world.globex_owner, notes="zwei\nZeilen"
        )
    (row,) = read(export(admin, "/admin/payments/export"))
    assert row == {
        "id": str(payment.id), "transaction_reference": payment.transaction_reference, "status": "pending_approval",
        "invoice_id": str(payment.invoice_id), "invoice_number": "N-1", "amount": "1250", "currency": "JPY",
        "payment_method": "bank_transfer", "failure_reason": "", "paid_on": "", "notes": "zwei\nZeilen",
        "decided_at": "",
        "created_at": "2026-03-04T05:06:07.000089Z", "updated_at": "2026-03-04T05:06:07.000089Z",
        "account_id": str(world.globex.id), "account_name": "Globex", "country": "JP",
    }  # fmt: skip


def test_nothing_in_it_is_carried_out(admin: Pages, world: World, make: Factory) -> None:
    for reference in ("=1+1", "@SUM(A1)", "-2+3", "+49 151"):
        make.payment(make.invoice(world.acme), world.owner, reference, notes="=1\t\n@x")
    rows = read(export(admin, "/admin/payments/export"))
    assert [row["transaction_reference"] for row in rows] == ["'+49 151", "'-2+3", "'@SUM(A1)", "'=1+1"]
    assert {row["notes"] for row in rows} == {"'=1\t\n'@x"}


def test_who_took_what_along_is_noted(app: Flask, admin: Pages, world: World) -> None:
    """What was typed may be anything, and the log keeps it for good: it says only that there was such a filter."""
    typed = {"q": "abc", "account": "C-1", "amount": "49.00"}
    chosen = {"payment_method": "bank_transfer", "created_from": "2026-03-04", "status": ["failed", "refunded"]}
    read(export(admin, "/admin/payments/export"))
    read(export(admin, "/admin/payments/export", **typed, **chosen))
    with app.app_context():
        told = session.execute(
            select(AuditEntry.actor_id, AuditEntry.changes)
            .where(AuditEntry.action == "export.payments")
            .order_by(AuditEntry.id)
        )
        entries = [tuple(entry) for entry in told]
    noted = (
        "q (typed), payment_method bank_transfer, account (typed), amount (typed), created_from 2026-03-04, "
        "status failed or refunded"
    )
    assert entries == [(world.admin.id, {"filter": "none"}), (world.admin.id, {"filter": noted})]


def test_a_filter_that_cannot_be_used_leads_back_to_the_list(admin: Pages) -> None:
    answer = export(admin, "/admin/payments/export", created_from="yesterday")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/payments/?created_from=yesterday")


def test_a_card_number_in_the_filter_leads_into_no_address(admin: Pages) -> None:
    answer = export(admin, "/admin/payments/export", q="card 4111 1111 1111 1111", created_to="2026-03-04")
    location = unquote_plus(answer.headers["Location"])
    assert (answer.status_code, location) == (303, "/admin/payments/?q=card •••• •••• •••• ••••&created_to=2026-03-04")


def test_one_that_breaks_off_says_so(app: Flask, admin: Pages, make: Factory) -> None:
    """And nothing is held between its pages: the table can be taken away meanwhile."""
    for number in range(101):
        make.account(f"Firm {number:03}")
    response = export(admin, "/admin/accounts/export", q="Firm")
    lines = (line.decode() for line in response.iter_encoded())
    came = [next(lines) for _ in range(50)]
    with superuser_of(app) as engine:
        rename(engine, "accounts", "gone")
        try:
            with pytest.raises(Exception, match="accounts"):
                came.extend(lines)
        finally:
            rename(engine, "gone", "accounts")
    response.close()
    assert (len(came), came[-1]) == (102, INCOMPLETE)


def test_one_ends_with_the_session_that_asked_for_it(app: Flask, world: World, make: Factory) -> None:
    for number in range(250):
        make.account(f"Firm {number:03}")
    leaving = make.user("admin")
    response = export(Pages(app).sign_in(leaving), "/admin/accounts/export", q="Firm")
    lines = (line.decode() for line in response.iter_encoded())
    came = [next(lines) for _ in range(50)]
    with app.app_context(), across_accounts(), by_login(Login.STAFF):
        set_enabled(leaving.id, by=acting(world.admin), enabled=False)
    with pytest.raises(NotSignedIn):
        came.extend(lines)
    response.close()
    assert (len(came), came[-1]) == (102, INCOMPLETE)


def rename(engine: Any, table: str, to: str) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("PRAGMA legacy_alter_table=ON"))  # what refers to it stays as it is
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))


def test_whoever_goes_away_leaves_nothing_open(app: Flask, admin: Pages, make: Factory) -> None:
    for number in range(101):
        make.account(f"Firm {number:03}")
    response = export(admin, "/admin/accounts/export", q="Firm")
    lines = response.iter_encoded()
    assert len([next(lines) for _ in range(101)]) == 101
    response.close()
    with app.app_context():
        assert {engine.pool.checkedout() for engine in db.engines.values()} == {0}  # type: ignore[attr-defined]
