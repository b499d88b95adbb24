"""Methods, users, accounts and invoices beside the audit log: what the portal changed agrees with it, nothing else."""

from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal.accounts import email_changes
from portal.accounts import service as accounts
from portal.accounts.sessions import Place
from portal.billing.imports.service import import_file
from portal.billing.invoices.lines import NewLine
from portal.billing.invoices.upsert import put_invoice
from portal.billing.methods.models import PaymentMethodConfig
from portal.billing.methods.service import MethodSettings, set_method_enabled, update_method
from portal.foundation.access import Role
from portal.foundation.db import Base
from portal.foundation.ids import new_id
from portal.foundation.money import Money
from portal.foundation.tenancy import across_accounts
from portal.mail.kinds import Kind
from tests.billing.conftest import World
from tests.cli.test_import import HEADER, ROW
from tests.corruption import past_the_rules
from tests.factories import PASSWORD, SYSTEM, Factory, acting
from tests.mailed import newest_secret
from tests.verification import findings_of

ENTRIES = Base.metadata.tables["audit_entries"]
METHODS = Base.metadata.tables["payment_method_configs"]
OURS, THEIRS = "DE89 3704 0044 0532 0130 00", "GB29 NWBK 6016 1331 9268 19"
HERE = Place("192.0.2.1", "test")


def settle(method: PaymentMethodConfig, **settings: Any) -> None:
    values = {"display_name": "Bank", "instructions": "Send it.", "details": [["IBAN", OURS]]} | settings
    with across_accounts():
        update_method(method.id, by=SYSTEM, settings=MethodSettings(**values))


def of_the_log(app: Flask) -> list[str]:
    """The findings but those of the chains, which miss every entry that a test puts another way."""
    return [line for line in findings_of(app) if not line.startswith(("audit_chain", "file"))]


@pytest.mark.usefixtures("domain")
def test_methods_that_the_portal_changed(app: Flask, make: Factory) -> None:
    method = make.method("local_wallet", "KE", details=[["Till", "4711"]])
    settle(method, limit_currency="KES", minimum="10.00", maximum="500.00", currencies=["KES", "EUR"], position=4)
    settle(method, is_enabled=False)
    for enabled in (True, False, True):
        set_method_enabled(method.id, by=SYSTEM, enabled=enabled)
    assert findings_of(app) == []


@pytest.mark.usefixtures("domain")
def test_people_and_accounts_that_the_portal_changed(app: Flask, world: World) -> None:
    by, user_id = acting(world.admin), world.member.id
    with across_accounts():
        for enabled in (False, True, False, True):
            accounts.set_enabled(user_id, by=SYSTEM, enabled=enabled)
        for role in (Role.OWNER, Role.VIEWER, Role.OWNER):
            accounts.change_role(user_id, by=SYSTEM, role=role)
        accounts.update_account(world.account.id, by=by, name="Acme AG", external_id="E-1", timezone="Asia/Tokyo")
        email_changes.ask("olga@acme.example", PASSWORD, by=acting(world.owner))
        email_changes.confirm(newest_secret(Kind.EMAIL_CHANGE), place=HERE)
    assert findings_of(app) == []


@pytest.mark.usefixtures("domain")
def test_invoices_that_the_portal_changed(app: Flask, world: World, make: Factory) -> None:
    with across_accounts():
        for number, price, issue in (("N-1", "1.00", False), ("N-2", "2.00", False), ("N-2", "1.00", True)):
            line = NewLine("Support", 1000, Money.parse(price, "EUR"))
            put_invoice(
                "E-1", by=SYSTEM, account_id=world.account.id, number=number, currency="EUR", lines=[line], issue=issue
            )
        import_file(BytesIO(f"{HEADER}\n{ROW.replace('C-1', 'C-9')}\n".encode()), by=SYSTEM)
    make.void(make.invoice(world.account))
    make.void(make.invoice(world.account, issued=False))
    invoice = make.invoice(world.account)
    for _ in range(2):
        make.refunded(make.approved(make.payment(invoice, world.owner), world.reviewer), world.admin)
    assert findings_of(app) == []


