"""What happens comes to whoever listens: at least once, in order, signed; until it is taken or given up."""

import json
from datetime import timedelta
from io import BytesIO
from itertools import accumulate

import pytest
from sqlalchemy import select

from portal.billing.imports.service import import_file
from portal.billing.invoices.models import Invoice
from portal.billing.invoices.payment_reference import payment_reference
from portal.billing.payments import service as payments
from portal.billing.payments.models import Payment
from portal.foundation import clock
from portal.foundation.db import session, transaction
from portal.foundation.refusals import Conflict
from portal.webhooks import delivering, service
from portal.webhooks.delivering import RETRIES
from portal.webhooks.event_types import TEST, EventType
from portal.webhooks.models import WebhookEvent
from portal.webhooks.sending import Outcome
from tests.description import message_keeps_the_promise
from tests.factories import SYSTEM, acting
from tests.webhooks.conftest import World, later
from tests.webhooks.receiver import answering

SLACK = 1.1
"""How far the spread of the waiting times goes."""


def lifecycle(world: World) -> Payment:
    """A payment that is reported, approved, which pays its invoice, and given back."""
    invoice = world.make.invoice(world.account, credits=10)
    payment = world.make.payment(invoice, world.owner, "TRF 7", notes="nobody's business")
    return world.make.refunded(world.make.approved(payment, world.reviewer), world.admin)


def test_a_payments_life_is_told(world: World) -> None:
    endpoint = world.endpoint()
    payment = lifecycle(world)
    assert world.work() == 7
    bodies = world.receiver.verified(world.secret(endpoint))
    by_subject: dict[str, list[str]] = {}
    for body in bodies:
        by_subject.setdefault(body["data"]["id"], []).append(body["type"])
    assert by_subject.pop(str(payment.id)) == ["payment.submitted", "payment.approved", "payment.refunded"]
    assert by_subject.pop(str(payment.invoice_id)) == ["invoice.issued", "invoice.paid"]
    assert list(by_subject.values()) == [["credits.changed"], ["credits.changed"]]
    assert [delivery.status for delivery in world.deliveries()] == ["delivered"] * 7


def test_messages_are_what_the_description_says(world: World) -> None:
    endpoint = world.endpoint()
    lifecycle(world)
    first, second = (world.make.payment(world.make.invoice(world.account), world.owner) for _ in range(2))
    world.make.rejected(first, world.reviewer)
    with world.acting_for(world.owner):
        payments.cancel_payment(second.id, by=acting(world.owner))
    world.make.void(world.make.invoice(world.account))
    with world.acting_for(world.owner):
        service.send_test(endpoint.id, by=acting(world.owner))
    world.work()
    messages = world.receiver.verified(world.secret(endpoint))
    assert {message["type"] for message in messages} == {*EventType, TEST}
    for message in messages:
        message_keeps_the_promise(world.app, message)


def test_what_is_told_of_a_payment(world: World) -> None:
    """The fields of the API, as it writes them, and no notes."""
    endpoint = world.endpoint(None, EventType.PAYMENT_REJECTED)
    with clock.set_to(later(hours=1)):
        invoice = world.make.invoice(world.account)
        payment = world.make.rejected(world.make.payment(invoice, world.owner, "TRF 7", notes="mine"), world.reviewer)
    world.work()
    (body,) = world.receiver.verified(world.secret(endpoint))
    moment = f"{payment.updated_at:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert body == {
        "type": "payment.rejected",
        "timestamp": moment,
        "data": {
            "id": str(payment.id), "account_id": str(world.account.id), "invoice_id": str(invoice.id),
            "invoice_number": invoice.number, "amount": "49.00", "currency": "EUR", "payment_method": "bank_transfer",
            "status": "failed", "transaction_reference": "TRF 7", "paid_on": None, "failure_reason": "not found",
            "version": 2, "created_at": moment, "updated_at": moment, "decided_at": moment,
        },
    }  # fmt: skip
    (message,) = world.receiver.messages
    assert (message.path, message.headers["content-type"]) == ("/hooks?for=tests", "application/json; charset=utf-8")
    assert message.headers["host"] == world.receiver.url.split("/")[2]


