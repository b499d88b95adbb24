"""What happened to money in public billing software, tried here. ``docs/attacks.md`` lists which test is for what."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from portal.accounts.service import change_role
from portal.billing.credits.queries import balance
from portal.billing.invoices.queries import get_invoice
from portal.billing.payments import service
from portal.billing.payments.models import Payment
from portal.foundation.access import Role
from portal.foundation.actor import Actor
from portal.foundation.refusals import Conflict, Invalid, Refusal
from portal.foundation.tenancy import account_scope, across_accounts
from tests.billing.conftest import World
from tests.factories import SYSTEM, Factory, acting

Decision = Callable[[Payment, Actor], object]


def approve(payment: Payment, by: Actor) -> object:
    return service.approve_payment(payment.id, by=by, version=payment.version)


def reject(payment: Payment, by: Actor) -> object:
    return service.reject_payment(payment.id, by=by, version=payment.version, reason="not found")


def refund(payment: Payment, by: Actor) -> object:
    return service.refund_payment(payment.id, by=by, version=payment.version, reason="sent twice")


def cancel(payment: Payment, by: Actor) -> object:
    return service.cancel_payment(payment.id, by=by, version=payment.version)


def settle(payment: Payment, by: Actor) -> object:
    return service.settle_payment(payment.id, by=SYSTEM)


def fail(payment: Payment, by: Actor) -> object:
    return service.fail_payment(payment.id, by=SYSTEM, reason="declined")


def at_once(app: Flask, *work: Callable[[], object]) -> list[str]:
    """Do all of it at the same instant; the outcomes, ``done`` or the refusal's code, sorted."""
    start = Barrier(len(work))

    def run(one: Callable[[], object]) -> str:
        start.wait()
        with app.app_context(), across_accounts():
            try:
                one()
            except Refusal as refusal:
                return refusal.code
        return "done"

    with ThreadPoolExecutor(len(work)) as pool:
        return sorted(pool.map(run, work))


@pytest.mark.parametrize(("one", "other"), [(approve, approve), (approve, reject), (reject, reject), (approve, cancel)])
def test_two_decisions_at_the_same_instant(
    one: Decision, other: Decision, app: Flask, world: World, make: Factory
) -> None:
    payment = make.payment(make.invoice(world.account, credits=5), world.owner)
    rita, ada = acting(world.reviewer), acting(world.admin)
    outcomes = at_once(app, lambda: one(payment, rita), lambda: other(payment, ada))
    assert outcomes == ["done", "payment_already_decided"]
    assert make.payment_now(payment).version == 2


def test_two_refunds_at_the_same_instant(app: Flask, world: World, make: Factory) -> None:
    payment = make.approved(make.payment(make.invoice(world.account, credits=5), world.owner), world.reviewer)
    admin = acting(world.admin)
    outcomes = at_once(app, *[lambda: refund(payment, admin)] * 4)
    assert outcomes == ["done", *["payment_already_decided"] * 3]
    with app.app_context(), account_scope(world.account.id):
        assert balance(world.account.id) == 0
        assert get_invoice(payment.invoice_id).amount_paid.minor == 0


@pytest.mark.parametrize(("one", "other"), [(settle, settle), (settle, fail)])
def test_return_page_and_webhook_confirm_together(
    one: Decision, other: Decision, app: Flask, world: World, make: Factory
) -> None:
    payment = make.gateway_payment(make.invoice(world.account, credits=5))
    outcomes = at_once(app, lambda: one(payment, SYSTEM), lambda: other(payment, SYSTEM))
    assert outcomes == ["done", "payment_already_decided"]
    assert make.payment_now(payment).version == 2


@pytest.mark.usefixtures("domain")
def test_a_gateways_reference_is_replayed(world: World, make: Factory) -> None:
    """For the same invoice, for another one, and after the first has come to its end."""
    first, second = make.invoice(world.account), make.invoice(world.account)
    payment = make.gateway_payment(first, reference="pi_1")
    with pytest.raises(Conflict) as refusal:
        make.gateway_payment(first, reference="pi_1")
    assert refusal.value.code == "open_payment_exists"
    for moment in ("while it is open", "after it failed"):
        with pytest.raises(Conflict) as refusal:
            make.gateway_payment(second, reference="pi_1")
        assert refusal.value.code == "gateway_reference_used"
        if moment == "while it is open":
            with across_accounts():
                fail(payment, SYSTEM)