@pytest.fixture
def moved(domain: None, make: Factory) -> UUID:
    """A method whose bank account went there and back, and there again."""
    method = make.method(details=[["IBAN", OURS]])
    for iban in (THEIRS, OURS, THEIRS):
        settle(method, details=[["IBAN", iban]], display_name="Bank transfer")
    return method.id


@pytest.mark.corrupts
def test_another_bank_account_is_told_without_all_of_it(app: Flask, make: Factory, moved: UUID) -> None:
    with past_the_rules(app) as connection:
        connection.execute(update(METHODS).values(details=[["IBAN", OURS]]))
    expected, found = "•••• •••• •••• •••• ••68 19", "•••• •••• •••• •••• ••30 00"
    said = f"expected details [['IBAN', '{expected}']], found [['IBAN', '{found}']]"
    assert of_the_log(app) == [f"audit_of_method: method {moved} (bank_transfer in *): {said}"]


@pytest.mark.corrupts
def test_clocks_of_several_servers_do_not_matter(app: Flask, moved: UUID) -> None:
    """The entries in the opposite order of time: each still begins where another ended."""
    with past_the_rules(app) as connection:
        told = connection.scalars(
            select(ENTRIES.c.id).where(ENTRIES.c.subject_id == moved).order_by(ENTRIES.c.id)
        ).all()
        for before, now in zip(reversed(told), [new_id() for _ in told], strict=True):
            connection.execute(update(ENTRIES).where(ENTRIES.c.id == before).values(id=now))
    assert of_the_log(app) == []


@pytest.mark.corrupts
def test_a_change_past_the_portal_is_no_finding_once_the_portal_has_mended_it(
    app: Flask, make: Factory, moved: UUID
) -> None:
    with past_the_rules(app) as connection:
        connection.execute(update(METHODS).values(details=[["IBAN", "elsewhere"]]))
    with app.app_context(), across_accounts():
        update_method(
            moved, by=SYSTEM, settings=MethodSettings(display_name="Bank", instructions="", details=[["IBAN", OURS]])
        )
    assert of_the_log(app) == []


@pytest.mark.corrupts
def test_entries_of_early_times_say_what_they_say(app: Flask, world: World, make: Factory) -> None:
    """They held values alone, and few of them: nothing is said of the others, until an entry speaks of them."""
    method = make.method("local_wallet", limit_currency="EUR", maximum="10.00", details=[["IBAN", OURS]])
    with past_the_rules(app) as connection:
        for action, told in (
            ("method.created", {"country": "*", "method": "local_wallet"}),
            ("user.created", {"email": world.member.email, "role": "member"}),
        ):
            subject_id = method.id if action == "method.created" else world.member.id
            whose = (ENTRIES.c.action == action, ENTRIES.c.subject_id == subject_id)
            connection.execute(update(ENTRIES).where(*whose).values(changes=told))
    assert of_the_log(app) == []
    with app.app_context():
        settle(method, display_name="Wallet", limit_currency="EUR", maximum="10.00")
    assert of_the_log(app) == []
    with past_the_rules(app) as connection:
        connection.execute(update(METHODS).where(METHODS.c.id == method.id).values(max_minor=1, display_name="Purse"))
    assert of_the_log(app) == [
        f"audit_of_method: method {method.id} (local_wallet in *): expected display_name Wallet, found Purse"
    ]


@pytest.mark.corrupts
def test_an_entry_that_cannot_be_read_ends_one_passage_only(app: Flask, world: World) -> None:
    with past_the_rules(app) as connection:
        connection.execute(update(ENTRIES).where(ENTRIES.c.action == "method.created").values(changes=["nonsense"]))
        connection.execute(update(Base.metadata.tables["users"]).values(name="Eve"))
    found = {line.partition(":")[0] for line in of_the_log(app)}
    assert found == {"unreadable", "audit_of_user"}
