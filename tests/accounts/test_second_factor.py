"""The second factor: a code works once, a lost phone is no dead end, and nobody gets around it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from portal.accounts import second_factor, service, sessions, sign_in, tokens
from portal.accounts.models import RecoveryCode, SecondFactor, User, UserSession
from portal.accounts.passwords import mark_as_demo
from portal.accounts.second_factor import Proof
from portal.accounts.sessions import Place
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.actor import Actor
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session, transaction
from portal.foundation.refusals import ConfirmationRequired, Conflict, Forbidden, Invalid, TooManyAttempts
from portal.foundation.sealing import Sealer, Unreadable, sealer
from tests import authenticators
from tests.factories import PASSWORD, SYSTEM, Factory, acting

pytestmark = pytest.mark.usefixtures("domain")
HERE = Place("192.0.2.1")
STEP = timedelta(seconds=30)


def half(user: User, place: Place = HERE) -> UserSession:
    """A session of somebody who has shown the password."""
    started = sign_in.by_password(user.email, PASSWORD, place=place)
    assert started is not None
    assert not started.session.is_authenticated
    return started.session


def prove(user: User, code: str) -> Proof | None:
    return second_factor.prove(user.id, code, by=acting(user))


def code_at(user: User, beside: int) -> str:
    """The code that the phone shows so many steps from now."""
    secret = sealer.unseal(session.get_one(SecondFactor, user.id).sealed_secret, bound_to=user.id)
    return pyotp.TOTP(secret).generate_otp(int(clock.now().timestamp()) // 30 + beside)


def stale(user: User) -> Actor:
    """The user in a session that has not shown the second factor for too long."""
    row, _ = sessions.start_session(user, place=HERE, authenticated=True)
    assert sessions.needs_confirmation(row)
    return Actor(
        user.id, user.account_id, Role(user.role), user.name, "web", session_id=row.id, needs_confirmation=True
    )


def test_the_secret_is_sealed_and_opens_for_its_user_only(make: Factory) -> None:
    user, other = make.user("admin"), make.user("admin")
    sealed = session.get_one(SecondFactor, user.id).sealed_secret
    secret = sealer.unseal(sealed, bound_to=user.id)
    assert secret not in sealed
    assert sealer.seal(secret, bound_to=user.id) != sealed
    stranger = Sealer()
    stranger.use("another key")
    for opener, bound_to, kept in (
        (sealer, other.id, sealed), (stranger, user.id, sealed), (sealer, user.id, "x"), (sealer, user.id, sealed[:-4]),
    ):  # fmt: skip
        with pytest.raises(Unreadable):
            opener.unseal(kept, bound_to=bound_to)


def test_what_an_older_key_sealed_opens_and_is_sealed_by_the_newest() -> None:
    before, after, later = Sealer(), Sealer(), Sealer()
    before.use("an old key")
    after.use("a new key", ["an old key"])
    later.use("a new key")
    assert after.unseal(before.seal("secret", bound_to=1), bound_to=1) == "secret"
    assert later.unseal(after.seal("secret", bound_to=1), bound_to=1) == "secret"


def test_another_key_of_the_portal_is_a_refusal_with_advice(make: Factory) -> None:
    user = make.user("admin")
    with transaction():
        session.get_one(SecondFactor, user.id).sealed_secret = "of another key"
        session.get_one(SecondFactor, user.id).last_step += 1
    with pytest.raises(Conflict, match="Ask an admin to reset it"):
        prove(user, "123456")


def test_a_code_counts_now_and_one_step_around_it(make: Factory) -> None:
    with clock.set_to(clock.now()):
        for beside, expected in ((-2, None), (-1, Proof.APP), (0, Proof.APP), (1, Proof.APP), (2, None)):
            user = make.user("admin")
            assert prove(user, code_at(user, beside)) is expected, beside


def test_a_code_is_taken_once_and_none_before_it(make: Factory) -> None:
    user = make.user("admin")
    with clock.set_to(clock.now()):
        now = code_at(user, 0)
        assert [prove(user, code) for code in (now, now, code_at(user, -1))] == [Proof.APP, None, None]
        assert prove(user, code_at(user, 1)) is Proof.APP
    with pytest.raises(DBAPIError, match="second_factors_take_a_code_once"), transaction() as unit:
        unit.execute(text("UPDATE second_factors SET last_step = last_step"))


@pytest.mark.parametrize("shape", ["{} {}", " {}{}\n", "{}-{}", "full width"])
def test_a_code_is_read_as_people_type_it(shape: str, make: Factory) -> None:
    user = make.user("admin")
    code = code_at(user, 0)
    wide = code.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert prove(user, wide if shape == "full width" else shape.format(code[:3], code[3:])) is Proof.APP


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "²²²²²²", "١٢٣٤٥٦", "9" * 10_000, "a\x00b", "\ud800"]
)
def test_what_is_no_code_is_refused(code: str, make: Factory) -> None:
    assert prove(make.user("admin"), code) is None


def test_the_same_code_ten_times_at_once_is_taken_once(app: Flask, make: Factory) -> None:
    user = make.user("admin")
    code, start = code_at(user, 0), Barrier(10, timeout=60)

    def show(_number: int) -> Proof | None:
        with app.app_context():
            start.wait()
            return prove(user, code)

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(show, range(10))).count(Proof.APP) == 1


def test_recovery_codes_are_hashed_and_work_once_each(make: Factory) -> None:
    user = make.user("owner", make.account())
    codes = authenticators.set_up(user)
    assert len(set(codes)) == 10
    assert second_factor.recovery_codes_left(user.id) == 10
    kept = " ".join(str(value) for row in session.execute(select(RecoveryCode.__table__)) for value in row)
    assert [code for code in codes if code in kept or code.replace("-", "") in kept] == []
    assert "$argon2id$" in kept
    sloppy = codes[1].lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert [prove(user, code) for code in (codes[0], codes[0], sloppy)] == [Proof.RECOVERY, None, Proof.RECOVERY]
    assert second_factor.recovery_codes_left(user.id) == 8
    stranger = make.user("owner", make.account(), second_factor=True)
    assert prove(stranger, codes[2]) is None
    fresh = second_factor.renew_recovery_codes(by=acting(user))
    assert [prove(user, code) for code in (codes[2], fresh[0])] == [None, Proof.RECOVERY]
    with pytest.raises(DBAPIError, match="recovery_codes_work_once"), transaction() as unit:
        unit.execute(text("UPDATE recovery_codes SET used_at = NULL"))
    used = select(AuditEntry.changes).where(AuditEntry.action == "second_factor.recovery_code_used")
    assert [changes["left"] for changes in session.scalars(used)] == [9, 8, 9]


def test_guessing_the_six_digits_runs_out(make: Factory) -> None:
    """Knowing the password: five codes, from however many places and sessions, then one in half an hour."""
    user = make.user("admin")
    outcomes = []
    with clock.set_to(clock.now()):
        right = code_at(user, 0)
        wrong = f"{(int(right) + 1) % 1_000_000:06}"
        for number in range(10):
            place = Place(f"192.0.2.{number}")
            row = half(user, place)
            try:
                sign_in.by_code(row, wrong if number < 9 else right, place=place)
            except Invalid as refusal:
                outcomes.append(refusal.code)
            except TooManyAttempts as refusal:
                outcomes.append(str(refusal.retry_after))
    assert outcomes == ["wrong_code"] * 5 + ["1800"] * 5
    refused = select(AuditEntry.action).where(AuditEntry.action.startswith("second_factor."))
    assert session.scalars(refused.order_by(AuditEntry.id)).all() == [
        "second_factor.enabled", *["second_factor.refused"] * 5, "second_factor.throttled",
    ]  # fmt: skip


def test_guessing_does_not_keep_the_user_from_their_own_browser(make: Factory) -> None:
    user = make.user("admin")
    device = sign_in.by_code(half(user), authenticators.code(user), place=HERE).cookies.device
    for _ in range(5):
        with pytest.raises(Invalid):
            sign_in.by_code(half(user), "000000", place=HERE)
    with pytest.raises(TooManyAttempts):
        sign_in.by_code(half(user), authenticators.code(user), place=HERE)
    own = Place("203.0.113.5", device=str(device))
    with clock.set_to(clock.now() + 2 * STEP):
        assert sign_in.by_code(half(user, own), authenticators.code(user), place=own).session.is_authenticated


def test_twenty_codes_at_once_are_not_twenty(app: Flask, make: Factory) -> None:
    user = make.user("admin")
    session_id, start = half(user).id, Barrier(20, timeout=60)

    def guess(_number: int) -> str:
        with app.app_context():
            start.wait()
            row = session.get_one(UserSession, session_id)
            try:
                sign_in.by_code(row, "000000", place=HERE)
            except (Invalid, TooManyAttempts) as refusal:
                return refusal.code
            return "in"

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(guess, range(20)))
    assert (outcomes.count("wrong_code"), outcomes.count("too_many_attempts")) == (5, 15)


def test_staff_need_one_outside_the_demo_and_customers_may(make: Factory) -> None:
    owner, staff = make.user("owner", make.account()), make.user("reviewer", second_factor=False)
    assert (second_factor.is_obligatory(owner), second_factor.is_obligatory(staff)) == (False, True)
    started = sign_in.by_password(owner.email, PASSWORD, place=HERE)
    assert started is not None
    assert started.session.is_authenticated
    row = half(staff)
    offered = second_factor.live_offer(row)
    assert offered is not None
    authenticators.hold(staff, second_factor.readable_secret(staff, offered)[1])
    whole = sign_in.by_set_up(row, authenticators.code(staff), place=HERE)
    assert (whole.session.is_authenticated, len(whole.recovery_codes)) == (True, 10)
    with pytest.raises(Conflict) as refusal:
        second_factor.remove(by=acting(staff))
    assert refusal.value.code == "second_factor_obligatory"
    mark_as_demo()
    second_factor.remove(by=acting(staff))
    demo = sign_in.by_password(staff.email, PASSWORD, place=HERE)
    assert demo is not None
    assert demo.session.is_authenticated


def test_an_offer_is_its_sessions_own_and_short(make: Factory) -> None:
    """Somebody else with the password sees another secret, and cannot have theirs taken for the user's."""
    staff = make.user("reviewer", second_factor=False)
    mine, theirs = half(staff), half(staff)
    secrets = [second_factor.readable_secret(staff, str(row.offered_secret))[1] for row in (mine, theirs)]
    assert secrets[0] != secrets[1]
    now = clock.now()
    with pytest.raises(Invalid):
        sign_in.by_set_up(mine, pyotp.TOTP(secrets[1]).at(now), place=HERE)
    with clock.set_to(now + timedelta(minutes=16)), pytest.raises(Conflict) as late:
        second_factor.accept(mine, pyotp.TOTP(secrets[0]).at(now), by=acting(staff))
    assert late.value.code == "offer_expired"
    sign_in.by_set_up(mine, pyotp.TOTP(secrets[0]).at(now), place=HERE)
    with pytest.raises(Conflict):
        second_factor.accept(theirs, pyotp.TOTP(secrets[1]).at(now), by=acting(staff))


