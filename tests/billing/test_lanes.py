"""Lanes of the approval queue: by facts, the same in the queue, in its counts and on the decision page."""

from random import Random

import pytest
from flask import Flask

from portal.accounts.models import Account, User
from portal.billing.invoices.models import Invoice
from portal.billing.payments import queries
from portal.billing.payments.figures import Lane
from portal.billing.payments.lanes import Facts, facts_of
from portal.billing.payments.models import Payment
from portal.billing.payments.queries import PaymentFilter, approval_queue, lane_counts, next_in_queue
from portal.billing.payments.review import review
from portal.foundation.db import end_reading
from portal.foundation.tenancy import across_accounts
from tests.billing.conftest import World
from tests.factories import Factory, acting

pytestmark = pytest.mark.usefixtures("domain")


def facts(payment: Payment) -> Facts:
    with across_accounts():
        found = facts_of(payment.id)
    end_reading()
    return found


def own(invoice: Invoice) -> str:
    return str(invoice.payment_reference)


@pytest.fixture
def booked(world: World, make: Factory) -> Payment:
    """The account has paid 10.00 EUR before."""
    return make.approved(make.payment(make.invoice(world.account, "10.00"), world.owner), world.reviewer)


def test_a_clear_case(world: World, make: Factory, booked: Payment) -> None:
    invoice = make.invoice(world.account, "30.00")
    reference = own(invoice)
    typed = f" {reference[:4].lower()}-{reference[4:9]} {reference[9:]} "
    assert facts(make.payment(invoice, world.owner, typed)) == Facts(True, True, False, False, False, False, Lane.CLEAR)


def test_the_first_payment_in_a_currency_is_no_clear_case(world: World, make: Factory, booked: Payment) -> None:
    invoice = make.invoice(world.account, "5.00", currency="USD")
    found = facts(make.payment(invoice, world.owner, own(invoice)))
    assert (found.is_first, found.is_unusual, found.lane) == (True, False, Lane.DIFFERS)
    assert found.warnings == ["first_payment"]


def test_more_than_three_times_the_largest_of_the_last_ten_is_unusual(world: World, make: Factory) -> None:
    totals = ["99.00", "10.00", *["1.00"] * 9]  # the first is the eleventh from the end
    for total in totals:
        make.approved(make.payment(make.invoice(world.account, total), world.owner), world.reviewer)
    other = make.payment(make.invoice(world.account, "500.00"), world.owner)
    make.refunded(make.approved(other, world.reviewer), world.admin)  # given back, it says nothing of what is usual
    found = []
    for total in ("30.00", "30.01"):
        invoice = make.invoice(world.account, total)
        found.append(facts(make.payment(invoice, world.owner, own(invoice))))
    assert [(one.is_unusual, one.lane) for one in found] == [(False, Lane.CLEAR), (True, Lane.DIFFERS)]
    assert found[1].warnings == ["unusual_amount"]


def test_another_invoices_reference_differs(world: World, make: Factory, booked: Payment) -> None:
    found = facts(make.payment(make.invoice(world.account), world.owner, own(make.invoice(world.account))))
    assert (found.is_own_reference, found.lane) == (False, Lane.DIFFERS)


def test_a_reference_on_another_live_payment_is_a_conflict_until_that_one_fails(
    world: World, make: Factory, booked: Payment
) -> None:
    globex = make.account("Globex")
    stranger = make.user("owner", globex)
    invoice = make.invoice(world.account, "30.00")
    mine = make.payment(invoice, world.owner, own(invoice))
    theirs = make.payment(make.invoice(globex), stranger, own(invoice))
    assert [facts(one).lane for one in (mine, theirs)] == [Lane.CONFLICT, Lane.CONFLICT]
    make.rejected(theirs, world.reviewer)
    assert facts(mine).lane == Lane.DIFFERS


def test_a_reference_that_was_rejected_or_refunded_before_is_no_clear_case(
    world: World, make: Factory, booked: Payment
) -> None:
    found = []
    for end in ("withdrawn", "rejected", "refunded"):
        invoice = make.invoice(world.account, "10.00")
        first = make.payment(invoice, world.owner, own(invoice))
        if end == "withdrawn":
            make.withdrawn(first, world.owner)
        elif end == "rejected":
            make.rejected(first, world.reviewer)
        else:
            make.refunded(make.approved(first, world.reviewer), world.admin)
        again = facts(make.payment(invoice, world.owner, own(invoice)))
        found.append((end, again.warnings, again.lane))
    assert found == [
        ("withdrawn", [], Lane.CLEAR),
        ("rejected", ["used_before"], Lane.DIFFERS),
        ("refunded", ["used_before"], Lane.DIFFERS),
    ]


