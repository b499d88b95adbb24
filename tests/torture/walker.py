"""The model walker: random steps on the real service and on the model, compared after each.

A walk is a row of worlds; each has own accounts and people, and follows from one number alone. The number of a world
that went wrong is printed with its last steps; ``WALK_SEED`` walks that world again.
"""

import random
from collections import Counter, deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Uuid, bindparam, select, text

from portal.accounts import service as accounts
from portal.billing.credits.models import CreditTransaction
from portal.billing.invoices import service as invoices
from portal.billing.invoices.lines import NewLine
from portal.billing.invoices.models import Invoice
from portal.billing.methods import service as methods
from portal.billing.methods.queries import all_methods
from portal.billing.payments import service
from portal.billing.payments.models import Payment
from portal.foundation.access import Role
from portal.foundation.actor import Actor
from portal.foundation.db import session
from portal.foundation.ids import new_id
from portal.foundation.money import Money
from portal.foundation.refusals import Refusal
from portal.foundation.tenancy import account_scope, across_accounts
from tests.torture import invariants
from tests.torture.dice import SPELLINGS, Dice
from tests.torture.model import ABSENT, Model, Step

WORLD = 1000
"""Steps in one world."""
LOOK = 20
"""Every so many steps all rows of the world are compared; what a step touched, after each."""
SYSTEM = Actor.system("walk")
COUNTRIES = ("DE", "DE", "JP")
CURRENCIES = ("EUR", "EUR", "JPY")
OFFERS = (("*", "bank_transfer"), ("*", "local_wallet"), ("JP", "local_wallet"))
PAID = text(
    "SELECT payments.status, payments.version, invoices.status, invoices.amount_paid_minor FROM payments "
    "JOIN invoices ON invoices.id = payments.invoice_id WHERE payments.id = :id"
).bindparams(bindparam("id", type_=Uuid))
OWED = text("SELECT status, amount_paid_minor FROM invoices WHERE id = :id").bindparams(bindparam("id", type_=Uuid))


class Mismatch(AssertionError):
    """The service and the model part ways."""