def test_a_new_factor_ends_all_other_sessions_and_replaces_the_old(make: Factory) -> None:
    user = make.user("owner", make.account(), second_factor=True)
    here, _ = sessions.start_session(user, place=HERE, authenticated=True)
    sessions.start_session(user, place=HERE, authenticated=True)
    by = HERE.actor(user, session_id=here.id)
    with pytest.raises(Invalid):
        sign_in.offer_factor(here, "a wrong password", by=by)
    sign_in.offer_factor(here, PASSWORD, by=by)
    old = code_at(user, 0)
    offered = second_factor.readable_secret(user, str(second_factor.live_offer(here)))[1]
    with pytest.raises(Invalid):
        sign_in.accept_offer(here, old, by=by)
    sign_in.accept_offer(here, pyotp.TOTP(offered).at(clock.now()), by=by)
    assert [row.id for row in sessions.sessions_of(user.id)] == [here.id]
    assert sealer.unseal(session.get_one(SecondFactor, user.id).sealed_secret, bound_to=user.id) == offered
    assert second_factor.recovery_codes_left(user.id) == 10
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_id == user.id)).all()
    assert "second_factor.replaced" in actions


def test_an_admin_takes_a_lost_one_off_somebody_else(make: Factory) -> None:
    user, admin = make.user("reviewer"), make.user("admin")
    with pytest.raises(Forbidden):
        second_factor.reset(user.id, by=acting(make.user("reviewer")))
    with pytest.raises(Conflict) as own:
        second_factor.reset(admin.id, by=acting(admin))
    second_factor.reset(user.id, by=acting(admin))
    with pytest.raises(Conflict) as again:
        second_factor.reset(user.id, by=SYSTEM)
    assert (own.value.code, again.value.code) == ("own_user", "no_second_factor")
    assert second_factor.recovery_codes_left(user.id) == 0
    assert half(user).offered_secret is not None
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "second_factor.reset")).one()
    assert (entry.subject_id, entry.actor_id) == (user.id, admin.id)


