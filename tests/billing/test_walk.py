"""The model walker at a short distance, and that it notices when a rule is broken. ``make torture`` goes on."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from portal.billing.credits import service as credits
from portal.billing.payments import checks, references, service
from portal.billing.payments.models import Payment
from portal.billing.payments.states import Action
from portal.foundation import audit
from portal.foundation.actor import Actor
from portal.foundation.db import db, transaction
from portal.foundation.tenancy import across_accounts
from tests.torture import dice, walker
from tests.torture.walker import Mismatch, walk

Patch = pytest.MonkeyPatch


def test_the_service_ends_each_step_as_the_model_says(app: Flask) -> None:
    outcomes = walk(app, seed=1, steps=1500)
    assert outcomes.total() == 1500
    moved = {action for action, outcome in outcomes if outcome == "ok"}
    assert moved == set(dice.WEIGHTS)
    assert {"own_payment", "reference_already_booked", "reference_already_used", "payment_changed"} <= {
        outcome for _, outcome in outcomes
    }


def test_a_world_is_walked_again_by_its_number(app: Flask) -> None:
    assert walk(app, seed=7, steps=150) == walk(app, seed=7, steps=150)


def forget_versions(patch: Patch) -> None:
    check = checks.refuse_unless_allowed

    def check_without(payment: Payment, action: Action, by: Actor, _version: int | None) -> None:
        check(payment, action, by, None)

    patch.setattr(service, "refuse_unless_allowed", check_without)


def forget_open_payments(patch: Patch) -> None:
    patch.setattr(checks, "refuse_open_payment", lambda _: None)
    _run("DROP INDEX uq_payments_open_invoice")


def forget_other_eyes(patch: Patch) -> None:
    patch.setattr(checks, "is_own", lambda *_: False)


def forget_spellings(patch: Patch) -> None:
    patch.setattr(service, "normalize_reference", str.strip)
    patch.setattr(references, "normalize_reference", str.strip)


def forget_booked_references(patch: Patch) -> None:
    patch.setattr(service, "refuse_booked_reference", lambda _: None)
    _run("DROP INDEX uq_payments_booked_reference")


def forget_grants(patch: Patch) -> None:
    patch.setattr(credits, "grant", lambda *_, **__: None)


def forget_whose(patch: Patch) -> None:
    patch.setattr(walker, "account_scope", lambda _: across_accounts())


def forget_the_audit(patch: Patch) -> None:
    patch.setattr(audit, "record", lambda *_, **__: None)


def _run(statement: str) -> None:
    with transaction() as unit:
        unit.execute(text(statement))


@pytest.mark.corrupts
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "forget",
    [
        forget_versions, forget_open_payments, forget_other_eyes, forget_spellings, forget_booked_references,
        forget_grants, forget_whose, forget_the_audit,
    ],
)  # fmt: skip
def test_the_walker_notices_a_broken_rule(app: Flask, monkeypatch: Patch, forget: Callable[[Patch], None]) -> None:
    with app.app_context():
        forget(monkeypatch)
        db.engine.dispose()
    with pytest.raises(Mismatch, match=r"WALK_SEED=\d+, step"):
        walk(app, seed=1, steps=4000)
