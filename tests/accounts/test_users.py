"""Accounts and users: who may sign in, and with what."""

import pytest
from sqlalchemy import select

from portal.accounts import guessable, service, sign_in
from portal.accounts.models import User
from portal.accounts.passwords import DEMO_PASSWORD, MIN_LENGTH, mark_as_demo
from portal.foundation.access import Role
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.refusals import Conflict, Forbidden, Invalid
from portal.foundation.tenancy import across_accounts
from tests.factories import PASSWORD, SYSTEM, Factory, acting

pytestmark = pytest.mark.usefixtures("domain")


def signs_in(email: str, password: str = PASSWORD) -> bool:
    session.rollback()
    session.expire_all()
    return service.authenticate(email, password) is not None


def test_the_right_password_lets_in_whatever_the_case_of_the_address(make: Factory) -> None:
    make.user("admin", email="Ada@Portal.example")
    assert signs_in(" ADA@portal.EXAMPLE ")
    assert not signs_in("ada@portal.example", PASSWORD + " ")
    assert not signs_in("ada@portal.example", PASSWORD.upper())
    assert not signs_in("ada@portal.example", "")
    assert not signs_in("nobody@portal.example")


def test_the_password_is_kept_as_an_argon2id_hash(make: Factory) -> None:
    user = make.user("admin")
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in user.password_hash


def test_a_disabled_user_stays_out(make: Factory) -> None:
    user, admin = make.user("reviewer", email="rita@portal.example"), make.user("admin")
    service.set_enabled(user.id, by=acting(admin), enabled=False)
    assert not signs_in("rita@portal.example")
    service.set_enabled(user.id, by=acting(admin), enabled=True)
    assert signs_in("rita@portal.example")


def test_the_demo_password_works_in_the_demo_only(make: Factory) -> None:
    user = make.user("admin", email="ada@portal.example")
    with pytest.raises(Invalid) as refusal:
        service.set_password(user.id, by=acting(user), password=DEMO_PASSWORD)
    assert refusal.value.code == "demo_password"
    mark_as_demo()
    service.set_password(user.id, by=acting(user), password=DEMO_PASSWORD)
    assert signs_in("ada@portal.example", DEMO_PASSWORD)


