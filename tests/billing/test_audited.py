"""What the audit log says of each change: who made it, and by field what it was before and after."""

from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest

from portal.accounts import service as accounts
from portal.accounts import tokens
from portal.billing.imports.service import import_file
from portal.billing.invoices.service import issue_invoice
from portal.billing.methods import service as methods
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.tenancy import across_accounts
from tests.audited import entries, new
from tests.billing.conftest import World
from tests.cli.test_import import HEADER, ROW
from tests.factories import SYSTEM, Factory, acting

pytestmark = pytest.mark.usefixtures("domain")


@pytest.fixture
def seen(world: World) -> set[UUID]:
    """The entries that were there before the test began."""
    return entries()


def test_an_account(seen: set[UUID]) -> None:
    account = accounts.create_account(by=SYSTEM, number="C-9", name="Neu", country="DE", currency="EUR")
    accounts.update_account(account.id, by=SYSTEM, name="Alt", locale="de", timezone="UTC")
    accounts.update_account(account.id, by=SYSTEM, name="Alt", locale="de", timezone="UTC")
    assert new(seen) == [
        (
            "account.created",
            {"number": [None, "C-9"], "name": [None, "Neu"], "country": [None, "DE"], "currency": [None, "EUR"],
             "locale": [None, "en"], "timezone": [None, "UTC"]},
        ),
        ("account.updated", {"name": ["Neu", "Alt"], "locale": ["en", "de"]}),
    ]  # fmt: skip


def test_a_user_and_a_token(world: World, seen: set[UUID]) -> None:
    user = accounts.create_user(
        by=SYSTEM,
        email="n@acme.example",
        name="N",
        role=Role.VIEWER,
        account_id=world.account.id,
        password="plain herons",
    )
    accounts.change_role(user.id, by=acting(world.admin), role=Role.MEMBER)
    token, _ = tokens.issue_token(user.id, by=acting(user), name="ledger")
    tokens.revoke_token(token.id, by=acting(user))
    whose = {"user_id": [None, str(user.id)], "name": [None, "ledger"]}
    told = [entry for entry in new(seen) if not entry[0].startswith("session")]
    assert told == [
        ("user.created", {"email": [None, "n@acme.example"], "name": [None, "N"], "role": [None, "viewer"]}),
        ("user.role_changed", {"role": ["viewer", "member"]}),
        ("token.issued", whose),
        ("token.revoked", {"user_id": str(user.id), "name": "ledger", "is_live": [True, False]}),
    ]


def test_a_method(seen: set[UUID]) -> None:
    first = methods.MethodSettings(display_name="Wire", instructions="Send.", details=[["IBAN", "DE1"], ["BIC", "X"]])
    config = methods.create_method(by=SYSTEM, country="DE", method="bank_transfer", settings=first)
    then = methods.MethodSettings(display_name="Wire", instructions="Send.", details=[["IBAN", "DE2"]], position=3)
    methods.update_method(config.id, by=SYSTEM, settings=then)
    methods.set_method_enabled(config.id, by=SYSTEM, enabled=False)
    created, updated, switched = new(seen)
    assert created[1]["details"] == [None, [["IBAN", "DE1"], ["BIC", "X"]]]
    assert set(created[1]) == {
        "country", "method", "display_name", "instructions", "details", "currencies", "is_enabled", "position",
    }  # fmt: skip
    changed = {"details": [[["IBAN", "DE1"], ["BIC", "X"]], [["IBAN", "DE2"]]], "position": [0, 3]}
    assert updated == ("method.updated", changed)
    assert switched == ("method.updated", {"is_enabled": [True, False]})


def test_what_an_account_deviates_in(world: World, seen: set[UUID]) -> None:
    def set_to(method: str, **change: Any) -> None:
        values: dict[str, Any] = {"is_allowed": True, "is_default": False, "label": ""} | change
        with across_accounts():
            methods.set_account_method(world.account.id, method, by=SYSTEM, **values)

    set_to("bank_transfer", is_default=True)
    set_to("local_wallet", is_default=True, label="Mine")
    set_to("local_wallet", is_default=True, label="Mine")
    first = {"is_allowed": [None, True], "is_default": [None, True]}
    assert new(seen) == [
        ("account_method.set", first | {"label": [None, ""], "method": "bank_transfer"}),
        ("account_method.set", {"is_default": [True, False], "method": "bank_transfer"}),
        ("account_method.set", first | {"label": [None, "Mine"], "method": "local_wallet"}),
    ]


def test_an_invoice_and_its_payment(world: World, make: Factory, seen: set[UUID]) -> None:
    invoice = make.invoice(world.account, credits=5, issued=False, number="INV-1")
    with across_accounts():
        issued = issue_invoice(invoice.id, by=SYSTEM)
    payment = make.payment(invoice, world.owner, "TRF 1")
    booked = make.approved(payment, world.reviewer)
    make.refunded(booked, world.admin)
    of = {"payment_id": str(payment.id)}
    assert new(seen) == [
        ("invoice.created", {"number": [None, "INV-1"], "credits": [None, 5], "total": [None, "49.00 EUR"],
                             "lines": [None, 1]}),
        ("invoice.issued", {"status": ["draft", "open"], "issue_date": [None, str(issued.issue_date)],
                            "due_date": [None, str(issued.due_date)]}),
        ("payment.submit", {"status": [None, "pending_approval"], "amount": [None, "49.00 EUR"],
                            "payment_method": [None, "bank_transfer"], "transaction_reference": [None, "TRF 1"],
                            "invoice_id": [None, str(invoice.id)]}),
        ("payment.approve", {"status": ["pending_approval", "succeeded"]}),
        ("invoice.paid", {"status": ["open", "paid"], "amount_paid": ["0.00 EUR", "49.00 EUR"]} | of),
        ("credits.granted", {"balance": [0, 5], "invoice_id": str(invoice.id)} | of),
        ("payment.refund", {"status": ["succeeded", "refunded"], "reason": "sent twice"}),
        ("invoice.reopened", {"status": ["paid", "open"], "amount_paid": ["49.00 EUR", "0.00 EUR"]} | of),
        ("credits.taken_back", {"balance": [5, 0], "invoice_id": str(invoice.id)} | of),
    ]  # fmt: skip


def test_a_void_invoice(world: World, make: Factory, seen: set[UUID]) -> None:
    make.void(make.invoice(world.account, issued=False))
    (action, changes) = new(seen)[-1]
    today = str(clock.today())
    assert (action, changes) == (
        "invoice.voided",
        {"status": ["draft", "void"], "reason": "sent by mistake"}
        | {name: [None, today] for name in ("issue_date", "due_date")},
    )


def test_a_proof(world: World, make: Factory, seen: set[UUID]) -> None:
    proof = make.proof(make.payment(make.invoice(world.account), world.owner), world.owner, b"content")
    told = {"proof_id": str(proof.id), "media_type": "image/jpeg", "size": 7, "sha256": sha256(b"content").hexdigest()}
    assert new(seen)[-1] == ("proof.added", told)


def test_an_import(seen: set[UUID]) -> None:
    with across_accounts():
        import_file(BytesIO(f"{HEADER}\n{ROW.replace('C-1', 'C-9')}\n".encode()), by=SYSTEM)
    account, invoice = new(seen)
    assert account[0] == "account.created"
    assert invoice == (
        "invoice.imported",
        {"number": [None, "INV-1"], "credits": [None, 5], "total": [None, "49.98 EUR"], "lines": [None, 1],
         "issue_date": [None, "2026-11-01"], "due_date": [None, "2026-11-15"]},
    )  # fmt: skip