def test_what_is_told_of_an_invoice_and_of_credits(world: World) -> None:
    endpoint = world.endpoint(None, EventType.INVOICE_VOIDED, EventType.CREDITS_CHANGED)
    invoice = world.make.invoice(world.account, credits=10)
    payment = world.make.approved(world.make.payment(invoice, world.owner), world.reviewer)
    withdrawn = world.make.void(world.make.invoice(world.account))
    world.make.void(world.make.invoice(world.account, issued=False))  # of which nobody heard
    world.work()
    bodies = {body["type"]: body["data"] for body in world.receiver.verified(world.secret(endpoint))}
    assert len(world.receiver.messages) == 2
    assert bodies["invoice.voided"] == {
        "id": str(withdrawn.id), "account_id": str(world.account.id), "number": withdrawn.number, "status": "void",
        "currency": "EUR", "total": "49.00", "amount_paid": "0.00", "outstanding": "0.00", "credits": 0,
        "issue_date": str(withdrawn.issue_date), "due_date": str(withdrawn.due_date),
        "payment_reference": withdrawn.payment_reference,
    }  # fmt: skip
    told = bodies["credits.changed"]
    assert told | {"id": "", "created_at": ""} == {
        "id": "", "account_id": str(world.account.id), "seq": 1, "amount": 10, "balance_after": 10, "cause": "grant",
        "payment_id": str(payment.id), "invoice_id": str(invoice.id), "created_at": "",
    }  # fmt: skip


def test_an_imported_invoice_is_told_as_an_issued_one(world: World) -> None:
    endpoint = world.endpoint(None, EventType.INVOICE_ISSUED)
    header = (
        "account_number,account_name,country,currency,invoice_number,issue_date,due_date,credits,description,quantity,"
        "unit_price"
    )
    account = world.account
    row = f"{account.number},{account.name},DE,EUR,INV-7,2026-11-01,2026-11-15,5,Support,2.5,19.99"
    with world.worker():
        import_file(BytesIO(f"{header}\n{row}\n".encode()), by=SYSTEM)
        invoice_id = session.scalars(select(Invoice.id).where(Invoice.number == "INV-7")).one()
    world.work()
    (body,) = world.receiver.verified(world.secret(endpoint))
    assert body["data"] == {
        "id": str(invoice_id), "account_id": str(account.id), "number": "INV-7", "status": "open", "currency": "EUR",
        "total": "49.98", "amount_paid": "0.00", "outstanding": "49.98", "credits": 5, "issue_date": "2026-11-01",
        "due_date": "2026-11-15", "payment_reference": payment_reference(invoice_id),
    }  # fmt: skip


def test_a_receiver_that_fails_five_times_gets_everything_in_order(world: World) -> None:
    """Each event comes in its order, again and again until it is taken, with the same id and a fresh signature."""
    endpoint = world.endpoint(None, *(kind for kind in EventType if kind.startswith("payment")))
    world.receiver.answers = [answering(500)] * 5
    lifecycle(world)
    now = clock.now()
    for waited in accumulate(RETRIES[:5], initial=timedelta()):
        assert world.told() == [("payment.submitted", "pending_approval")] * len(world.told())
        world.work(now + waited * SLACK)
    assert world.told() == [("payment.submitted", "pending_approval")] * 6 + [
        ("payment.approved", "succeeded"),
        ("payment.refunded", "refunded"),
    ]
    assert len({message.id for message in world.receiver.messages}) == 3
    assert len({message.headers["webhook-signature"] for message in world.receiver.messages}) == 8
    first = world.deliveries()[0]
    assert [attempt["status"] for attempt in first.attempts] == [500] * 5 + [204]
    assert endpoint.status == "enabled"


def test_an_event_waits_for_one_before_it_that_is_not_handed_out(world: World) -> None:
    """Two workers hand out at once, and the later event's deliveries are there first."""
    endpoint = world.endpoint(None, EventType.PAYMENT_SUBMITTED, EventType.PAYMENT_CANCELLED)
    payment = world.make.payment(world.make.invoice(world.account), world.owner)
    with world.acting_for(world.owner):
        payments.cancel_payment(payment.id, by=acting(world.owner))
    with world.worker(), transaction() as unit:
        later_one = unit.scalars(select(WebhookEvent).where(WebhookEvent.type == "payment.cancelled")).one()
        later_one.handed_out_at = clock.now()
        unit.add(service.delivery_of(later_one, endpoint))
    with world.worker():
        assert delivering.claim() is None
    assert world.work() == 2
    assert [kind for kind, _ in world.told()] == ["payment.submitted", "payment.cancelled"]


def test_a_slow_endpoint_has_two_on_their_way_at_most(world: World) -> None:
    world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    for _ in range(4):
        world.make.payment(world.make.invoice(world.account), world.owner)
    with world.worker():
        delivering.hand_out()
        jobs = [delivering.claim() for _ in range(4)]
        assert [job is not None for job in jobs] == [True, True, False, False]
        assert jobs[0] is not None
        delivering.record(jobs[0], delivering.attempt(jobs[0]))
        assert delivering.claim() is not None