def test_another_password_leaves_the_factor_on(make: Factory) -> None:
    """A forgotten password is replaced by an admin: no way around the factor."""
    user, admin = make.user("reviewer"), make.user("admin")
    service.set_password(user.id, by=acting(admin), password="another good one")
    started = sign_in.by_password(user.email, "another good one", place=HERE)
    assert started is not None
    assert not started.session.is_authenticated
    assert started.session.offered_secret is None
    assert prove(user, authenticators.code(user)) is Proof.APP


def test_what_is_weighty_needs_a_fresh_code(make: Factory) -> None:
    admin, reviewer = make.user("admin"), make.user("reviewer")
    owner = make.user("owner", make.account())
    by = stale(admin)

    def create(role: Role, account_id: UUID | None) -> User:
        email = f"{role}@new.example"
        return service.create_user(by=by, email=email, name="N", role=role, account_id=account_id, password=PASSWORD)

    for weighty in (
        lambda: service.change_role(owner.id, by=by, role=Role.VIEWER),
        lambda: service.set_password(owner.id, by=by, password="another good one"),
        lambda: second_factor.reset(reviewer.id, by=by),
        lambda: tokens.issue_token(admin.id, by=by, name="mine"),
        lambda: create(Role.ADMIN, None),
        lambda: create(Role.MEMBER, owner.account_id),
        lambda: service.set_enabled(owner.id, by=by, enabled=False),
        lambda: sign_in.remove_factor(PASSWORD, by=by),
        lambda: sign_in.renew_recovery_codes(PASSWORD, by=by),
    ):  # fmt: skip
        with pytest.raises(ConfirmationRequired) as refusal:
            weighty()
        assert (refusal.value.status, refusal.value.code) == (403, "confirmation_required")
    assert session.get_one(User, owner.id).role == "owner"