class World:
    """Three accounts with their people, and staff, made by the service; the model beside them.

    ``promoted`` is an owner who passes for a reviewer, and looks at their own account only.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.model = Model(list(COUNTRIES), list(OFFERS))
        self.stem = new_id().hex[-12:]
        self.people: dict[str, tuple[Actor, int | None]] = {"system": (SYSTEM, None)}
        self.payments: list[UUID] = []
        self.invoices: list[UUID] = []
        self.last: deque[tuple[Step, str]] = deque(maxlen=20)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        with across_accounts():
            self._settle_in()
        roles = {name: (actor.role.value, home) for name, (actor, home) in self.people.items()}
        self.dice = Dice(random.Random(seed), self.model, roles)

    def _settle_in(self) -> None:
        self.accounts = [
            accounts.create_account(
                by=SYSTEM, number=f"{self.stem}-{place}", name=f"Account {place}", country=country, currency=currency
            ).id
            for place, (country, currency) in enumerate(zip(COUNTRIES, CURRENCIES, strict=True))
        ]
        for place in range(len(self.accounts)):
            for role in (Role.OWNER, Role.MEMBER, Role.VIEWER):
                self._hire(f"{role}{place}", role, place)
            owner, _ = self.people[f"owner{place}"]
            self.people[f"promoted{place}"] = (replace(owner, role=Role.REVIEWER), place)
        for name, role in (("reviewer1", Role.REVIEWER), ("reviewer2", Role.REVIEWER), ("admin", Role.ADMIN)):
            self._hire(name, role, None)
        self.offers = {
            (row.country, row.method): methods.set_method_enabled(row.id, by=SYSTEM, enabled=True).id
            for row in methods_on_offer()
        }

    def _hire(self, name: str, role: Role, home: int | None) -> None:
        account_id = None if home is None else self.accounts[home]
        email = f"{name}-{self.stem}@walk.example"
        made = accounts.create_user(
            by=SYSTEM, email=email, name=name, role=role, account_id=account_id, password="correct horse battery"
        )
        self.people[name] = (Actor(made.id, account_id, role, name, "test"), home)

    def walk(self, steps: int) -> None:
        """So many steps. Raises Mismatch at the first that ends otherwise than the model says."""
        for count in range(1, steps + 1):
            step = self.dice.roll()
            expected = self.model.judge(step)
            found = self._take(step)
            self.last.append((step, found))
            self.outcomes[step.action, found] += 1
            if found != expected:
                raise self._mismatch(f"ended with {found}, not with {expected}")
            if found == "ok":
                self.model.apply(step)
            self._compare_touched(step)
            if count % LOOK == 0 or count == steps:
                self._compare_all()
        with across_accounts():
            wrong = invariants.broken(lambda sql: session.execute(text(sql)).all())
        if wrong:
            raise self._mismatch(f"broken: {wrong}")

    def _take(self, step: Step) -> str:
        """How the service ends the step: ``ok``, or the code of its refusal. Notes the ids of new rows."""
        actor, _ = self.people[step.who]
        try:
            with self._scope(step):
                made = self._call(step, actor)
        except Refusal as refusal:
            return refusal.code
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no refusal
            return f"{type(error).__name__}: {error}"
        if step.action in ("submit", "start"):
            self.payments.append(made.id)
        elif step.action == "draft":
            self.invoices.append(made.id)
        return "ok"

    def _scope(self, step: Step) -> AbstractContextManager[None]:
        if step.sees_all or step.home is None:
            return across_accounts()
        return account_scope(self.accounts[step.home])

    def _call(self, step: Step, by: Actor) -> Any:
        payment = self.payments[step.payment] if step.payment != ABSENT else new_id()
        invoice = self.invoices[step.invoice] if step.invoice != ABSENT else new_id()
        decision: dict[str, Any] = {"by": by, "version": step.version}
        calls: dict[str, Callable[[], Any]] = {
            "submit": lambda: service.create_manual_payment(
                by=by, invoice_id=invoice, payment_method=step.method, transaction_reference=self._reference(step)
            ),
            "start": lambda: service.start_payment(
                by=by,
                invoice_id=invoice,
                payment_method="card",
                transaction_reference=f"pi_{step.transfer}_{self.stem}",
            ),
            "approve": lambda: service.approve_payment(payment, **decision, same_text_reason=step.reason),
            "reject": lambda: service.reject_payment(payment, **decision, reason=step.reason),
            "cancel": lambda: service.cancel_payment(payment, **decision),
            "refund": lambda: service.refund_payment(payment, **decision, reason=step.reason),
            "process": lambda: service.process_payment(payment, by=by),
            "settle": lambda: service.settle_payment(payment, by=by),
            "fail": lambda: service.fail_payment(payment, by=by, reason=step.reason),
            "void": lambda: service.void_invoice(invoice, by=by, reason=step.reason),
            "issue": lambda: invoices.issue_invoice(
                invoice, by=by, issue_date=date(2026, 11, 1), due_date=date(2026, 12 if step.yes else 10, 1)
            ),
            "draft": lambda: self._draft(step, by),
            "switch": lambda: methods.set_method_enabled(
                self.offers[step.country, step.method], by=by, enabled=step.yes
            ),
            "allow": lambda: methods.set_account_method(
                self.accounts[step.account], step.method, by=by, is_allowed=step.yes, is_default=False
            ),
        }
        return calls[step.action]()

    def _draft(self, step: Step, by: Actor) -> Invoice:
        number = len(self.invoices) if step.number is None else step.number
        currency = CURRENCIES[max(step.account, 0)]
        return invoices.create_invoice(
            by=by,
            account_id=self.accounts[step.account] if step.account != ABSENT else new_id(),
            number=f"{self.stem}/{number}",
            currency=currency,
            lines=[NewLine("Work", 1000, Money(step.total, currency))],
            credits=step.credits,
        )

    def _reference(self, step: Step) -> str:
        return "" if step.transfer is None else SPELLINGS[step.spelling].format(step.transfer) + self.stem

    def _compare_touched(self, step: Step) -> None:
        """The payment and the invoice that the step was about, as the database holds them."""
        place = step.payment
        if step.action in ("submit", "start") and len(self.payments) > 0:
            place = len(self.payments) - 1
        if place != ABSENT:
            payment = self.model.payments[place]
            invoice = self.model.invoices[payment["invoice"]]
            expected = (payment["status"], payment["version"], invoice["status"], invoice["paid"])
            self._expect(PAID, self.payments[place], expected)
        if step.invoice != ABSENT:
            invoice = self.model.invoices[step.invoice]
            self._expect(OWED, self.invoices[step.invoice], (invoice["status"], invoice["paid"]))

    def _expect(self, statement: Any, row_id: UUID, expected: tuple[object, ...]) -> None:
        with across_accounts():
            found = session.execute(statement, {"id": row_id}).one()
        if tuple(found) != expected:
            raise self._mismatch(f"left {tuple(found)}, not {expected}")

    def _compare_all(self) -> None:
        """All rows of the world, and that there are no others."""
        with across_accounts():
            self._compare_rows(
                select(Payment.id, Payment.status, Payment.version, Payment.amount_minor).where(
                    Payment.account_id.in_(self.accounts)
                ),
                {
                    i: (p["status"], p["version"], p["amount"])
                    for i, p in zip(self.payments, self.model.payments, strict=True)
                },
            )
            self._compare_rows(
                select(Invoice.id, Invoice.status, Invoice.amount_paid_minor).where(
                    Invoice.account_id.in_(self.accounts)
                ),
                {i: (v["status"], v["paid"]) for i, v in zip(self.invoices, self.model.invoices, strict=True)},
            )
            ledger = select(CreditTransaction).where(CreditTransaction.account_id.in_(self.accounts)).subquery()
            self._compare_rows(
                select(ledger.c.account_id, ledger.c.seq, ledger.c.balance_after).order_by(ledger.c.seq),
                {
                    i: (a["seq"], a["balance"])
                    for i, a in zip(self.accounts, self.model.accounts, strict=True)
                    if a["seq"]
                },
            )  # the last row of each account stays

    def _compare_rows(self, statement: Any, expected: dict[UUID, tuple[object, ...]]) -> None:
        found = {row[0]: tuple(row[1:]) for row in session.execute(statement)}
        if found != expected:
            wrong = {i: (found.get(i), expected.get(i)) for i in found | expected if found.get(i) != expected.get(i)}
            raise self._mismatch(f"rows found and expected differ: {wrong}")

    def _mismatch(self, what: str) -> Mismatch:
        steps = "\n".join(f"  {step} -> {found}" for step, found in self.last)
        return Mismatch(f"{what}\nWALK_SEED={self.seed}, step {self.outcomes.total()}; the last steps:\n{steps}")


def methods_on_offer() -> list[Any]:
    """The methods that all worlds of the database share, made by the first."""
    if not all_methods():
        for country, method in OFFERS:
            settings = methods.MethodSettings(display_name=method, instructions="Send it.")
            methods.create_method(by=SYSTEM, country=country, method=method, settings=settings)
    return list(all_methods())


def walk(app: Flask, seed: int, steps: int) -> Counter[tuple[str, str]]:
    """Walk so many steps over the app's database, in worlds of ``WORLD`` steps from ``seed`` on; how they ended."""
    outcomes: Counter[tuple[str, str]] = Counter()
    with app.app_context():
        for start in range(0, steps, WORLD):
            with across_accounts():
                world = World(seed + start // WORLD)
            world.walk(min(WORLD, steps - start))
            outcomes += world.outcomes
    return outcomes
