"""How long decisions take: by the nearest rank, of the last 90 days, and kept for those who see one account only, who
learn nothing from it about a single decision.
"""

import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from portal.accounts.models import Account, PortalFact, User
from portal.billing.payments import service
from portal.billing.payments.decision_times import (
    FEWEST,
    FEWEST_ACCOUNTS,
    DecisionTimes,
    renew_decision_times,
    usual_decision_times,
)
from portal.billing.payments.workload import LOOKED_BACK, Pace, pace
from portal.foundation import clock
from portal.foundation.db import session, transaction
from portal.foundation.tenancy import account_scope, across_accounts
from tests.billing.conftest import World
from tests.factories import Factory, acting

pytestmark = pytest.mark.usefixtures("domain")
Customer = tuple[Account, User]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def decide(
    world: World, make: Factory, took: timedelta, *, at: datetime, action: str = "approve", of: Customer | None = None
) -> None:
    """A payment that was reported so long before this moment, and decided on at it."""
    account, owner = of or (world.account, world.owner)
    with clock.set_to(at - took):
        payment = make.payment(make.invoice(account), owner)
    by = acting(world.owner if action == "cancel" else world.admin)
    with clock.set_to(at), across_accounts():
        if action == "approve":
            service.approve_payment(payment.id, by=by, version=1)
        elif action == "reject":
            service.reject_payment(payment.id, by=by, version=1, reason="not found")
        else:
            service.cancel_payment(payment.id, by=by, version=1)


def decide_often(world: World, make: Factory, unit: timedelta, *, of: list[Customer], number: int = FEWEST) -> None:
    """Decisions that took one unit, two and so on, on payments of each of the accounts in turn."""
    now = clock.now()
    for place in range(number):
        decide(world, make, (place + 1) * unit, at=now, of=of[place % len(of)])


def customers(make: Factory, number: int = FEWEST_ACCOUNTS) -> list[Customer]:
    accounts = [make.account() for _ in range(number)]
    return [(account, make.user("owner", account)) for account in accounts]


def test_half_and_nine_of_ten(world: World, make: Factory) -> None:
    now = clock.now()
    with across_accounts():
        assert pace() is None
    payers = [(world.account, world.owner), *customers(make, 2)]
    for number, hours in enumerate((7, 1, 9, 3, 10, 2, 8, 4, 6, 5)):
        action = "reject" if number % 3 == 0 else "approve"
        decide(world, make, hours * HOUR, at=now - number * HOUR, action=action, of=payers[number % 3])
    decide(world, make, 50 * HOUR, at=now - HOUR, action="cancel")
    decide(world, make, 60 * HOUR, at=now - LOOKED_BACK - HOUR, of=customers(make, 1)[0])
    make.payment(make.invoice(world.account), world.owner)
    with across_accounts():
        assert pace() == Pace("all", 10, 3, 4, 5 * HOUR, 9 * HOUR)


def test_they_are_kept_for_those_who_see_one_account_only(world: World, make: Factory) -> None:
    now = clock.now()
    decide_often(world, make, HOUR, of=customers(make))
    assert kept(world) is None
    with across_accounts():
        assert renew_decision_times()
        assert not renew_decision_times()
    assert kept(world) == DecisionTimes(10 * HOUR, 18 * HOUR)
    with clock.set_to(now + 25 * HOUR):
        assert kept(world) is None
        with across_accounts():
            assert renew_decision_times()
        assert kept(world) == DecisionTimes(10 * HOUR, 18 * HOUR)
    with clock.set_to(now + LOOKED_BACK + HOUR), across_accounts():
        assert renew_decision_times()
        assert kept(world) is None


def test_they_are_rounded_up_to_quarters_of_an_hour(world: World, make: Factory) -> None:
    decide_often(world, make, 4 * MINUTE, of=customers(make))
    with across_accounts():
        renew_decision_times()
    assert kept(world) == DecisionTimes(45 * MINUTE, 75 * MINUTE)


@pytest.mark.parametrize(("number", "accounts"), [(FEWEST - 1, FEWEST_ACCOUNTS), (FEWEST, FEWEST_ACCOUNTS - 1)])
def test_of_few_decisions_or_accounts_nothing_is_said_or_kept(
    number: int, accounts: int, world: World, make: Factory
) -> None:
    now = clock.now()
    decide_often(world, make, HOUR, of=customers(make, accounts), number=number)
    with clock.set_to(now), across_accounts():
        renew_decision_times()
    assert kept(world) is None
    value = session.scalars(select(PortalFact.value).where(PortalFact.name == "decision_times")).one()
    assert json.loads(value) == {"at": now.isoformat(), "quarters": None}


def test_what_was_kept_before_they_were_rounded_is_not_said(world: World) -> None:
    with transaction() as unit:
        value = f'{{"at": "{clock.now().isoformat()}", "count": 40, "seconds": [1, 2]}}'
        unit.add(PortalFact(name="decision_times", value=value))
    assert kept(world) is None


def kept(world: World) -> DecisionTimes | None:
    """What a customer is told."""
    session.remove()
    with account_scope(world.account.id):
        return usual_decision_times()
