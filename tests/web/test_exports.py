"""Customers take their lists along: their own rows, and nothing else's."""

import csv
import io

from sqlalchemy import select

from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from tests.factories import Factory
from tests.web.conftest import World


def taken(world: World, who: str, address: str) -> list[dict[str, str]]:
    visitor = world.visit(who)
    token = visitor.get("/profile/").root.all("input", name="csrf_token")[0].attributes["value"]
    answer = visitor.send("POST", address, data={"csrf_token": token})
    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def test_they_hold_what_the_account_may_see(world: World, make: Factory) -> None:
    owner, stranger = world.users["owner"], world.users["stranger"]
    for number in range(3):
        make.payment(make.invoice(world.account, number=f"OWN-{number}"), owner, f"same {number}")
        make.payment(make.invoice(world.globex, "500", number=f"THEIRS-{number}"), stranger, f"same {number}")
    make.invoice(world.account, number="DRAFT-1", issued=False)
    for who, own in (("viewer", "OWN"), ("stranger", "THEIRS")):
        numbers = [f"{own}-{number}" for number in (2, 1, 0)]
        payments, invoices = taken(world, who, "/payments/export?q=same"), taken(world, who, "/invoices/export")
        assert [row["invoice_number"] for row in payments] == numbers
        assert [row["number"] for row in invoices] == numbers
        assert {*payments[0], *invoices[0]} & {"account_id", "account_name", "country"} == set()


def test_it_is_noted_in_the_accounts_own_chain(world: World, make: Factory) -> None:
    taken(world, "viewer", "/payments/export?status=completed")
    with world.app.app_context():
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "export.payments")).one()
    assert (entry.account_id, entry.actor_id) == (world.account.id, world.users["viewer"].id)
    assert entry.changes == {"filter": "status succeeded"}


def test_what_is_said_beside_the_button(world: World, make: Factory) -> None:
    """That more comes along than is seen, where there is more. Of the audit log only staff read."""
    for _ in range(20):
        make.invoice(world.account)

    def said(who: str, path: str) -> str:
        return world.visit(who).get(path).root.one("form", class_="export").text

    button = "Export all of these as CSV"
    assert said("owner", "/invoices/") == button
    make.invoice(world.account)
    assert said("owner", "/invoices/") == f"{button} All pages, not only this one."
    assert said("admin", "/admin/accounts/") == f"{button} The export is noted in the audit log."
