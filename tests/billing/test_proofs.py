"""What is kept of proofs: how much of what came to nothing, for how long, and what stays of it for good."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, func, select, text, update
from sqlalchemy.exc import DBAPIError

from portal.billing.payments.models import Payment
from portal.billing.payments.proofs import purging, service
from portal.billing.payments.proofs.models import KEPT_FOR, PaymentProof
from portal.billing.payments.proofs.queries import get_proof, proofs_of, seen_before
from portal.billing.payments.queries import get_payment
from portal.foundation import clock
from portal.foundation.db import db, session, transaction
from portal.foundation.refusals import Conflict, Refusal
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from tests.billing.conftest import World
from tests.engines import disconnect
from tests.factories import Factory
from tests.guarantees.rows import refused_by

MOST = 10


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account holds ten bytes for nothing."""
    monkeypatch.setattr(service, "MAX_HELD_FOR_NOTHING", MOST)


@pytest.fixture
def worker(app: Flask) -> Iterator[None]:
    """As commands run."""
    with app.app_context(), across_accounts(), by_login(Login.WORKER):
        yield


@pytest.fixture
def careless(app: Flask) -> Iterator[None]:
    """A SQLite that was built to leave what is deleted where it was."""

    def leave(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA secure_delete=OFF")

    event.listen(Engine, "connect", leave, insert=True)
    disconnect(app)
    yield
    event.remove(Engine, "connect", leave)


def withdrawn(world: World, make: Factory, content: bytes) -> Payment:
    """A report with a proof that its customer took back."""
    payment = make.payment(make.invoice(world.account), world.owner)
    make.proof(payment, world.owner, content)
    return make.withdrawn(payment, world.owner)


def of_every_end(world: World, make: Factory) -> dict[str, Payment]:
    """By status, a payment with a proof, a gateway's aside: those have none."""
    payments = [make.payment(make.invoice(world.account), world.owner) for _ in range(5)]
    for number, payment in enumerate(payments):
        make.proof(payment, world.owner, bytes([number]))
    waiting, booked, given_back, rejected, taken_back = payments
    ended = [
        make.approved(booked, world.reviewer),
        make.refunded(make.approved(given_back, world.reviewer), world.admin),
        make.rejected(rejected, world.reviewer),
        make.withdrawn(taken_back, world.owner),
    ]
    return {payment.status: payment for payment in [waiting, *ended]}


def kept_of(payments: dict[str, Payment]) -> dict[str, bool]:
    """By status, whether the payment's one file is there."""
    return {status: proofs_of(payment.id)[0].is_kept for status, payment in payments.items()}


def held(app: Flask) -> int:
    """The bytes of all proofs."""
    with app.app_context(), across_accounts():
        return session.scalar(select(func.coalesce(func.sum(func.length(PaymentProof.content)), 0))) or 0


def test_what_came_to_nothing_holds_so_many_bytes(app: Flask, world: World, make: Factory, little: None) -> None:
    withdrawn(world, make, b"a" * 6)
    rejected = make.payment(make.invoice(world.account), world.owner)
    make.proof(rejected, world.owner, b"b" * 4)
    make.rejected(rejected, world.reviewer)
    waiting = make.payment(make.invoice(world.account), world.owner)
    with pytest.raises(Conflict) as refusal:
        make.proof(waiting, world.owner)
    assert (refusal.value.code, [error.field for error in refusal.value.errors]) == ("too_much_proof", ["proof"])
    assert refusal.value.message == (
        "The files of reports that were withdrawn or not accepted come to 300 MB, all that is kept of them for an "
        "account. Nothing was changed. Each goes 90 days after its report ended. Go on without a file, or ask us."
    )
    assert held(app) == MOST


def test_what_is_money_or_may_become_it_does_not_count(app: Flask, world: World, make: Factory, little: None) -> None:
    """Nor does what another account holds."""
    globex = make.account("Globex")
    stranger = make.user("owner", globex)
    foreign = make.payment(make.invoice(globex), stranger)
    make.proof(foreign, stranger, b"f" * 20)
    make.withdrawn(foreign, stranger)
    booked, refunded, waiting = (make.payment(make.invoice(world.account), world.owner) for _ in range(3))
    for number, payment in enumerate((booked, refunded, waiting)):
        make.proof(payment, world.owner, bytes([number]) * 20)
    make.approved(booked, world.reviewer)
    make.refunded(make.approved(refunded, world.reviewer), world.admin)
    make.proof(waiting, world.owner, b"one more")
    assert held(app) == 88


def test_what_waits_beside_it_is_all_that_comes_beyond(app: Flask, world: World, make: Factory, little: None) -> None:
    """One payment for each open invoice, with its files, whoever reports and withdraws at the same moment."""
    withdrawn(world, make, b"a" * (MOST - 1))
    waiting = [make.payment(make.invoice(world.account), world.owner) for _ in range(4)]
    for number, payment in enumerate(waiting):
        make.proof(payment, world.owner, bytes([number]) * 5)
    for payment in waiting:
        make.withdrawn(payment, world.owner)
    with pytest.raises(Conflict) as refusal:
        withdrawn(world, make, b"another")
    assert refusal.value.code == "too_much_proof"
    assert held(app) == MOST - 1 + 4 * 5


def test_the_contents_of_what_came_to_nothing_go_after_a_while(
    app: Flask, world: World, make: Factory, worker: None
) -> None:
    """Three in a unit, so that nobody waits for long. The record stays, and by it the same file is known again."""
    ended = [withdrawn(world, make, f"file {number}".encode()) for number in range(5)]
    again = make.payment(make.invoice(world.account), world.owner)
    make.proof(again, world.owner, b"file 0")
    before = [proofs_of(payment.id)[0] for payment in ended]
    with clock.set_to(ended[0].updated_at + KEPT_FOR - timedelta(seconds=1)):
        assert purging.purge() == 0
    with clock.set_to(clock.now() + KEPT_FOR):
        assert [purging.purge() for _ in range(3)] == [3, 2, 0]
    after = [proofs_of(payment.id)[0] for payment in ended]
    assert [(old.is_kept, new.is_kept) for old, new in zip(before, after, strict=True)] == [(True, False)] * 5
    assert [(new.name, new.size, new.sha256, new.created_at) for new in after] == [
        (old.name, old.size, old.sha256, old.created_at) for old in before
    ]
    assert held(app) == len(b"file 0")
    (seen,) = seen_before(get_payment(again.id), proofs_of(again.id))
    assert (seen.payment_id, seen.status) == (ended[0].id, "cancelled")
    with pytest.raises(Refusal) as refusal:
        get_proof(ended[0].id, after[0].id)
    assert (refusal.value.status, refusal.value.code) == (410, "proof_not_kept")
    assert refusal.value.message == (
        "This file is no longer kept: its report was withdrawn or not accepted 90 days ago or more. "
        "Its name, its size and who added it when stay on record."
    )


def test_what_is_money_was_it_or_may_become_it_keeps_its_file(world: World, make: Factory, worker: None) -> None:
    """However old it is, and whoever asks the database."""
    payments = of_every_end(world, make)
    with clock.set_to(clock.now() + 10 * KEPT_FOR):
        assert [purging.purge() for _ in range(2)] == [2, 0]
    assert kept_of(payments) == {
        "pending_approval": True, "succeeded": True, "refunded": True, "failed": False, "cancelled": False,
    }  # fmt: skip


def test_the_time_of_a_file_begins_when_its_payment_ends(world: World, make: Factory, worker: None) -> None:
    reported = clock.now()
    payment = make.payment(make.invoice(world.account), world.owner)
    make.proof(payment, world.owner)
    with clock.set_to(reported + timedelta(days=60)):
        make.rejected(payment, world.reviewer)
    with clock.set_to(reported + timedelta(days=60) + KEPT_FOR - timedelta(seconds=1)):
        assert purging.purge() == 0
    with clock.set_to(reported + timedelta(days=60) + KEPT_FOR):
        assert purging.purge() == 1


def test_what_went_counts_no_more(app: Flask, world: World, make: Factory, worker: None, little: None) -> None:
    withdrawn(world, make, b"0123456789")
    with clock.set_to(clock.now() + KEPT_FOR):
        assert purging.purge() == 1
    make.proof(make.payment(make.invoice(world.account), world.owner), world.owner, b"new")
    assert held(app) == 3


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_of_what_went_no_word_stays_in_the_file(
    app: Flask, world: World, make: Factory, careless: None, worker: None
) -> None:
    def is_read() -> bool:
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return b"Olga's bank says" in (Path(app.config["DATA_DIR"]) / "portal.db").read_bytes()

    withdrawn(world, make, b"Olga's bank says that " * 5000)
    before = is_read()
    with clock.set_to(clock.now() + KEPT_FOR):
        purging.purge()
    assert (before, is_read()) == (True, False)


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("content = NULL", ""),
        ("content = :other", "payment_proofs_keep_their_content"),
        ("content = NULL, name = 'x'", "payment_proofs_is_append_only"),
        ("size = 1", "payment_proofs_is_append_only"),
    ],
)
def test_the_database_lets_nothing_but_the_content_go(
    change: str, refused: str, world: World, make: Factory, worker: None
) -> None:
    withdrawn(world, make, b"file")
    statement = text(f"UPDATE payment_proofs SET {change}")
    given = {"other": b"evil"} if ":other" in change else {}
    said = ""
    try:
        with by_login(Login.OWNER), transaction() as unit:
            unit.execute(statement, given)
    except DBAPIError as error:
        said = refused_by(error)
    assert said == refused


def test_the_database_lets_no_content_of_what_may_be_money_go(world: World, make: Factory, worker: None) -> None:
    said: dict[str, str] = {}
    for status, payment in of_every_end(world, make).items():
        statement = update(PaymentProof).where(PaymentProof.payment_id == payment.id).values(content=None)
        try:
            with by_login(Login.OWNER), transaction() as unit:
                unit.execute(statement)
        except DBAPIError as error:
            said[status] = refused_by(error)
    assert said == dict.fromkeys(("pending_approval", "succeeded", "refunded"), "payment_proofs_keep_their_content")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("login", [Login.CUSTOMER, Login.STAFF])
def test_no_login_of_a_face_lets_a_content_go(login: Login, app: Flask, world: World, make: Factory) -> None:
    withdrawn(world, make, b"file")
    with app.app_context(), across_accounts(), by_login(login), pytest.raises(DBAPIError) as refusal:
        session.execute(text("UPDATE payment_proofs SET content = NULL"))
    assert "permission denied" in str(refusal.value.orig)
