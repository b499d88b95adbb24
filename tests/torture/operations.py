"""Every operation that changes state, ready to be set against every other, in a small scene where they collide."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from hashlib import sha256
from typing import Any

import psycopg
from flask import Flask

from portal.accounts import service as accounts
from portal.accounts import tokens
from portal.accounts.models import Account
from portal.billing.invoices import service as invoices
from portal.billing.invoices.lines import NewLine
from portal.billing.invoices.models import Invoice
from portal.billing.methods import service as methods
from portal.billing.payments import service as payments
from portal.billing.payments.batch import Seen, approve_payments
from portal.billing.payments.models import Payment
from portal.billing.payments.proofs.service import attach_proof
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.db import Base
from portal.foundation.files.cleaning import CleanFile
from portal.foundation.money import Money
from portal.foundation.tenancy import account_scope, across_accounts
from tests.factories import PASSWORD, SYSTEM, Factory, acting
from tests.torture.operations_beside import Beside
from tests.torture.telling import Teller

Call = Callable[[], object]

SAME_TEXT = "TRF same text"
REASON = "because"
PROOF = CleanFile("image/jpeg", b"content", "paid.jpg", sha256(b"content").hexdigest())


class Scene:
    """Two accounts, staff, and invoices in each state.

    ``free``: nobody pays it. ``waiting``, ``second``: a payment waits for approval. ``gateway``: one is under way.
    ``paid``, ``draft``. ``clear``: a payment waits, by the invoice's own reference. ``mine`` and ``theirs``: of two
    accounts, under payment by the same reference.
    """

    def __init__(self, app: Flask, make: Factory) -> None:
        self._app = app
        self.account, self.other = make.account(), make.account("Other Ltd")
        self.method = make.method()
        self.owner, self.member = make.user("owner", self.account), make.user("member", self.account)
        self.stranger = make.user("owner", self.other)
        self.reviewer, self.colleague = make.user("reviewer"), make.user("reviewer")
        self.admin, self.second_admin = make.user("admin"), make.user("admin")
        names = ("free", "waiting", "second", "gateway", "paid", "mine")
        self.invoices = {name: _invoice(make, self.account, name) for name in names}
        self.invoices["theirs"] = _invoice(make, self.other, "theirs")
        self.invoices["draft"] = make.invoice(self.account, issued=False, number="draft", credits=7)
        self.payments = {name: self._reported(make, name) for name in ("waiting", "second", "paid", "mine", "theirs")}
        self.payments["paid"] = make.approved(self.payments["paid"], self.reviewer)
        self.payments["gateway"] = make.gateway_payment(self.invoices["gateway"])
        self.invoices["clear"] = _invoice(make, self.account, "clear")
        reference = str(self.invoices["clear"].payment_reference)
        self.payments["clear"] = make.payment(self.invoices["clear"], self.owner, reference)
        with app.app_context(), across_accounts():
            self.token_id = tokens.issue_token(self.owner.id, by=acting(self.owner), name="first")[0].id
            self.beside = Beside(make, self.account, self.owner, self.member, self.admin)
        self._made_at = clock.now()  # and so it stays: what lives for minutes only outlives all orders

    def _reported(self, make: Factory, name: str) -> Payment:
        by = self.stranger if name == "theirs" else self.owner
        return make.payment(self.invoices[name], by, SAME_TEXT if name in ("mine", "theirs") else f"TRF {name}")

    def operations(self) -> dict[str, Call]:
        """Each operation by its name, as a function that does it once, in whichever thread calls it."""
        of_staff = self._of_staff() | self._of_the_gateway() | self._on_invoices() | self._on_people()
        of_staff |= self._on_methods() | self._with_proofs_and_batches() | self.beside.of_staff()
        customers = partial(account_scope, self.account.id)
        return (
            {name: self._within(call, customers) for name, call in self._of_customers().items()}
            | {name: self._within(call, across_accounts) for name, call in of_staff.items()}
            | {name: self._within(call, customers) for name, call in self.beside.of_customers().items()}
            | {name: self._within(call, nullcontext) for name, call in self.beside.of_nobody().items()}
        )

    def _within(self, call: Call, scope: Callable[[], AbstractContextManager[None]]) -> Call:
        def run() -> None:
            with clock.set_to(self._made_at), self._app.app_context(), scope():
                call()

        return run

    def _of_customers(self) -> dict[str, Call]:
        def submit(name: str, by: Any, reference: str) -> Call:
            return lambda: payments.create_manual_payment(
                by=acting(by),
                invoice_id=self.invoices[name].id,
                payment_method="bank_transfer",
                transaction_reference=reference,
            )

        return {
            "submit free": submit("free", self.owner, "TRF new"),
            "submit free again": submit("free", self.member, "TRF other"),
            "submit waiting": submit("waiting", self.member, "TRF new"),
            "submit gateway": submit("gateway", self.member, "TRF new"),
            "submit paid": submit("paid", self.member, "TRF paid"),
            "cancel waiting": lambda: payments.cancel_payment(
                self.payments["waiting"].id, by=acting(self.owner), version=1
            ),
            "cancel gateway": lambda: payments.cancel_payment(self.payments["gateway"].id, by=acting(self.owner)),
        }

    def _of_staff(self) -> dict[str, Call]:
        def approve(name: str, by: Any, why: str = "") -> Call:
            return lambda: payments.approve_payment(
                self.payments[name].id, by=acting(by), version=1, same_text_reason=why
            )

        return {
            "approve waiting": approve("waiting", self.reviewer),
            "approve waiting again": approve("waiting", self.colleague),
            "approve second": approve("second", self.colleague),
            "approve mine": approve("mine", self.reviewer),
            "approve theirs": approve("theirs", self.colleague),
            "approve theirs knowingly": approve("theirs", self.colleague, "another day's transfer"),
            "reject waiting": lambda: payments.reject_payment(
                self.payments["waiting"].id, by=acting(self.colleague), version=1, reason=REASON
            ),
            "refund paid": lambda: payments.refund_payment(
                self.payments["paid"].id, by=acting(self.admin), version=2, reason=REASON
            ),
        }

    def _with_proofs_and_batches(self) -> dict[str, Call]:
        def approve_batch(by: Any) -> Call:
            seen = [Seen(self.payments[name].id, 1) for name in ("second", "clear")]
            return lambda: approve_payments(seen, by=acting(by))

        clear = self.payments["clear"].id
        return {
            "add proof": lambda: attach_proof(clear, by=acting(self.owner), file=PROOF),
            "approve batch": approve_batch(self.reviewer),
            "approve batch again": approve_batch(self.colleague),
            "reject clear": lambda: payments.reject_payment(clear, by=acting(self.colleague), version=1, reason=REASON),
        }

    def _of_the_gateway(self) -> dict[str, Call]:
        def start(name: str) -> Call:
            return lambda: payments.start_payment(
                by=SYSTEM, invoice_id=self.invoices[name].id, payment_method="card", transaction_reference="pi_2"
            )

        payment = self.payments["gateway"].id
        return {
            "start free": start("free"),
            "start waiting": start("waiting"),
            "process gateway": lambda: payments.process_payment(payment, by=SYSTEM),
            "settle gateway": lambda: payments.settle_payment(payment, by=SYSTEM),
            "fail gateway": lambda: payments.fail_payment(payment, by=SYSTEM, reason=REASON),
        }

    def _on_invoices(self) -> dict[str, Call]:
        def void(name: str) -> Call:
            return lambda: payments.void_invoice(self.invoices[name].id, by=acting(self.admin), reason=REASON)

        def create() -> Invoice:
            line = NewLine("Work", 1000, Money(100, "EUR"))
            account_id = self.account.id
            return invoices.create_invoice(
                by=acting(self.admin), account_id=account_id, number="new", currency="EUR", lines=[line]
            )

        return {
            "void free": void("free"),
            "void waiting": void("waiting"),
            "void gateway": void("gateway"),
            "void paid": void("paid"),
            "void draft": void("draft"),
            "issue draft": lambda: invoices.issue_invoice(self.invoices["draft"].id, by=acting(self.admin)),
            "create invoice": create,
        }

    def _on_people(self) -> dict[str, Call]:
        admin, second = acting(self.admin), acting(self.second_admin)
        user = {"email": "new@portal.example", "name": "New", "role": Role.OWNER, "account_id": self.account.id}
        place = {"country": "DE", "currency": "EUR"}
        return {
            "create account": lambda: accounts.create_account(by=admin, number="C-new", name="New", **place),
            "update account": lambda: accounts.update_account(
                self.account.id, by=admin, name="Renamed", locale="de", timezone="UTC"
            ),
            "create user": lambda: accounts.create_user(by=admin, password=PASSWORD, **user),  # type: ignore[arg-type]
            "promote reviewer": lambda: accounts.change_role(self.reviewer.id, by=admin, role=Role.ADMIN),
            "disable reviewer": lambda: accounts.set_enabled(self.reviewer.id, by=admin, enabled=False),
            "demote owner": lambda: accounts.change_role(self.owner.id, by=admin, role=Role.VIEWER),
            "disable owner": lambda: accounts.set_enabled(self.owner.id, by=admin, enabled=False),
            "demote admin": lambda: accounts.change_role(self.admin.id, by=second, role=Role.REVIEWER),
            "demote second admin": lambda: accounts.change_role(self.second_admin.id, by=admin, role=Role.REVIEWER),
            "change password": lambda: accounts.set_password(
                self.owner.id, by=acting(self.owner), password="another long password"
            ),
            "issue token": lambda: tokens.issue_token(self.owner.id, by=acting(self.owner), name="second"),
            "revoke token": lambda: tokens.revoke_token(self.token_id, by=acting(self.owner)),
        }

    def _on_methods(self) -> dict[str, Call]:
        admin = acting(self.admin)

        def settings(name: str) -> methods.MethodSettings:
            return methods.MethodSettings(display_name=name, instructions="Send it.")

        def allow(allowed: bool) -> Call:
            return lambda: methods.set_account_method(
                self.account.id, "bank_transfer", by=admin, is_allowed=allowed, is_default=allowed
            )

        return {
            "create method": lambda: methods.create_method(
                by=admin, country="DE", method="bank_transfer", settings=settings("German transfer")
            ),
            "update method": lambda: methods.update_method(self.method.id, by=admin, settings=settings("Renamed")),
            "switch method off": lambda: methods.set_method_enabled(self.method.id, by=admin, enabled=False),
            "prefer method": allow(allowed=True),
            "forbid method": allow(allowed=False),
        }


def _invoice(make: Factory, account: Account, name: str) -> Invoice:
    return make.invoice(account, "49.00", credits=7, number=name)


class Stage:
    """The scene's rows in PostgreSQL: brought back in one go, and told."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self._count = 0
        self._teller = Teller(connection)
        tables = sorted(Base.metadata.tables)
        connection.execute("CREATE SCHEMA beginning")
        for table in tables:
            connection.execute(f"CREATE TABLE beginning.{table} AS SELECT * FROM public.{table}".encode())
        back = "; ".join(
            f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM beginning.{table}" for table in tables
        )
        # Neither triggers nor foreign keys: the rows were allowed when they were first written.
        self._back = f"BEGIN; SET LOCAL session_replication_role = replica; {back}; COMMIT".encode()

    def restore(self) -> None:
        """As in the beginning. From time to time what the database keeps of dead rows goes, too."""
        self.connection.execute(self._back)
        self._count += 1
        if self._count % 100 == 0:
            self.connection.execute("VACUUM ANALYZE")

    def digest(self) -> dict[str, list[str]]:
        """What all rows of all tables say."""
        return self._teller.tell()

    def query(self, sql: str) -> list[Any]:
        return self.connection.execute(sql.encode()).fetchall()
