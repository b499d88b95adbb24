"""Mails on their way: to whom, what of a server that is down, that refuses, that dies after it took one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP

from portal.accounts import invitations, password_resets
from portal.accounts.service import set_enabled, set_password
from portal.accounts.sessions import Place
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.db import transaction
from portal.mail import delivering
from portal.mail.delivering import KEPT_FOR, LEASE, RETRIES, STALE_AFTER
from portal.mail.kinds import Kind
from portal.mail.outbox import Recipient, mail_values, post, post_all
from portal.mail.sending import Outcome
from tests.certificates import certificate
from tests.factories import SYSTEM
from tests.mail.conftest import World
from tests.mail.mailbox import asking_who_comes, hang_up

OWNER, MEMBER = "olga@acme.example", "max@acme.example"


def report(world: World) -> None:
    """Two mails: of a new invoice to the owner, and of a payment to the owner who reports it."""
    world.make.payment(world.make.invoice(world.account, number="INV-1"), world.owner, "T-1")


def test_who_is_written_to(world: World) -> None:
    """The owners, and whoever reported it; not those of another account, nor who is locked out."""
    other = world.make.account("Globex")
    world.make.user("owner", other)
    world.make.user("viewer", world.account)
    payment = world.make.payment(world.make.invoice(world.account, number="INV-1"), world.member, "T-1")
    world.make.refunded(world.make.approved(payment, world.reviewer), world.admin)
    again = world.make.payment(world.make.invoice(world.account, number="INV-2"), world.owner)
    world.make.rejected(again, world.reviewer)
    assert world.work() == 10
    both = [OWNER, MEMBER]
    assert world.mailbox.read() == [
        (OWNER, "Invoice INV-1"),
        *((to, "Payment for INV-1 reported") for to in both),
        *((to, "Payment for INV-1 approved") for to in both),
        *((to, "Payment for INV-1 refunded") for to in both),
        (OWNER, "Invoice INV-2"),
        (OWNER, "Payment for INV-2 reported"),
        (OWNER, "Payment for INV-2 was not accepted"),
    ]
    assert world.work() == 0


def test_what_a_mail_says(world: World) -> None:
    report(world)
    world.work()
    message = world.mailbox.messages[1]
    assert message["From"] == "Billing <billing@portal.example>"
    assert message["To"] == f"Olga Owner <{OWNER}>"
    assert message["Auto-Submitted"] == "auto-generated"
    payment_id = world.mails()[1].subject_id
    text = world.mailbox.text(1)
    assert text.startswith("Hello Olga Owner,\n\nWe have your report")
    assert "Amount: 49.00\u00a0EUR\nReference: T-1\n" in text
    assert f"\nhttps://billing.portal.example/payments/{payment_id}/\n" in text
    html = world.mailbox.html(1)
    assert f'href="https://billing.portal.example/payments/{payment_id}/"' in html
    assert [word for word in ("<img", "<link", "<script", "url(") if word in html] == []


def test_an_hour_without_a_server(world: World) -> None:
    """Nothing is lost, and nothing comes twice."""
    report(world)
    begun = clock.now()
    port, world.mailbox.port = world.mailbox.port, 1
    world.settle(SMTP_PORT=1)
    tries = [world.work(begun + timedelta(minutes=minute)) for minute in (0, 0.5, 2, 8, 26, 60)]
    assert tries == [2, 0, 2, 2, 2, 2]
    assert {(mail.state, mail.tries, mail.error) for mail in world.mails()} == {
        ("pending", 5, "No connection: Connection refused.")
    }
    world.settle(SMTP_PORT=port)
    assert world.work(begun + timedelta(hours=3)) == 2
    assert sorted(world.mailbox.read()) == [(OWNER, "Invoice INV-1"), (OWNER, "Payment for INV-1 reported")]
    assert {mail.state for mail in world.mails()} == {"sent"}


def test_a_day_without_a_server(world: World) -> None:
    report(world)
    world.settle(SMTP_PORT=1)
    at = clock.now()
    for pause in (timedelta(), *RETRIES):
        at += pause * 1.1
        assert world.work(at) == 2
    assert {(mail.state, mail.tries) for mail in world.mails()} == {("failed", len(RETRIES) + 1)}
    assert world.work(at + timedelta(days=1)) == 0


def test_one_recipient_is_refused(world: World) -> None:
    world.make.payment(world.make.invoice(world.account), world.member)
    world.mailbox.refused = {OWNER: "550 no such user", MEMBER: "451 try again later"}
    assert world.work() == 3
    assert world.outcomes() == [(OWNER, "failed"), (OWNER, "failed"), (MEMBER, "pending")]
    world.mailbox.refused.clear()
    assert world.work(clock.now() + timedelta(minutes=2)) == 1
    assert world.mailbox.read()[0][0] == MEMBER
    assert {mail.error for mail in world.mails()} == {"The server refuses the recipient: 550.", ""}


def test_a_server_that_dies_after_it_took_one(world: World) -> None:
    """Nobody can tell whether it has it: it gets it again, and can tell by the id that it is the same."""
    world.make.invoice(world.account)
    world.mailbox.after_data = [hang_up]
    world.work()
    assert [(mail.state, mail.error) for mail in world.mails()] == [("pending", "The server hung up.")]
    world.work(clock.now() + timedelta(minutes=2))
    first, second = world.mailbox.messages
    assert first["Message-ID"] == second["Message-ID"] == f"<{world.mails()[0].id}@portal.example>"
    assert first.get_body(("plain",)).get_content() == second.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_server_whose_certificate_nobody_vouches_for_is_shown_no_password(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, signs_in = certificate(tmp_path, "localhost"), {"SMTP_USER": "portal", "SMTP_PASSWORD": "its password"}
    world.make.invoice(world.account, number="INV-1")
    with asking_who_comes(pem, "its password") as mailbox:
        world.settle(SMTP_HOST="localhost", SMTP_PORT=mailbox.port, SMTP_SECURITY="starttls", **signs_in)
        world.work()
        assert [(mail.state, mail.error) for mail in world.mails()] == [
            ("pending", "Its certificate is not valid for this name: self-signed certificate."),
        ]
        assert mailbox.passwords == []
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        world.work(clock.now() + timedelta(minutes=2))
        assert (mailbox.passwords, mailbox.read()) == (["its password"], [(OWNER, "Invoice INV-1")])


@pytest.mark.parametrize("goodbye", [lambda _: "421 too busy", lambda _: "500 what", hang_up])
def test_what_a_server_says_to_our_goodbye_changes_nothing(world: World, goodbye: Callable[[SMTP], str]) -> None:
    """It took the one message, and refused the other for good."""
    world.mailbox.goodbye = goodbye
    world.make.invoice(world.account)
    world.make.invoice(world.account)
    world.mailbox.after_data = [lambda _: "250 queued", lambda _: "554 spam"]
    assert world.work() == 2
    assert [(mail.state, mail.error) for mail in world.mails()] == [
        ("sent", ""), ("failed", "The server refuses the message: 554."),
    ]  # fmt: skip
    assert world.work(clock.now() + timedelta(days=1)) == 0
    assert len(world.mailbox.messages) == 2


def test_a_message_that_is_refused(world: World) -> None:
    world.make.invoice(world.account)
    world.make.invoice(world.account)
    world.mailbox.after_data = [lambda _: "554 spam", lambda _: "452 full"]
    world.work()
    assert [(mail.state, mail.error) for mail in world.mails()] == [
        ("failed", "The server refuses the message: 554."), ("pending", "The server refuses the message: 452."),
    ]  # fmt: skip


def test_a_worker_that_dies(world: World) -> None:
    """What it had is sent when its lease is over; if it lives after all, its word does not count any more."""
    world.make.invoice(world.account)
    with world.worker():
        job = delivering.claim()
        assert job is not None
        assert delivering.claim() is None
    later = clock.now() + LEASE
    assert world.work(later) == 1
    with world.worker(later):
        delivering.record(job, Outcome("late"))
    assert [(mail.state, mail.error) for mail in world.mails()] == [("sent", "")]


def test_a_kind_of_mail_that_this_version_does_not_know(world: World) -> None:
    """A newer one wrote it, while workers of the old one still run."""
    with world.worker():
        mail = mail_values(Kind.PASSWORD_RESET, Recipient(OWNER), subject_id=world.owner.id, data={}, secret="s")
        post_all([mail | {"kind": "of_tomorrow"}])
    assert world.work() == 0
    assert [(mail.state, mail.tries, mail.sealed) for mail in world.mails()] == [("pending", 0, mail["sealed"])]


def test_what_cannot_be_written_is_tried_again(world: World) -> None:
    """Another version may have the words for it."""
    facts = {"invoice_number": "SECRET-1"}
    with world.worker():
        for to in (Recipient(OWNER), Recipient(MEMBER, locale="xx-YY")):
            post(Kind.PAYMENT_REPORTED, to, subject_id=world.account.id, data=facts)
    assert world.work() == 2
    assert [(mail.state, mail.tries, mail.error) for mail in world.mails()] == [
        ("pending", 1, "It cannot be written: KeyError."), ("pending", 1, "It cannot be written: UnknownLocaleError."),
    ]  # fmt: skip


def test_a_link_that_works_no_more_is_not_sent(world: World) -> None:
    """Withdrawn, replaced, of somebody with another password or locked out, or too old."""
    with world.worker():
        said: dict[str, Any] = {"by": SYSTEM, "name": "Nora New", "role": Role.MEMBER, "account_id": world.account.id}
        withdrawn = invitations.invite(email="withdrawn@acme.example", **said)
        invitations.withdraw(withdrawn.id, by=SYSTEM)
        for _ in range(2):
            invitations.invite(email="again@acme.example", **said)
        for user in (world.owner, world.member, world.reviewer):
            password_resets.ask(user.email, place=Place("127.0.0.1"))
        set_password(world.owner.id, by=SYSTEM, password="another correct battery")
        set_enabled(world.member.id, by=SYSTEM, enabled=False)
    world.work()
    with world.worker():
        password_resets.ask(world.admin.email, place=Place("127.0.0.1"))
    world.work(clock.now() + timedelta(hours=1))
    assert world.outcomes() == [
        ("withdrawn@acme.example", "dropped"), ("again@acme.example", "dropped"), ("again@acme.example", "sent"),
        (OWNER, "dropped"), (MEMBER, "dropped"), (world.reviewer.email, "sent"), (world.admin.email, "dropped"),
    ]  # fmt: skip
    assert {mail.sealed for mail in world.mails()} == {None}
    assert [to for to, _ in world.mailbox.read()] == ["again@acme.example", world.reviewer.email]


def test_an_address_of_other_letters(world: World) -> None:
    """Its host in a form that every server takes, by the rules of today: ß is no ss."""
    with world.worker():
        for address in ("olga@straße.example", "olga@bücher.example"):
            post(Kind.PASSWORD_CHANGED, Recipient(address, "Ölga"), subject_id=world.owner.id, data={})
    world.work()
    assert [to for to, _ in world.mailbox.read()] == ["olga@xn--strae-oqa.example", "olga@xn--bcher-kva.example"]
    assert [str(message["To"].addresses[0].display_name) for message in world.mailbox.messages] == ["Ölga", "Ölga"]


def test_no_name_breaks_out_of_a_header(world: World) -> None:
    """Names cannot hold line breaks; this one came past the domain."""
    with world.worker():
        name = 'Eve\r\nBcc: victim@else.example\r\n\r\nbuy \u202e\x07this, "please" <eve@else.example>'
        facts = {
            "invoice_number": "1\r\nX-Evil: 1",
            "amount": [100, "EUR"],
            "transaction_reference": "<b>&",
            "reason": "",
        }
        post(Kind.PAYMENT_REPORTED, Recipient(OWNER, name), subject_id=world.account.id, data=facts)
    world.work()
    (message,) = world.mailbox.messages
    assert [str(one) for one in message["To"].addresses] == [
        f'"Eve Bcc: victim@else.example buy this, \\"please\\" <eve@else.example>" <{OWNER}>'
    ]
    assert message["Subject"] == "Payment for 1 X-Evil: 1 reported"
    assert (message["Bcc"], message["X-Evil"]) == (None, None)
    assert "&lt;b&gt;&amp;" in world.mailbox.html()


def test_without_a_server_mails_wait_and_are_given_up(world: World) -> None:
    """So that naming a server one day does not send the mails of years."""
    world.settle(SMTP_HOST="")
    world.make.invoice(world.account)
    assert world.work() == 0
    with world.worker(clock.now() + STALE_AFTER - timedelta(minutes=1)):
        assert delivering.give_up_stale() == 0
    with world.worker(clock.now() + STALE_AFTER):
        assert delivering.give_up_stale() == 1
    assert world.outcomes() == [(OWNER, "failed")]


def test_what_a_worker_takes_just_now_is_not_given_up(world: World) -> None:
    world.make.invoice(world.account)
    later, taken, told = clock.now() + STALE_AFTER, Event(), Event()

    def take() -> UUID | None:
        with world.worker(later), transaction():
            job = delivering.claim()
            taken.set()
            told.wait(1)
            return job.lease if job else None

    with ThreadPoolExecutor(1) as pool, world.worker(later):
        taking = pool.submit(take)
        taken.wait()
        assert delivering.give_up_stale() == 0
        told.set()
    assert [(mail.state, mail.lease) for mail in world.mails()] == [("pending", taking.result())]


def test_old_mails_go(world: World) -> None:
    world.make.invoice(world.account)
    world.work()
    world.make.invoice(world.account)
    with world.worker(clock.now() + KEPT_FOR):
        assert delivering.purge() == 1
    assert world.outcomes() == [(OWNER, "pending")]