def test_a_proof_that_was_seen_before_is_no_clear_case(world: World, make: Factory, booked: Payment) -> None:
    """With another account's payment, whatever became of it; of the own ones, with those that are live."""
    own_invoice, foreign = make.invoice(world.account, "9.00"), make.account("Globex")
    globex = make.user("owner", foreign)
    theirs = make.payment(make.invoice(foreign, "9.00"), globex)
    first = make.payment(own_invoice, world.owner, own(own_invoice))
    make.proof(theirs, globex, b"theirs")
    make.proof(first, world.owner, b"first")
    found = []
    for content in (b"first", b"theirs"):
        make.withdrawn(first, world.owner)
        first = make.payment(own_invoice, world.owner, own(own_invoice))
        make.proof(first, world.owner, content)
        found.append((facts(first).warnings, facts(first).lane))
    assert found == [([], Lane.CLEAR), (["proof_seen"], Lane.DIFFERS)]
    make.rejected(theirs, world.reviewer)
    assert facts(first).warnings == ["proof_seen"]


def test_queue_counts_next_and_decision_page_agree_with_the_rules_as_written_here(
    app: Flask, world: World, make: Factory
) -> None:
    cases = Cases(world, make)
    for _ in range(24):
        cases.add()
    expected = {payment.id: cases.lane(payment) for payment in cases.waiting}
    assert set(expected.values()) == set(Lane)
    with across_accounts():
        shown = approval_queue(page_size=100).rows
        assert {row.id: row.lane for row in shown} == expected
        assert {id_: review(id_, reader=acting(world.reviewer)).facts.lane for id_ in expected} == expected
        for lane in Lane:
            wanted = PaymentFilter(lane=lane)
            inside = [row.id for row in shown if row.lane == lane]
            assert [row.id for row in approval_queue(wanted, page_size=100).rows] == inside
            assert lane_counts(wanted)[lane] == len(inside)
            assert next_in_queue(inside[0], wanted) == (inside[1] if len(inside) > 1 else None)


def test_a_lane_is_looked_for_among_the_oldest_thousand(
    world: World, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "QUEUE_COUNT_CAP", 3)
    waiting = [make.payment(make.invoice(world.account), world.owner).id for _ in range(5)]
    differs = PaymentFilter(lane=Lane.DIFFERS)
    with across_accounts():
        assert [row.id for row in approval_queue(differs).rows] == waiting[:3]
        assert lane_counts(differs)[Lane.DIFFERS] == 3
        assert next_in_queue(waiting[2], differs) == waiting[0]
        assert [row.id for row in approval_queue().rows] == waiting


class Cases:
    """Payments as they come, and what the rules say of them, written down a second time and without a database."""

    def __init__(self, world: World, make: Factory) -> None:
        self.dice, self.world, self.make = Random(5), world, make
        other = make.account("Globex")
        self.payers: list[tuple[Account, User]] = [
            (world.account, world.owner),
            (other, make.user("owner", other)),
        ]
        self.booked: list[Payment] = []
        self.waiting: list[Payment] = []
        self.invoices: dict[Payment, Invoice] = {}

    def add(self) -> None:
        account, payer = self.dice.choice(self.payers)
        invoice = self.make.invoice(account, f"{self.dice.choice((1, 2, 3, 4, 9, 30))}.00")
        reference = own(self.dice.choice([*self.invoices.values(), invoice])) if self.dice.random() < 0.3 else ""
        if any(one.transaction_reference == reference for one in self.booked + self.waiting):
            account, payer = next(pair for pair in self.payers if pair[0] != account)
            invoice = self.make.invoice(account, "2.00")
            taken = [one.account_id for one in self.booked + self.waiting if one.transaction_reference == reference]
            reference = "" if account.id in taken else reference
        elif not reference and self.dice.random() < 0.8:
            reference = own(invoice)
        payment = self.make.payment(invoice, payer, reference)
        self.invoices[payment] = invoice
        if self.dice.random() < 0.3 and not self._rivals(payment):
            self.booked.append(self.make.approved(payment, self.world.reviewer))
        else:
            self.waiting.append(payment)

    def lane(self, payment: Payment) -> Lane:
        last = [one.amount_minor for one in self.booked if one.account_id == payment.account_id][-10:]
        if self._rivals(payment):
            return Lane.CONFLICT
        is_own = payment.transaction_reference == own(self.invoices[payment])
        return Lane.CLEAR if is_own and last and payment.amount_minor <= 3 * max(last) else Lane.DIFFERS

    def _rivals(self, payment: Payment) -> list[Payment]:
        live = self.booked + self.waiting
        return [
            one for one in live if one.id != payment.id and one.transaction_reference == payment.transaction_reference
        ]
