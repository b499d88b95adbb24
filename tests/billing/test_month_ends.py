"""Credits at the ends of months, by the account's own calendar."""

from datetime import UTC, date, datetime

import pytest

from portal.billing.credits.queries import month_ends
from portal.foundation import clock
from portal.foundation.tenancy import account_scope
from tests.billing.conftest import World
from tests.factories import Factory

pytestmark = pytest.mark.usefixtures("domain")
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


def grant(world: World, make: Factory, credits: int, moment: datetime) -> None:
    with clock.set_to(moment):
        make.approved(make.payment(make.invoice(world.account, credits=credits), world.owner), world.reviewer)


def balances(world: World, timezone: str = "UTC", months: int = 12) -> list[int]:
    with clock.set_to(NOW), account_scope(world.account.id):
        return [end.balance for end in month_ends(world.account.id, timezone, months)]


def test_an_empty_ledger(world: World) -> None:
    assert balances(world) == [0] * 12
    with clock.set_to(NOW), account_scope(world.account.id):
        ends = month_ends(world.account.id, "UTC", 4)
    assert [end.month for end in ends] == [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]


def test_grants_and_refunds_count_from_their_month_on(world: World, make: Factory) -> None:
    grant(world, make, 7, datetime(2024, 1, 1, tzinfo=UTC))
    grant(world, make, 10, datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
    with clock.set_to(datetime(2026, 2, 1, tzinfo=UTC)):
        paid = make.payment(make.invoice(world.account, credits=50), world.owner)
        booked = make.approved(paid, world.reviewer)
        make.approved(make.payment(make.invoice(world.account, credits=1), world.owner), world.reviewer)
    with clock.set_to(datetime(2026, 3, 2, tzinfo=UTC)):
        make.refunded(booked, world.admin)
    other = make.account("Other")
    with clock.set_to(datetime(2026, 1, 5, tzinfo=UTC)):
        make.approved(make.payment(make.invoice(other, credits=900), make.user("owner", other)), world.reviewer)
    assert balances(world) == [7] * 8 + [17, 17, 68, 18]
    assert balances(world, "Asia/Tokyo")[8:] == [7, 17, 68, 18]
    assert balances(world, months=1) == [18]