def test_a_confirmation_lasts_five_minutes_in_its_session(make: Factory) -> None:
    admin = make.user("admin")
    start = clock.now()
    with clock.set_to(start):
        by = stale(admin)
        other, _ = sessions.start_session(admin, place=HERE, authenticated=True)
        row = session.get_one(UserSession, by.session_id)
        with pytest.raises(Invalid):
            sign_in.confirm(row, "000000", by=by)
        sign_in.confirm(row, authenticators.code(admin), by=by)
    for minutes, expected in ((0, False), (5, False), (5.1, True)):
        with clock.set_to(start + timedelta(minutes=minutes)):
            assert sessions.needs_confirmation(session.get_one(UserSession, by.session_id)) is expected
            assert sessions.needs_confirmation(session.get_one(UserSession, other.id))


def test_the_password_shown_again_is_throttled_too(make: Factory) -> None:
    user = make.user("owner", make.account())
    row, _ = sessions.start_session(user, place=HERE, authenticated=True)
    by = HERE.actor(user, session_id=row.id)
    codes = []
    for _ in range(7):
        with pytest.raises((Invalid, TooManyAttempts)) as refusal:
            sign_in.change_own_password(by=by, current="a wrong password", password="another good one")
        codes.append(refusal.value.code)
    assert codes == ["wrong_password"] * 5 + ["too_many_attempts"] * 2


def test_secrets_and_codes_stay_out_of_the_audit_log(make: Factory) -> None:
    user = make.user("admin")
    secret = sealer.unseal(session.get_one(SecondFactor, user.id).sealed_secret, bound_to=user.id)
    codes = second_factor.renew_recovery_codes(by=acting(user))
    typed = authenticators.code(user)
    sign_in.by_code(half(user), typed, place=HERE)
    prove(user, codes[0])
    written = " ".join(str(entry.changes) for entry in session.scalars(select(AuditEntry)))
    planted = [secret, typed, *codes, *(code.replace("-", "") for code in codes)]
    assert [word for word in planted if f"'{word}'" in written or (len(word) > 6 and word in written)] == []
