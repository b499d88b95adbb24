"""What is left to pay, and what is reported already."""

from datetime import timedelta

import pytest

from portal.billing.payments.owed import Owed, due_first, owed
from portal.foundation import clock
from portal.foundation.money import Money
from portal.foundation.tenancy import account_scope
from tests.billing.conftest import World
from tests.factories import Factory

pytestmark = pytest.mark.usefixtures("domain")


def test_what_is_reported_is_not_to_pay(world: World, make: Factory) -> None:
    today, day = clock.today(), timedelta(days=1)
    late = make.invoice(world.account, "10.00", due_date=today - day)
    due = make.invoice(world.account, "20.00", due_date=today)
    reported = make.invoice(world.account, "40.00", due_date=today - 9 * day)
    dollars = make.invoice(world.account, "5.00", currency="USD", due_date=today + 3 * day)
    make.payment(reported, world.owner)
    make.rejected(make.payment(due, world.owner), world.reviewer)
    make.gateway_payment(dollars)
    globex = make.account("Globex")
    make.payment(make.invoice(globex, "80.00"), make.user("owner", globex))
    paid = make.invoice(world.account, "160.00")
    make.approved(make.payment(paid, world.owner), world.reviewer)
    with account_scope(world.account.id):
        assert [row.id for row in due_first(limit=5)] == [late.id, due.id, reported.id, dollars.id]
        assert owed() == [
            Owed(Money(3000, "EUR"), 2, 1, today - day, Money(4000, "EUR"), 1),
            Owed(Money(0, "USD"), 0, 0, None, Money(500, "USD"), 1),
        ]
