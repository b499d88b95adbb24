"""The digest of what waits: who gets it, at which hours, once whatever happens to workers; and mails nobody wants."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from portal.accounts import password_resets
from portal.accounts.digest_hours import due_digests, take_hour
from portal.accounts.formats import choose_formats
from portal.accounts.mail_choices import choose_mails
from portal.accounts.models import User
from portal.accounts.service import set_enabled
from portal.accounts.sessions import Place
from portal.billing.payments.digests import write_digests
from portal.foundation import clock
from portal.mail.kinds import Kind
from tests.factories import SYSTEM, acting
from tests.mail.conftest import World

DAY = datetime(2026, 11, 24, tzinfo=UTC)
"""Berlin is an hour ahead."""


@pytest.fixture
def choose(world: World) -> Callable[..., None]:
    def choose(user: User, hours: str, timezone: str = "", at: datetime = DAY - timedelta(days=1)) -> None:
        with world.worker(at):
            choose_formats(by=acting(user), locale="", timezone=timezone)
            choose_mails(by=acting(user), digest_hours=hours)

    return choose


def digests(world: World, *at: float) -> list[tuple[float, str]]:
    """Let a worker look at these hours of the day in UTC; the hour and the address of each digest that it writes."""
    written = []
    for hour in at:
        before = len(world.mails())
        with world.worker(DAY + timedelta(hours=hour)):
            while write_digests():
                pass
        written += [(hour, mail.address) for mail in world.mails()[before:]]
    return written


def wait(world: World, reported_at: datetime = DAY, total: str = "49.00") -> None:
    with clock.set_to(reported_at):
        world.make.payment(world.make.invoice(world.account, total=total), world.owner)


def test_at_the_hours_that_each_chose(world: World, choose: Callable[..., None]) -> None:
    wait(world)
    choose(world.reviewer, "14, 8", "Europe/Berlin")
    choose(world.admin, "14")
    rita, ada = world.reviewer.email, world.admin.email
    assert digests(world, 6.9, 7, 7.1, 12.9, 13.02, 14, 20, 30.9, 31) == [
        (7, rita),
        (13.02, rita),
        (14, ada),
        (31, rita),
    ]


def test_a_worker_that_was_down(world: World, choose: Callable[..., None]) -> None:
    """One for all the hours that were missed today, none for yesterday's."""
    wait(world)
    choose(world.reviewer, "1 2 3 12 23")
    assert digests(world, 5, 12.5) == [(5, world.reviewer.email), (12.5, world.reviewer.email)]
    assert digests(world, 48.5, 49) == [(49, world.reviewer.email)]


def test_where_nothing_waits_nobody_is_written_to(world: World, choose: Callable[..., None]) -> None:
    choose(world.reviewer, "8, 14")
    assert digests(world, 8) == []
    wait(world, DAY + timedelta(hours=9))
    assert digests(world, 9, 14) == [(14, world.reviewer.email)]


def test_an_hour_that_has_come_already(world: World, choose: Callable[..., None]) -> None:
    wait(world)
    choose(world.reviewer, "8, 14", at=DAY + timedelta(hours=10))
    assert digests(world, 10.5, 14) == [(14, world.reviewer.email)]
    choose(world.reviewer, "", at=DAY + timedelta(hours=15))
    assert digests(world, 32) == []


def test_who_gets_none(world: World, choose: Callable[..., None]) -> None:
    """Whoever is locked out, who never chose, and customers, whatever they send."""
    wait(world)
    choose(world.reviewer, "8")
    choose(world.owner, "8")
    with world.worker():
        set_enabled(world.reviewer.id, by=SYSTEM, enabled=False)
    assert digests(world, 8, 9) == []


def test_once_however_many_workers_ask(world: World, choose: Callable[..., None]) -> None:
    """Also of two whose clocks differ by minutes."""
    wait(world)
    for user in (world.reviewer, world.admin):
        choose(user, "8")
    start = Barrier(4)

    def work(minute: int) -> None:
        with world.worker(DAY + timedelta(hours=8, minutes=minute)):
            assert len(due_digests()) == 2
            start.wait()
            write_digests()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert [mail.kind for mail in world.mails()].count(Kind.DIGEST) == 2
    assert digests(world, 8.5) == []
    with world.worker():
        assert take_hour(world.reviewer.id, DAY + timedelta(hours=8)) is False
        assert take_hour(world.reviewer.id, DAY + timedelta(hours=9)) is True


def test_what_it_says(world: World, choose: Callable[..., None]) -> None:
    choose(world.reviewer, "8", "Europe/Berlin")
    wait(world, DAY - timedelta(days=3), "1200.00")
    wait(world, DAY, "49.50")
    with clock.set_to(DAY):
        world.make.approved(world.make.payment(world.make.invoice(world.account), world.owner), world.reviewer)
    with world.worker(DAY + timedelta(hours=7)):
        write_digests()
    world.work()
    assert world.mailbox.read()[-1] == (world.reviewer.email, "2 payments wait for a decision")
    text = world.mailbox.text().replace("\u202f", " ").replace("\u00a0", " ")
    assert text.startswith(f"Hello {world.reviewer.name},\n\nThis is what waited at 8:00 AM (Europe/Berlin).\n")
    assert (
        "\nClear: 0\nDiffers: 2\nConflict: 0\nOldest: for 3 d\nValue in EUR: 1,249.50 EUR (2)\n\n"
        "Open the queue:\nhttps://billing.portal.example/admin/approvals/\n" in text
    )
    assert text.endswith("\nChoose which mails you get: https://billing.portal.example/profile/\n")


def test_mails_that_nobody_wants(world: World) -> None:
    """What one can do without is not written; what is about one's access is."""
    with world.worker():
        choose_mails(by=acting(world.owner), wanted=["payment_approved"])
        choose_mails(by=acting(world.member), wanted=["payment_reported", "invoice_issued"])
    payment = world.make.payment(world.make.invoice(world.account), world.member)
    world.make.approved(payment, world.reviewer)
    with world.worker():
        password_resets.ask(world.owner.email, place=Place("127.0.0.1"))
    assert [(mail.kind, mail.address) for mail in world.mails()] == [
        (Kind.PAYMENT_REPORTED, world.member.email),
        (Kind.PAYMENT_APPROVED, world.owner.email),
        (Kind.PASSWORD_RESET, world.owner.email),
    ]
    world.work()
    assert ["Choose which mails" in world.mailbox.text(number) for number in range(3)] == [True, True, False]
