"""The receipt goes along with the mail of an approved payment, and with no other one."""

import logging

import pytest
from sqlalchemy import update

from portal.foundation.db import transaction
from portal.mail.kinds import Kind
from portal.mail.models import Mail
from portal.mail.outbox import Recipient, post
from tests.documents.reading import read, text_of
from tests.mail.conftest import World


def test_an_approved_payment_comes_with_its_receipt(world: World) -> None:
    payment = world.make.payment(world.make.invoice(world.account, number="INV-1"), world.owner, "TRF-7788")
    world.make.refunded(world.make.approved(payment, world.reviewer), world.admin)
    world.work()
    attached = [list(message.iter_attachments()) for message in world.mailbox.messages]
    assert [len(files) for files in attached] == [0, 0, 1, 0]
    (file,) = attached[2]
    assert (file.get_content_type(), file.get_filename()) == ("application/pdf", "receipt-INV-1.pdf")
    content = file.get_content()
    assert "Transaction reference TRF-7788" in text_of(content).splitlines()
    assert read(content).metadata.title == "Receipt for invoice INV-1"  # type: ignore[union-attr]
    assert "The receipt is on its page, as PDF." in world.mailbox.text(2)


def test_a_mail_goes_without_a_receipt_that_cannot_be_made(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was booked; or the payment is another account's, whose receipt nobody else may ever get."""
    globex = world.make.account("Globex")
    theirs = world.make.payment(world.make.invoice(globex), world.make.user("owner", globex), "SECRET-1")
    world.make.approved(theirs, world.reviewer)
    waiting = world.make.payment(world.make.invoice(world.account), world.owner)
    facts = {"invoice_number": "INV-1", "amount": [100, "EUR"], "transaction_reference": "T-1", "reason": ""}
    to = Recipient(world.owner.email, account_id=world.account.id)
    with world.worker(), transaction() as unit:
        unit.execute(update(Mail).where(Mail.state == "pending").values(state="dropped"))
        for payment in (theirs, waiting):
            post(Kind.PAYMENT_APPROVED, to, subject_id=payment.id, data=facts)
    with caplog.at_level(logging.WARNING):
        assert world.work() == 2
    assert [list(message.iter_attachments()) for message in world.mailbox.messages] == [[], []]
    said = [record.getMessage() for record in caplog.records if "without its receipt" in record.getMessage()]
    ids = [str(mail.id) for mail in world.mails() if mail.state == "sent"]
    reasons = ("NotFound", "Conflict")
    assert [mail in line and why in line for line, mail, why in zip(said, ids, reasons, strict=True)] == [True, True]