def test_subjects_do_not_wait_for_each_other(world: World) -> None:
    world.endpoint(None, EventType.PAYMENT_SUBMITTED, EventType.PAYMENT_CANCELLED)
    world.receiver.answers = [answering(503)]
    first = world.make.payment(world.make.invoice(world.account), world.owner)
    with world.acting_for(world.owner):
        payments.cancel_payment(first.id, by=acting(world.owner))
    world.make.payment(world.make.invoice(world.account), world.owner)
    world.work()
    assert [delivery.status for delivery in world.deliveries()] == ["pending", "pending", "delivered"]


def test_after_the_last_try_the_endpoint_is_off(world: World) -> None:
    endpoint = world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    world.receiver.then = answering(500, b"down")
    world.make.payment(world.make.invoice(world.account), world.owner)
    now = clock.now()
    for waited in accumulate(RETRIES, initial=timedelta()):
        assert world.endpoint_now(endpoint).status == "enabled"
        world.work(now + waited * SLACK)
    (delivery,) = world.deliveries()
    assert (delivery.status, len(delivery.attempts), delivery.answer) == ("failed", 10, "down")
    stored = world.endpoint_now(endpoint)
    assert (stored.status, stored.disabled_reason) == ("disabled", "failing")
    assert sum(RETRIES, timedelta()) > timedelta(days=3)
    assert world.work(now + timedelta(days=9)) == 0


def test_what_waits_for_an_endpoint_that_is_removed_is_given_up(world: World) -> None:
    endpoint, other = world.endpoint(), world.endpoint(None, EventType.INVOICE_ISSUED)
    world.make.invoice(world.account)
    with world.worker():
        delivering.hand_out()
        job = delivering.claim()
    assert job is not None
    with world.acting_for(world.owner):
        service.end_endpoint(endpoint.id, by=acting(world.owner))
    with world.worker():
        assert delivering.give_up() == 0  # a worker has just taken it
        delivering.record(job, Outcome(500, "It answered 500."))
        assert (delivering.give_up(), delivering.give_up()) == (1, 0)
    assert world.work() == 1
    assert {one.endpoint_id: one.status for one in world.deliveries()} == {endpoint.id: "failed", other.id: "delivered"}


def test_gone_is_heard_at_once(world: World) -> None:
    """410 switches the endpoint off. What waits for it stays, and goes on when it is on again."""
    endpoint = world.endpoint(None, EventType.PAYMENT_SUBMITTED, EventType.PAYMENT_CANCELLED)
    payment = world.make.payment(world.make.invoice(world.account), world.owner)
    with world.acting_for(world.owner):
        payments.cancel_payment(payment.id, by=acting(world.owner))
    world.receiver.answers = [answering(410)]
    assert world.work() == 1
    stored = world.endpoint_now(endpoint)
    assert (stored.status, stored.disabled_reason) == ("disabled", "gone")
    world.make.payment(world.make.invoice(world.account), world.owner)  # while it is off
    assert world.work() == 0
    with world.acting_for(world.owner):
        service.change_endpoint(endpoint.id, by=acting(world.owner), is_enabled=True)
    assert world.work() == 1
    assert world.told() == [("payment.submitted", "pending_approval"), ("payment.cancelled", "cancelled")]
    assert [delivery.status for delivery in world.deliveries()] == ["failed", "delivered"]


def test_who_hears_of_what(world: World) -> None:
    """An account's endpoint of its account, staff's of all; of what they chose, and from when they were named."""
    other = world.make.account("Globex")
    stranger = world.make.user("owner", other)
    world.make.payment(world.make.invoice(world.account), world.owner, "BEFORE")
    mine = world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    staffs = world.endpoint(world.admin, EventType.PAYMENT_SUBMITTED)
    deaf = world.endpoint(stranger, EventType.INVOICE_PAID)
    world.make.payment(world.make.invoice(world.account), world.owner, "MINE")
    world.make.payment(world.make.invoice(other), stranger, "THEIRS")
    world.work()
    told = [
        (delivery.endpoint_id, json.loads(delivery.event.body)["data"]["transaction_reference"], delivery.account_id)
        for delivery in world.deliveries()
    ]
    assert sorted(told, key=str) == sorted(
        [(mine.id, "MINE", world.account.id), (staffs.id, "MINE", None), (staffs.id, "THEIRS", None)], key=str
    )
    assert deaf.id not in {endpoint for endpoint, _, _ in told}