def test_a_demo_user_cannot_sign_in_where_the_database_is_not_the_demo(
    make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make.user("admin", email="ada@portal.example")
    with monkeypatch.context() as patched:
        patched.setattr("portal.accounts.passwords.is_demo", lambda: True)
        service.set_password(user.id, by=acting(user), password=DEMO_PASSWORD)
    assert not signs_in("ada@portal.example", DEMO_PASSWORD)


@pytest.mark.parametrize("password", ["", "eleven-char", "x" * 201])
def test_a_password_has_a_sensible_length(password: str, make: Factory) -> None:
    user = make.user("admin")
    with pytest.raises(Invalid) as refusal:
        service.set_password(user.id, by=acting(user), password=password)
    assert [(error.field, error.code) for error in refusal.value.errors] == [("password", "password_length")]


def test_changing_ones_own_password_needs_the_current_one(make: Factory) -> None:
    account = make.account()
    user, other = make.user("viewer", account, email="vera@acme.example"), make.user("owner", account)
    with pytest.raises(Invalid) as refusal:
        sign_in.change_own_password(by=acting(user), current="wrong", password="another good one")
    assert [(error.field, error.code) for error in refusal.value.errors] == [("current_password", "wrong_password")]
    with pytest.raises(Forbidden):
        service.set_password(user.id, by=acting(other), password="another good one")
    changed = sign_in.change_own_password(by=acting(user), current=PASSWORD, password="another good one")
    assert changed.id == user.id
    assert (signs_in("vera@acme.example"), signs_in("vera@acme.example", "another good one")) == (False, True)


def test_an_address_belongs_to_one_user(make: Factory) -> None:
    make.user("admin", email="ada@portal.example")
    with pytest.raises(Conflict) as refusal:
        make.user("reviewer", email="ADA@portal.example")
    assert [(error.field, error.code) for error in refusal.value.errors] == [("email", "email_taken")]


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@x.example", "a b@x.example", "ada@x.example\nBcc: b@x.example"])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid) as refusal:
        service.create_user(by=SYSTEM, email=email, name="x", role=Role.ADMIN, account_id=None, password=PASSWORD)
    assert refusal.value.code == "invalid_email"


@pytest.mark.parametrize(("role", "with_account"), [("owner", False), ("viewer", False), ("admin", True)])
def test_roles_fit_their_side(role: str, with_account: bool, make: Factory) -> None:
    account = make.account() if with_account else None
    with pytest.raises(Invalid) as refusal:
        make.user(role, account)
    assert refusal.value.code == "role_does_not_fit"


def test_a_role_change_ends_sessions_and_crosses_no_side(make: Factory) -> None:
    admin, account = make.user("admin"), make.account()
    user = make.user("viewer", account)
    changed = service.change_role(user.id, by=acting(admin), role=Role.OWNER)
    assert changed.role == "owner"
    with pytest.raises(Invalid):
        service.change_role(user.id, by=acting(admin), role=Role.ADMIN)
    with pytest.raises(Conflict):
        service.change_role(admin.id, by=acting(admin), role=Role.REVIEWER)
    with pytest.raises(Forbidden):
        service.change_role(user.id, by=acting(make.user("reviewer")), role=Role.OWNER)


def test_secrets_stay_out_of_the_audit_log(make: Factory) -> None:
    user = make.user("admin")
    service.set_password(user.id, by=acting(user), password="another good one")
    hashed = session.scalar(select(User.password_hash).where(User.id == user.id))
    with across_accounts():
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == user.id)).all()
    assert [entry.action for entry in entries] == [
        "user.created",
        "session.password_accepted",
        "second_factor.enabled",
        "user.password_changed",
    ]
    written = " ".join(str(entry.changes) for entry in entries)
    assert [secret in written for secret in (PASSWORD, "another good one", str(hashed))] == [False, False, False]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"country": "XX"}, "country", "unknown_country"),
        ({"country": "de"}, "country", "unknown_country"),
        ({"currency": "EURO"}, "currency", "unknown_currency"),
        ({"timezone": "Mars/Olympus"}, "timezone", "unknown_timezone"),
        ({"timezone": "../etc/passwd"}, "timezone", "unknown_timezone"),
        ({"locale": "xx-XX"}, "locale", "unknown_locale"),
        ({"locale": ""}, "locale", "unknown_locale"),
        ({"locale": "de_DE@" + "a" * 400}, "locale", "unknown_locale"),
        ({"locale": "de_DE@\0"}, "locale", "unknown_locale"),
        ({"name": " "}, "name", "required"),
        ({"number": "x" * 41}, "number", "too_long"),
    ],
)
def test_bad_accounts_are_refused_at_their_field(change: dict[str, str], field: str, code: str, make: Factory) -> None:
    with pytest.raises(Invalid) as refusal:
        make.account(**change)
    assert (refusal.value.code, refusal.value.errors[0].code) == (code, code)
    if code != "unknown_currency":
        assert refusal.value.errors[0].field == field


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("123qweasdzxc", "breached_password"), ("SonyEricsson", "breached_password"),
        ("123456789012", "breached_password"),
        ("BillingPortal1", "guessable_password"), ("portal-admin-2026", "guessable_password"),
        ("adalovelace42", "guessable_password"), ("Ada.Lovelace@analytical", "guessable_password"),
        ("paymentpaymentpayment", "guessable_password"),
    ],
)  # fmt: skip
def test_a_password_that_is_guessed_first_is_refused(password: str, code: str, make: Factory) -> None:
    """One of a list of stolen ones, in any case, and one of the portal's or the person's own words."""
    user = make.user("admin", email="ada@analytical.example", name="Ada Lovelace")
    with pytest.raises(Invalid) as refusal:
        service.set_password(user.id, by=acting(user), password=password)
    assert [(error.field, error.code) for error in refusal.value.errors] == [("password", code)]
    with pytest.raises(Invalid) as refusal:
        service.create_user(
            by=SYSTEM, email="ada@analytical.example", name="Ada Lovelace", role=Role.ADMIN, account_id=None,
            password=password,
        )  # fmt: skip
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "password",
    ["sonyericsson and more", "a portal of oak", "ввод пароля тут", "            ", "AAAAAAAAAAAAb", "x" * 200],
)
def test_any_other_composition_is_taken(password: str, make: Factory) -> None:
    """No rule asks for digits or capitals, and blanks and all scripts count."""
    user = make.user("admin", email="ada@portal.example")
    service.set_password(user.id, by=acting(user), password=password)
    assert signs_in("ada@portal.example", password)


def test_a_password_is_compared_whole(make: Factory) -> None:
    longest = "long enough " * 20
    longest = longest[:199] + "é"
    user = make.user("admin", email="ada@portal.example")
    service.set_password(user.id, by=acting(user), password=longest)
    assert signs_in("ada@portal.example", longest)
    assert not signs_in("ada@portal.example", longest[:199] + "e\u0301 and more")


def test_the_list_of_stolen_passwords_is_long_and_fits_the_rule() -> None:
    listed = guessable._listed().decode("ascii").split()
    assert len(listed) == len(set(listed)) == 20_000
    assert all(len(password) >= MIN_LENGTH and password == password.casefold() for password in listed)
