"""How long decisions take: by the nearest rank, of the last 90 days, and kept for those who see one account only."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from portal.accounts.models import PortalFact
from portal.billing.payments import service
from portal.billing.payments.decision_times import (
    FEWEST,
    LOOKED_BACK,
    DecisionTimes,
    decision_times,
    renew_decision_times,
    usual_decision_times,
)
from portal.foundation import clock
from portal.foundation.db import session, transaction
from portal.foundation.tenancy import account_scope, across_accounts
from tests.billing.conftest import World
from tests.billing.test_plans import plan_of, statements
from tests.engines import disconnect
from tests.factories import Factory, acting

pytestmark = pytest.mark.usefixtures("domain")
HOUR = timedelta(hours=1)


def decide(world: World, make: Factory, took: timedelta, *, at: datetime, action: str = "approve") -> None:
    """A payment that was reported so long before this moment, and decided on at it."""
    with clock.set_to(at - took):
        payment = make.payment(make.invoice(world.account), world.owner)
    by = acting(world.owner if action == "cancel" else world.admin)
    with clock.set_to(at), across_accounts():
        if action == "approve":
            service.approve_payment(payment.id, by=by, version=1)
        elif action == "reject":
            service.reject_payment(payment.id, by=by, version=1, reason="not found")
        else:
            service.cancel_payment(payment.id, by=by, version=1)


def test_half_and_nine_of_ten(world: World, make: Factory) -> None:
    now = clock.now()
    with across_accounts():
        assert decision_times(now - LOOKED_BACK) is None
    for number, hours in enumerate((7, 1, 9, 3, 10, 2, 8, 4, 6, 5)):
        decide(world, make, hours * HOUR, at=now - number * HOUR, action="reject" if number % 3 == 0 else "approve")
    decide(world, make, 50 * HOUR, at=now - HOUR, action="cancel")
    decide(world, make, 60 * HOUR, at=now - LOOKED_BACK - HOUR)
    make.payment(make.invoice(world.account), world.owner)
    with across_accounts():
        assert decision_times(now - LOOKED_BACK) == DecisionTimes(10, 5 * HOUR, 9 * HOUR)
        assert decision_times(now - HOUR, now) == DecisionTimes(1, 1 * HOUR, 1 * HOUR)


def test_they_are_read_from_an_index(world: World, make: Factory, app: Flask) -> None:
    decide(world, make, HOUR, at=clock.now())
    disconnect(app)
    with across_accounts(), statements(app) as seen:
        decision_times(clock.now() - LOOKED_BACK)
        assert "ix_payments_decided_at_created_at" in plan_of(*seen[-1])


def test_they_are_kept_for_those_who_see_one_account_only(world: World, make: Factory) -> None:
    now = clock.now()
    for number in range(FEWEST):
        decide(world, make, (number + 1) * HOUR, at=now)
    assert kept(world) is None
    with across_accounts():
        assert renew_decision_times()
        assert not renew_decision_times()
    assert kept(world) == DecisionTimes(FEWEST, 10 * HOUR, 18 * HOUR)
    with clock.set_to(now + 25 * HOUR):
        assert kept(world) is None
        with across_accounts():
            assert renew_decision_times()
        assert kept(world) == DecisionTimes(FEWEST, 10 * HOUR, 18 * HOUR)
    with clock.set_to(now + LOOKED_BACK + HOUR), across_accounts():
        assert renew_decision_times()
        assert kept(world) is None


def test_of_few_decisions_nothing_is_said(world: World, make: Factory) -> None:
    with transaction() as unit:
        count = FEWEST - 1
        value = f'{{"at": "{clock.now().isoformat()}", "count": {count}, "seconds": [1, 2]}}'
        unit.add(PortalFact(name="decision_times", value=value))
    assert kept(world) is None


def kept(world: World) -> DecisionTimes | None:
    """What a customer is told."""
    session.remove()
    with account_scope(world.account.id):
        return usual_decision_times()
