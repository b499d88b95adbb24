"""The dashboard: its figures from payments that were made for it, in charts that are tables too."""

from datetime import timedelta

from portal.foundation import clock
from tests.admin.conftest import World
from tests.admin.test_lists import waiting
from tests.factories import Factory
from tests.pages import Pages


def report(make: Factory, world: World, ago: timedelta, *, yen: bool = False, decided_after: timedelta | None = None,
           rejected: bool = False) -> None:  # fmt: skip
    """A payment that was reported so long ago, and decided if said so."""
    now = clock.now()
    with clock.set_to(now - ago):
        invoice = make.invoice(world.globex, "500") if yen else make.invoice(world.acme, "49.00")
        payment = make.payment(invoice, world.globex_owner if yen else world.owner)
    if decided_after is not None:
        with clock.set_to(now - ago + decided_after):
            (make.rejected if rejected else make.approved)(payment, world.reviewer)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def test_what_waits(reviewer: Pages, world: World, make: Factory) -> None:
    for ago in (1, 5, 23, 100, 200):
        report(make, world, hours(ago))
    report(make, world, hours(30), yen=True)
    report(make, world, hours(300), decided_after=hours(1))
    page = reviewer.get("/admin/dashboard/")
    assert [row[:2] for row in page.rows_of("Waiting by age (table)")] == [
        ["Under 4 hours", "1"], ["4 to 24 hours", "2"], ["1 to 3 days", "1"], ["3 to 7 days", "1"],
        ["Over 7 days", "1"],
    ]  # fmt: skip
    assert [row[:3] for row in page.rows_of("Waiting by currency (table)")] == [
        ["EUR", "245.00 EUR", "5"], ["JPY", "500 JPY", "1"],
    ]  # fmt: skip
    assert [row[:2] for row in page.rows_of("Waiting by country (table)")] == [["Germany", "5"], ["Japan", "1"]]
    assert [row[:2] for row in page.rows_of("Waiting by method (table)")] == [["Bank transfer", "6"]]
    assert len(waiting(reviewer.get(page.links["Japan"]))) == 1


def test_what_was_decided_and_how_fast(reviewer: Pages, world: World, make: Factory) -> None:
    for number in range(1, 10):
        report(make, world, timedelta(days=2), decided_after=hours(number), rejected=number == 9)
    report(make, world, timedelta(days=40), decided_after=hours(47))
    report(make, world, timedelta(days=100), decided_after=hours(1))
    report(make, world, timedelta(days=3), yen=True, decided_after=hours(2))
    page = reviewer.get("/admin/dashboard/")
    assert [row[:5] for row in page.rows_of("Time to decide by country (table)")] == [
        ["Germany", "10", "1", "5 h", "9 h"], ["Japan", "1", "0", "2 h", "2 h"],
    ]  # fmt: skip
    assert [row[:5] for row in page.rows_of("Time to decide by method (table)")] == [
        ["Bank transfer", "11", "1", "5 h", "9 h"]
    ]
    assert [figure.text for figure in page.root.all(class_="figure")] == ["0", "5 h", "9 h"]
    days = page.rows_of("Decided per day (table)")
    assert (len(days), sum(int(row[1]) for row in days), sum(int(row[2]) for row in days)) == (30, 9, 1)


def test_decisions_count_for_their_day_in_utc(reviewer: Pages, world: World, make: Factory) -> None:
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for moment in (midnight - timedelta(microseconds=1), midnight):
        payment = make.payment(make.invoice(world.acme), world.owner)
        with clock.set_to(moment):
            make.approved(payment, world.reviewer)
    days = reviewer.get("/admin/dashboard/").rows_of("Decided per day (table)")
    assert [row[1] for row in days[:3]] == ["1", "1", "0"]


def test_nothing_at_all(reviewer: Pages) -> None:
    page = reviewer.get("/admin/dashboard/")
    assert [figure.text for figure in page.root.all(class_="figure")] == ["0", "–", "–"]
    assert "Nothing waits" in page.text
