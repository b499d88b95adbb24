"""The demo: a believable year of six accounts, made by the domain's own functions. The same but for today's date."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal.accounts import service as accounts
from portal.accounts.mail_choices import choose_mails
from portal.accounts.models import Account, User
from portal.accounts.passwords import DEMO_PASSWORD, is_demo, mark_as_demo
from portal.billing.invoices import service as invoices
from portal.billing.invoices.lines import NewLine
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.payment_reference import in_groups
from portal.billing.methods import service as methods
from portal.billing.payments import service as payments
from portal.billing.payments.models import Payment
from portal.billing.payments.proofs.service import attach_proof
from portal.billing.payments.queries import payments_of_invoice
from portal.billing.payments.references import read_reference
from portal.billing.payments.states import Status
from portal.cli import demo_data as data
from portal.cli.demo_receipts import receipt
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.actor import Actor
from portal.foundation.db import session, transaction
from portal.foundation.money import Money
from portal.foundation.refusals import Conflict, Invalid
from portal.foundation.tenancy import across_accounts

SIGN_INS = (
    "owner@acme.example", "member@acme.example", "viewer@acme.example", "owner@globex.example",
    "reviewer@portal.example", "admin@portal.example",
)  # fmt: skip
_SYSTEM = Actor.system("demo")

# What becomes of an account's invoices, the oldest first. Each step is an attempt to pay, or what ends the story.
# The last ones wait for approval: four of each account, and one more of the first.
_PLANS = (
    ("approve",), ("approve",), ("reject", "approve"), ("approve",), ("card",), ("approve",), ("cancel", "approve"),
    ("approve", "refund", "approve"), ("reject", "reject", "approve"), ("approve",), ("void",), ("decline", "approve"),
    ("approve",), ("card",), ("approve",), ("reject", "approve"), ("approve",), ("approve", "refund"),
    ("cancel", "approve"), ("approve",), ("reject", "approve"), ("card",), ("approve",), ("approve",), ("reject",),
    ("approve",), ("decline", "approve"), (), ("start",), ("process",), ("reject", "wait"), ("wait",), ("wait",),
    ("wait",), ("draft",),
)  # fmt: skip
_REUSED = "FT-4711-0815"
_REUSING = (("C-1005", "approve"), ("C-1003", "wait"))
Story = Iterator[datetime]


def load_demo_once() -> bool:
    """Load the demo into a database without accounts and users. False where there are some."""
    if _is_used():
        return False
    load_demo()
    return True


def load_demo() -> None:
    """Load the demo, all or nothing. Raises Conflict where there is anything already."""
    if _is_used():
        raise Conflict("not_empty", "There are accounts or users already. The demo is for an empty database.")
    with across_accounts(), transaction():
        mark_as_demo()
        _Demo().load()


def _is_used() -> bool:
    return is_demo() or any(session.scalar(select(row).limit(1)) for row in (User.id, Account.id))


class _Demo:
    """One loading. A story is told up to its next moment; of all stories the earliest goes on."""

    def __init__(self) -> None:
        self.random = Random(20260101)  # noqa: S311  (the same demo every time; nothing secret)
        self.now = clock.now().replace(second=0, microsecond=0)
        self.people: dict[str, Actor] = {}
        self.invoices_written = self.payments_reported = 0
        self.reused_by: set[str] = set()

    def load(self) -> None:
        """Make everything, in the order of time: ids sort by it."""
        with clock.set_to(self.now - timedelta(days=400)):
            for person in data.STAFF:
                self._add_person(person, None)
            for method in data.METHODS:
                self._add_method(method)
            owned = [(known, self._add_account(known)) for known in data.ACCOUNTS]
        stories = [
            story for place, (known, account) in enumerate(owned) for story in self._stories(known, account, place)
        ]
        heap = [(begin, number, story) for number, (begin, story) in enumerate(stories)]
        heapify(heap)
        while heap:
            moment, number, story = heappop(heap)
            with clock.set_to(moment):
                following = next(story, None)
            if following is not None:
                heappush(heap, (following, number, story))

    def _stories(self, known: data.DemoAccount, account: Account, place: int) -> Iterator[tuple[datetime, Story]]:
        plans = (*_PLANS[:-1], ("wait",), _PLANS[-1]) if place == 0 else _PLANS
        for index, plan in enumerate(plans):
            left = len(plans) - index
            days = 2 + left * 3 + max(left - 12, 0) * 9 + self.random.randrange(4)  # more of late than a year ago
            begin = self.now - timedelta(days=days, minutes=self.random.randrange(600))
            yield begin, self._story(known, account, plan, left)

    def _story(self, known: data.DemoAccount, account: Account, plan: tuple[str, ...], left: int) -> Story:
        """One invoice. Yields the moment at which the story goes on; then that is the time."""
        invoice = self._write_invoice(known, account)
        if plan == ("draft",):
            return
        invoices.issue_invoice(invoice.id, by=self.people["admin@portal.example"])
        for step in plan:
            if step in ("wait", "start", "process"):
                yield self.now - timedelta(
                    minutes=left**3 * self.random.randrange(9, 31) + self.random.randrange(4, 40)
                )
            else:
                yield clock.now() + timedelta(days=self.random.randrange(1, 6), minutes=self.random.randrange(600))
            yield from self._step(step, known, invoice)

    def _step(self, step: str, known: data.DemoAccount, invoice: Invoice) -> Story:
        if step == "void":
            payments.void_invoice(
                invoice.id, by=self.people["admin@portal.example"], reason="Written for another order."
            )
        elif step in ("card", "decline", "start", "process"):
            yield from self._pay_by_card(step, invoice)
        elif step == "refund":
            self._refund(invoice)
        else:
            yield from self._pay_by_hand(step, known, invoice)

    def _pay_by_hand(self, step: str, known: data.DemoAccount, invoice: Invoice) -> Story:
        payer = self.people[self.random.choice([user.email for user in known.users if user.role != "viewer"])]
        by_wallet = self.random.random() < 0.4 and known.wallet_takes(invoice.total_minor)
        today = clock.now().astimezone(ZoneInfo(known.timezone)).date()
        payment = payments.create_manual_payment(
            by=payer,
            invoice_id=invoice.id,
            payment_method="local_wallet" if by_wallet else "bank_transfer",
            transaction_reference=self._reference(step, known, invoice, by_wallet=by_wallet),
            reference_confirmed=True,  # some have a slip
            paid_on=self.random.choice((None, today, today, today - timedelta(days=1), today - timedelta(days=3))),
            notes=self.random.choice(data.NOTES),
        )
        self._show_proof(step, payment, payer)
        if step == "wait":
            return
        yield clock.now() + timedelta(hours=self.random.choice((1, 2, 3, 5, 20, 26)), minutes=self.random.randrange(50))
        reviewer = self.people["reviewer@portal.example"]
        if step == "approve":
            payments.approve_payment(payment.id, by=reviewer, version=payment.version)
        elif step == "reject":
            reason = self.random.choice(data.REJECTIONS)
            payments.reject_payment(payment.id, by=reviewer, version=payment.version, reason=reason)
        else:
            payments.cancel_payment(payment.id, by=payer)

    def _show_proof(self, step: str, payment: Payment, payer: Actor) -> None:
        """Every second payment that waits has a proof. One file was shown before, by another account."""
        reused = payment.transaction_reference == _REUSED
        if reused or (step == "wait" and self.payments_reported % 2):
            amount = "2,400.00" if reused else str(payment.amount)
            day = f"{self.now - timedelta(days=40) if reused else clock.now():%Y-%m-%d}"
            file = receipt(
                amount, payment.transaction_reference, day, as_pdf=not reused and self.payments_reported % 4 == 1
            )
            attach_proof(payment.id, by=payer, file=file)

    def _pay_by_card(self, step: str, invoice: Invoice) -> Story:
        self.payments_reported += 1
        payment = payments.start_payment(
            by=_SYSTEM,
            invoice_id=invoice.id,
            payment_method="card",
            transaction_reference=f"pi_demo_{self.payments_reported:05}",
        )
        if step == "start":
            return
        yield clock.now() + timedelta(minutes=1)
        payments.process_payment(payment.id, by=_SYSTEM)
        if step == "process":
            return
        yield clock.now() + timedelta(minutes=3)
        if step == "card":
            payments.settle_payment(payment.id, by=_SYSTEM)
        else:
            payments.fail_payment(payment.id, by=_SYSTEM, reason=self.random.choice(data.CARD_FAILURES))

    def _refund(self, invoice: Invoice) -> None:
        paid = next(row for row in payments_of_invoice(invoice.id) if row.status == Status.SUCCEEDED)
        admin, reason = self.people["admin@portal.example"], self.random.choice(data.REFUNDS)
        payments.refund_payment(paid.id, by=admin, version=paid.version, reason=reason)

    def _reference(self, step: str, known: data.DemoAccount, invoice: Invoice, *, by_wallet: bool) -> str:
        """The invoice's own reference, sometimes with a slip where it waits, or one of the bank's or wallet's shape.

        One is used twice: booked in one account, waiting in another.
        """
        self.payments_reported += 1
        if (known.number, step) in _REUSING and known.number not in self.reused_by:
            self.reused_by.add(known.number)
            return _REUSED
        if not by_wallet and invoice.payment_reference and self.random.random() < 0.5:
            own = in_groups(invoice.payment_reference)
            return _with_a_slip(own) if step == "wait" and self.payments_reported % 4 == 0 else own
        shape = known.wallet_reference if by_wallet else known.reference
        return shape.format(day=clock.now(), n=self.payments_reported * 7 + self.random.randrange(7))

    def _write_invoice(self, known: data.DemoAccount, account: Account) -> Invoice:
        self.invoices_written += 1
        lines = [
            NewLine(
                description,
                self.random.choice((1000, 1000, 2000, 2500, 5000)),
                Money.parse(self.random.choice(known.prices), known.currency),
            )
            for description in self.random.sample(data.LINES, self.random.choice((1, 1, 2, 3)))
        ]
        return invoices.create_invoice(
            by=self.people["admin@portal.example"],
            account_id=account.id,
            number=f"INV-{clock.now().year}-{self.invoices_written:05}",
            currency=known.currency,
            lines=lines,
            credits=self.random.choice((0, 0, 100, 250, 500)),
        )

    def _add_person(self, person: data.DemoUser, account: Account | None) -> None:
        user = accounts.create_user(
            by=_SYSTEM,
            email=person.email,
            name=person.name,
            role=Role(person.role),
            account_id=account.id if account else None,
            password=DEMO_PASSWORD,
        )
        face = "web" if account else "admin"
        self.people[user.email] = Actor(user.id, user.account_id, Role(user.role), user.name, face)
        if person.digest_hours:
            choose_mails(by=self.people[user.email], digest_hours=person.digest_hours)

    def _add_account(self, known: data.DemoAccount) -> Account:
        account = accounts.create_account(
            by=_SYSTEM,
            number=known.number,
            name=known.name,
            country=known.country,
            currency=known.currency,
            locale=known.locale,
            timezone=known.timezone,
        )
        for person in known.users:
            self._add_person(person, account)
        return account

    def _add_method(self, method: data.DemoMethod) -> None:
        currency, smallest, largest = method.limits
        settings = methods.MethodSettings(
            display_name=method.name,
            instructions=method.instructions,
            details=method.details,
            currencies=method.currencies,
            limit_currency=currency,
            minimum=smallest,
            maximum=largest,
            is_enabled=method.is_enabled,
            position=method.position,
        )
        methods.create_method(by=_SYSTEM, country=method.country, method=method.method, settings=settings)


def _with_a_slip(reference: str) -> str:
    """Its last two digits in the wrong order; as it is where that would look like a card number."""
    try:
        return read_reference(f"{reference[:-2]}{reference[-1]}{reference[-2]}")
    except Invalid:
        return reference