def test_two_references_of_gateways_race_for_one_invoice(app: Flask, world: World, make: Factory) -> None:
    invoice = make.invoice(world.account)
    outcomes = at_once(
        app,
        *[lambda name=name: make.gateway_payment(invoice, reference=name) for name in ("pi_1", "pi_2", "pi_3")],
    )
    assert outcomes == ["done", "open_payment_exists", "open_payment_exists"]


def test_one_reference_of_a_gateway_races_for_two_invoices(app: Flask, world: World, make: Factory) -> None:
    invoices = [make.invoice(world.account) for _ in range(3)]
    outcomes = at_once(
        app, *[lambda invoice=invoice: make.gateway_payment(invoice, reference="pi_1") for invoice in invoices]
    )
    assert outcomes == ["done", "gateway_reference_used", "gateway_reference_used"]


def test_one_transfer_is_booked_for_two_accounts_at_the_same_instant(app: Flask, world: World, make: Factory) -> None:
    globex = make.account("Globex")
    stranger = make.user("owner", globex)
    mine = make.payment(make.invoice(world.account), world.owner, "SAME-1")
    theirs = make.payment(make.invoice(globex), stranger, "same 1")
    reviewer, admin = acting(world.reviewer), acting(world.admin)
    outcomes = at_once(app, lambda: approve(mine, reviewer), lambda: approve(theirs, admin))
    assert outcomes == ["done", "reference_already_booked"]


@pytest.mark.usefixtures("domain")
@pytest.mark.parametrize(
    "twin", ["trf-77", "TRF 77", "TRF\u201377", "ＴＲＦ-７７", "TRF\u200b-77", "ТRF-77", "T\u0301RF-77", "TRF\u202f77"]
)
def test_a_reference_in_disguise(twin: str, world: World, make: Factory) -> None:
    first = make.payment(make.invoice(world.account), world.owner, "TRF-77")
    with pytest.raises(Conflict) as refusal:
        make.payment(make.invoice(world.account), world.owner, twin)
    assert (refusal.value.code, refusal.value.details) == ("reference_already_used", {"payment_id": str(first.id)})


@pytest.mark.usefixtures("domain")
def test_a_customer_becomes_staff_to_approve_their_own(world: World, make: Factory) -> None:
    """The way is barred at its beginning: nobody crosses from an account to staff, be it by the domain or by SQL."""
    make.payment(make.invoice(world.account), world.owner)
    with pytest.raises(Invalid) as refusal, across_accounts():
        change_role(world.owner.id, by=acting(world.admin), role=Role.REVIEWER)
    assert refusal.value.code == "role_does_not_fit"


@pytest.mark.usefixtures("domain")
def test_an_approval_through_a_second_user_of_the_account(world: World, make: Factory) -> None:
    """Whoever is of the payment's account does not decide on it, whatever their role is called."""
    payment = make.payment(make.invoice(world.account), world.owner)
    second = Actor(world.member.id, world.account.id, Role.REVIEWER, "Max Member", "test")
    with pytest.raises(Refusal) as refusal, across_accounts():
        approve(payment, second)
    assert refusal.value.code == "own_payment"
    assert make.payment_now(payment).status == "pending_approval"


@pytest.mark.usefixtures("domain")
def test_the_payment_changes_between_look_and_click(world: World, make: Factory) -> None:
    seen = make.gateway_payment(make.invoice(world.account))
    with across_accounts():
        service.process_payment(seen.id, by=SYSTEM)
        with pytest.raises(Conflict) as refusal:
            service.cancel_payment(seen.id, by=acting(world.reviewer), version=seen.version)
    assert (refusal.value.code, refusal.value.details["current_version"]) == ("payment_changed", 2)