def test_what_is_rolled_back_is_not_told(world: World) -> None:
    world.endpoint()
    invoice = world.make.invoice(world.account)
    world.work()
    world.receiver.messages.clear()
    with pytest.raises(ZeroDivisionError), world.acting_for(world.owner), transaction():
        payments.create_manual_payment(
            by=acting(world.owner), invoice_id=invoice.id, payment_method="bank_transfer", transaction_reference="X"
        )
        raise ZeroDivisionError
    assert (world.work(), world.receiver.messages) == (0, [])


def test_after_a_rotation_both_secrets_count_for_a_day(world: World) -> None:
    endpoint = world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    before = world.secret(endpoint)
    with world.acting_for(world.owner):
        service.rotate_secret(endpoint.id, by=acting(world.owner))
    after = world.secret(endpoint)
    assert before != after
    world.make.payment(world.make.invoice(world.account), world.owner)
    world.work()
    assert len(world.receiver.verified(before)) == len(world.receiver.verified(after)) == 1
    world.receiver.messages.clear()
    with clock.set_to(later(hours=24, minutes=1)):
        world.make.payment(world.make.invoice(world.account), world.owner)
    world.work(later(hours=24, minutes=2))
    (message,) = world.receiver.messages
    assert message.headers["webhook-signature"].count("v1,") == 1


def test_a_test_is_sent_to_its_endpoint_only(world: World) -> None:
    endpoint, other = world.endpoint(None, EventType.INVOICE_PAID), world.endpoint(world.admin)
    for user, tried in ((world.owner, endpoint), (world.admin, other)):
        with world.acting_for(user):
            service.send_test(tried.id, by=acting(user))
        world.work()
        (body,) = world.receiver.verified(world.secret(tried, user))
        assert (body["type"], body["data"]["endpoint_id"]) == ("webhook.test", str(tried.id))
        world.receiver.messages.clear()


def test_a_delivery_is_sent_again_when_somebody_asks(world: World) -> None:
    endpoint = world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    world.make.payment(world.make.invoice(world.account), world.owner)
    world.work()
    (delivery,) = world.deliveries()
    with world.acting_for(world.owner):
        service.retry_delivery(delivery.id, by=acting(world.owner))
    assert world.work() == 1
    first, second = world.receiver.messages
    assert (first.id, first.body) == (second.id, second.body)
    with world.acting_for(world.owner):
        service.change_endpoint(endpoint.id, by=acting(world.owner), is_enabled=False)
        with pytest.raises(Conflict) as refusal:
            service.retry_delivery(delivery.id, by=acting(world.owner))
    assert refusal.value.code == "webhook_endpoint_disabled"


def test_what_a_killed_worker_had_is_sent_by_another(world: World) -> None:
    """A worker takes a delivery, sends it, and dies before it says so: it is due again when its lease is over."""
    world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    world.make.payment(world.make.invoice(world.account), world.owner)
    with world.worker():
        delivering.hand_out()
        job = delivering.claim()
        assert job is not None
        assert delivering.attempt(job).is_delivered
    assert world.work() == 0
    assert world.work(later(seconds=61)) == 1
    first, second = world.receiver.messages
    assert first.id == second.id
    with world.worker():
        delivering.record(job, Outcome(error="too late"))  # the first one wakes up: it has no say any more
    (delivery,) = world.deliveries()
    assert (delivery.status, len(delivery.attempts)) == ("delivered", 1)


def test_secrets_that_an_older_key_sealed_are_sealed_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.foundation.sealing import sealer

    endpoint = world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    secret = world.secret(endpoint)
    try:
        sealer.use("another key", ["tests"])
        with world.worker():
            service.reseal_secrets()
        sealer.use("another key")
        assert world.secret(endpoint) == secret
        sealer.use("a third")
        world.make.payment(world.make.invoice(world.account), world.owner)
        world.work()
        with world.acting_for(world.owner), pytest.raises(Conflict) as refusal:
            service.show_secret(endpoint.id, by=acting(world.owner))
    finally:
        sealer.use("tests")
    assert refusal.value.code == "webhook_secret_unreadable"
    (delivery,) = world.deliveries()
    assert delivery.attempts[0]["error"] == "The portal can read the secret no more. Rotate it: that makes another."
    assert world.receiver.messages == []


def test_what_has_had_its_time_goes(world: World) -> None:
    world.endpoint(None, EventType.PAYMENT_SUBMITTED)
    world.make.payment(world.make.invoice(world.account), world.owner)
    world.work()
    with world.worker(later(days=29)):
        assert delivering.purge() == 0
    with world.worker(later(days=31)):
        assert delivering.purge() == 2  # the invoice's, which nobody heard of, too
    assert world.deliveries() == []
