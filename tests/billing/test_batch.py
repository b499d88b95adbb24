"""Several clear cases approved at once: each is looked at again, and what became of each is said."""

import time

import pytest
from flask import Flask
from sqlalchemy import event, select

from portal.billing.payments.batch import FOR_THE_ANSWER, NOT_REACHED, Outcome, Seen, approve_payments, batch_of
from portal.billing.payments.models import Payment
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session, transaction
from portal.foundation.deadline import remaining, within
from portal.foundation.ids import new_id
from portal.foundation.money import Money
from portal.foundation.refusals import Forbidden, Invalid
from portal.foundation.tenancy import across_accounts
from tests.billing.conftest import World
from tests.factories import Factory, acting

pytestmark = pytest.mark.usefixtures("domain")


@pytest.fixture
def clear(world: World, make: Factory) -> list[Payment]:
    """Three clear cases of 10.00 EUR each."""
    make.approved(make.payment(make.invoice(world.account, "10.00"), world.owner), world.reviewer)
    invoices = [make.invoice(world.account, "10.00", credits=5) for _ in range(3)]
    return [make.payment(invoice, world.owner, str(invoice.payment_reference)) for invoice in invoices]


def seen(*payments: Payment) -> list[Seen]:
    return [Seen(payment.id, payment.version) for payment in payments]


def approve(world: World, *payments: Payment) -> list[Outcome]:
    with across_accounts():
        return approve_payments(seen(*payments), by=acting(world.reviewer))


def test_all_are_approved_with_an_audit_entry_each(world: World, make: Factory, clear: list[Payment]) -> None:
    with across_accounts():
        found = batch_of(seen(*clear))
        assert ([row.id for row in found.clear], found.left_out) == ([payment.id for payment in clear], [])
        assert found.sums == [Money(3000, "EUR")]
    assert [one.why_not for one in approve(world, *clear)] == ["", "", ""]
    assert [make.payment_now(payment).status for payment in clear] == ["succeeded"] * 3
    with across_accounts():
        entries = session.scalars(select(AuditEntry.subject_id).where(AuditEntry.action == "payment.approve"))
        assert {*entries} >= {payment.id for payment in clear}


def test_what_changed_or_is_not_clear_stays_as_it_is(world: World, make: Factory, clear: list[Payment]) -> None:
    globex = make.account("Globex")
    differs = make.payment(make.invoice(world.account, "10.00"), world.owner, "FREE TEXT")
    rival = make.payment(make.invoice(globex), make.user("owner", globex), clear[1].transaction_reference)
    make.rejected(clear[2], world.admin)
    with across_accounts():
        left_out = batch_of(seen(*clear, differs)).left_out
    assert {row.id for row in left_out} == {clear[1].id, clear[2].id, differs.id}
    outcomes = approve(world, *clear, differs)
    assert [one.why_not.split(":")[0].split(" on ")[0] for one in outcomes] == [
        "",
        "This is not a clear case",
        "This payment was rejected by Ada Admin",
        "This is not a clear case",
    ]
    left = [make.payment_now(payment).status for payment in (clear[1], clear[2], differs, rival)]
    assert left == ["pending_approval", "failed", "pending_approval", "pending_approval"]


def test_another_version_than_the_one_that_was_seen_is_not_approved(world: World, clear: list[Payment]) -> None:
    stale = [Seen(clear[0].id, clear[0].version + 1)]
    with across_accounts():
        assert [row.id for row in batch_of(stale).left_out] == [clear[0].id]
        (outcome,) = approve_payments(stale, by=acting(world.reviewer))
    assert outcome.why_not.endswith("Look at it again before you decide.")


def test_sent_twice_it_says_the_same_and_books_once(world: World, make: Factory, clear: list[Payment]) -> None:
    approve(world, *clear)
    assert [one.why_not for one in approve(world, *clear)] == ["", "", ""]
    assert [len(make.payment_now(payment).events) for payment in clear] == [2, 2, 2]
    with across_accounts():
        (colleagues,) = approve_payments(seen(clear[0]), by=acting(world.admin))
    assert colleagues.why_not.startswith("This payment was approved by Rita Reviewer on ")


def test_what_was_approved_is_said_also_where_the_time_does_not_reach_for_the_others(
    world: World, make: Factory, clear: list[Payment]
) -> None:
    def linger(_session: object) -> None:
        while remaining():
            time.sleep(0.01)

    event.listen(session, "after_commit", linger)
    try:
        with within(FOR_THE_ANSWER + 2):
            outcomes = approve(world, *clear)
    finally:
        event.remove(session, "after_commit", linger)
    assert [one.why_not for one in outcomes] == ["", NOT_REACHED, NOT_REACHED]
    assert [(one.seen, one.is_unsettled) for one in outcomes] == [*zip(seen(*clear), [False, True, True], strict=True)]
    statuses = [make.payment_now(payment).status for payment in clear]
    assert statuses == ["succeeded", "pending_approval", "pending_approval"]
    assert [one.why_not for one in approve(world, *clear)] == ["", "", ""]


def test_one_that_the_database_holds_up_is_not_reached_and_left_as_it_was(
    app: Flask, world: World, make: Factory, clear: list[Payment]
) -> None:
    with app.app_context(), across_accounts(), transaction():  # somebody else's unit: each context has its own session
        session.execute(select(Payment.id).where(Payment.id == clear[0].id).with_for_update())
        with app.app_context(), within(FOR_THE_ANSWER + 0.8):
            outcomes = approve(world, clear[0])
    assert [one.why_not for one in outcomes] == [NOT_REACHED]
    assert [one.why_not for one in approve(world, clear[0])] == [""]


def test_ones_own_and_what_is_not_there_are_said_so(world: World, make: Factory, clear: list[Payment]) -> None:
    became = acting(world.owner)
    staff = acting(world.reviewer)
    own = type(staff)(became.user_id, None, staff.role, became.label, "admin")
    with across_accounts():
        missing = Seen(new_id(), 1)
        outcomes = approve_payments([*seen(clear[0]), missing], by=own)
    assert [one.why_not.split(".")[0] for one in outcomes] == [
        "Nobody decides on a payment of their own or of their account",
        "There is nothing here, or it is not yours",
    ]
    assert make.payment_now(clear[0]).status == "pending_approval"


def test_one_to_a_hundred_and_staff_only(world: World, clear: list[Payment]) -> None:
    for number, code in ((0, "nothing_selected"), (101, "too_many_selected")):
        with across_accounts(), pytest.raises(Invalid) as refused:
            approve_payments([Seen(new_id(), 1) for _ in range(number)], by=acting(world.reviewer))
        assert refused.value.code == code
    with across_accounts(), pytest.raises(Forbidden):
        approve_payments(seen(*clear), by=acting(world.owner))
