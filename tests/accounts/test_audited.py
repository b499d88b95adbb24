"""What the audit log says of people: how they come to be users, sign in, and are known."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.accounts import email_changes, invitations, password_resets, second_factor, sessions, sign_in
from portal.accounts import service as accounts
from portal.accounts.models import Account, User, UserSession
from portal.accounts.sessions import Place
from portal.foundation import clock
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.refusals import Refusal
from portal.foundation.tenancy import across_accounts
from portal.mail.kinds import Kind
from tests import authenticators
from tests.audited import entries, new
from tests.factories import PASSWORD, SYSTEM, Factory, acting
from tests.mailed import newest_secret

HERE = Place("192.0.2.1", "Firefox")
NEW_PASSWORD = "another correct battery"


@pytest.fixture(autouse=True)
def _across_accounts(domain: None) -> Iterator[None]:
    with across_accounts():
        yield


@pytest.fixture
def account(make: Factory) -> Account:
    return make.account()


@pytest.fixture
def owner(make: Factory, account: Account) -> User:
    return make.user("owner", account, email="olga@acme.example")


def test_an_invitation(make: Factory, account: Account) -> None:
    seen = entries()
    first = make.invitation(account, "gus@acme.example")
    make.invitation(account, "eve@acme.example")
    invitations.withdraw(first.id, by=SYSTEM)
    invitations.withdraw(first.id, by=SYSTEM)
    user = invitations.accept(newest_secret(Kind.INVITATION), password=NEW_PASSWORD, place=HERE)
    guest = {"name": "Gus Guest", "role": "viewer"}
    assert new(seen) == [
        ("invitation.created", guest | {"email": "gus@acme.example"}),
        ("invitation.created", guest | {"email": "eve@acme.example"}),
        ("invitation.withdrawn", {}),
        ("user.created", {name: [None, value] for name, value in (guest | {"email": "eve@acme.example"}).items()}),
        ("invitation.accepted", {"user": str(user.id)}),
    ]


def test_an_invitation_that_another_one_replaces(make: Factory, account: Account) -> None:
    """It is told of itself, in its own account's chain: whoever looks for what became of it finds it."""
    first = make.invitation(account, "gus@acme.example")
    seen = entries()
    second = make.invitation(make.account("Globex"), "gus@acme.example")
    assert new(seen)[1:] == [
        ("invitation.created", {"email": "gus@acme.example", "name": "Gus Guest", "role": "viewer"}),
        ("invitation.replaced", {"successor": str(second.id)}),
    ]
    of_first = select(AuditEntry.action, AuditEntry.account_id).where(AuditEntry.subject_id == first.id)
    assert [tuple(row) for row in session.execute(of_first.order_by(AuditEntry.id))] == [
        ("invitation.created", account.id), ("invitation.replaced", account.id),
    ]  # fmt: skip


def test_another_address(owner: User) -> None:
    seen = entries()
    for _ in range(6):
        with suppress(Refusal):
            email_changes.ask("new@acme.example", PASSWORD, by=acting(owner))
    email_changes.confirm(newest_secret(Kind.EMAIL_CHANGE), place=HERE)
    assert new(seen) == [
        *[("email_change.asked", {"email": "new@acme.example"})] * 5,
        ("email_change.throttled", {"limit": "e-mail change, of a user"}),
        ("email_change.confirmed", {"email": ["olga@acme.example", "new@acme.example"]}),
    ]


def test_a_forgotten_password(owner: User) -> None:
    seen = entries()
    for _ in range(4):
        with suppress(Refusal):
            password_resets.ask(owner.email, place=HERE)
    password_resets.reset(newest_secret(Kind.PASSWORD_RESET), password=NEW_PASSWORD, place=HERE)
    assert new(seen) == [
        *[("password_reset.asked", {})] * 3,
        ("password_reset.throttled", {"limit": "password reset, of an address"}),
        ("user.password_changed", {}),
    ]


def test_a_password_that_is_not_known(owner: User) -> None:
    seen = entries()
    for _ in range(6):
        with suppress(Refusal):
            sign_in.must_know("wrong", by=acting(owner), field="password")
    assert new(seen) == [
        *[("session.password_refused", {})] * 5,
        ("session.throttled", {"limit": "password, in a session"}),
    ]


def test_somebody_is_locked_out_and_let_in_again(owner: User) -> None:
    sessions.start_session(owner, place=HERE, authenticated=True)
    seen = entries()
    for enabled in (False, False, True):
        accounts.set_enabled(owner.id, by=SYSTEM, enabled=enabled)
    assert new(seen) == [
        ("user.disabled", {"is_enabled": [True, False]}),
        ("session.ended", {"why": "locked out", "sessions": 1}),
        ("user.enabled", {"is_enabled": [False, True]}),
    ]


def test_a_second_factor(owner: User) -> None:
    seen = entries()
    authenticators.set_up(owner)
    codes = authenticators.set_up(owner)
    second_factor.prove(owner.id, codes[0], by=acting(owner))
    second_factor.renew_recovery_codes(by=acting(owner))
    second_factor.remove(by=acting(owner))
    authenticators.set_up(owner)
    second_factor.reset(owner.id, by=SYSTEM)
    assert [entry for entry in new(seen) if entry[0].startswith("second_factor.")] == [
        ("second_factor.enabled", {}),
        ("second_factor.replaced", {}),
        ("second_factor.recovery_code_used", {"left": 9}),
        ("second_factor.recovery_codes_renewed", {}),
        ("second_factor.removed", {}),
        ("second_factor.enabled", {}),
        ("second_factor.reset", {}),
    ]


def test_each_step_of_signing_in(owner: User, make: Factory) -> None:
    """A right password is told of, also where the code never comes: so it is known that somebody has it."""
    admin = make.user("admin")
    seen = entries()
    half = signed_in_by_password(admin)
    sign_in.by_code(half, authenticators.code(admin), place=HERE)
    by = replace(acting(admin), session_id=half.id)
    with clock.set_to(clock.now() + timedelta(minutes=1)):
        sign_in.confirm(half, authenticators.code(admin), by=by)
        sign_in.offer_factor(half, PASSWORD, by=by)
    whole = signed_in_by_password(owner)
    of_half = {"session": str(half.id)}
    browser = {"browser": "Firefox"}
    assert new(seen) == [
        ("session.password_accepted", of_half | browser),
        ("session.started", of_half | browser | {"second_factor": True}),
        ("session.confirmed", of_half),
        ("second_factor.offered", of_half),
        ("session.started", {"session": str(whole.id), "second_factor": False} | browser),
    ]


def test_a_factor_is_shown_before_ones_own_password_is_chosen(owner: User, make: Factory) -> None:
    authenticators.set_up(owner)
    accounts.set_password(owner.id, by=acting(make.user("admin")), password=NEW_PASSWORD)
    seen = entries()
    half = signed_in_by_password(owner, NEW_PASSWORD)
    sign_in.by_code(half, authenticators.code(owner), place=HERE)
    sign_in.by_own_password(half, "yet another battery", place=HERE)
    assert [action for action, _ in new(seen)] == [
        "session.password_accepted", "session.confirmed", "user.password_changed", "session.started",
    ]  # fmt: skip


def signed_in_by_password(user: User, password: str = PASSWORD) -> UserSession:
    started = sign_in.by_password(user.email, password, place=HERE)
    assert started is not None
    return started.session
