"""API tokens: shown once, kept as a hash, dead at once when they must be."""

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from portal.accounts import second_factor, service, tokens
from portal.accounts.models import ApiToken, User
from portal.accounts.queries import live_tokens
from portal.accounts.token_format import hash_of, is_well_formed, new_secret
from portal.foundation import clock
from portal.foundation.access import PERMISSIONS, SCOPES, Permission, Role, Scope, scopes_of
from portal.foundation.actor import Actor
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session, transaction
from portal.foundation.ids import new_id
from portal.foundation.refusals import Conflict, Forbidden, Invalid, NotFound, NotSignedIn
from portal.foundation.tenancy import across_accounts
from tests.engines import listening
from tests.factories import SYSTEM, Factory, acting

pytestmark = pytest.mark.usefixtures("domain")


def test_only_a_hash_is_kept(make: Factory) -> None:
    user = make.user("admin")
    token, secret = tokens.issue_token(user.id, by=acting(user), name="ledger")
    assert re.fullmatch("bp_live_[0-9A-Za-z]{49}", secret)
    kept = [str(value) for row in session.execute(select(ApiToken.__table__)) for value in row]
    with across_accounts():
        written = [str(entry.changes) for entry in session.scalars(select(AuditEntry))]
    assert any("ledger" in changes for changes in written)
    kept += written
    assert [value for value in kept if secret in value or secret[8:] in value] == []
    assert token.hint == secret[-4:]
    found = tokens.find_live_token(secret)
    assert found is not None
    assert (found.id, found.user.id) == (token.id, user.id)


def test_a_token_ends_with_its_time_its_user_or_its_revocation(make: Factory) -> None:
    user, admin = make.user("reviewer"), make.user("admin")
    _, short = tokens.issue_token(user.id, by=acting(user), name="short", days=1)
    gone, revoked = tokens.issue_token(user.id, by=acting(user), name="gone")
    tokens.revoke_token(gone.id, by=acting(user))
    assert tokens.find_live_token(revoked) is None
    assert tokens.find_live_token(short) is not None
    with clock.set_to(clock.now() + timedelta(days=1, seconds=1)):
        assert tokens.find_live_token(short) is None
    service.set_enabled(user.id, by=acting(admin), enabled=False)
    assert tokens.find_live_token(short) is None
    with pytest.raises(Conflict):
        tokens.issue_token(user.id, by=acting(user), name="late")


@pytest.mark.parametrize("secret", ["", "bp_", "bp_wrong", "x" * 10_000, "bp_é", "\ud800"])
def test_an_unknown_token_is_nobodys(secret: str) -> None:
    assert tokens.find_live_token(secret) is None


def test_tokens_are_their_users_own(make: Factory) -> None:
    account = make.account()
    mine, other = make.user("owner", account), make.user("member", account)
    token, secret = tokens.issue_token(mine.id, by=acting(mine), name="mine")
    with pytest.raises(Forbidden):
        tokens.issue_token(mine.id, by=acting(other), name="stolen")
    with pytest.raises(NotFound):
        tokens.revoke_token(token.id, by=acting(other))
    assert tokens.find_live_token(secret) is not None
    assert [found.name for found in live_tokens(mine.id)] == ["mine"]
    assert live_tokens(other.id) == []


@pytest.mark.parametrize(
    ("name", "days", "field"), [("", None, "name"), ("x" * 101, None, "name"), ("x", 0, "days"), ("x", 3651, "days")]
)
def test_bad_input_is_refused_at_its_field(name: str, days: int | None, field: str, make: Factory) -> None:
    user = make.user("admin")
    with pytest.raises(Invalid) as refusal:
        tokens.issue_token(user.id, by=acting(user), name=name, days=days)
    assert [error.field for error in refusal.value.errors] == [field]


def test_the_last_use_is_noted_to_ten_minutes(make: Factory) -> None:
    user = make.user("admin")
    token, secret = tokens.issue_token(user.id, by=acting(user), name="x")
    first = clock.now()
    for minutes, expected in ((0, 0), (9, 0), (11, 11)):
        moment = first + timedelta(minutes=minutes)
        with clock.set_to(moment):
            tokens.find_live_token(secret)
        assert session.get_one(ApiToken, token.id).last_used_at == first + timedelta(minutes=expected)


def test_a_user_has_so_many_live_tokens_at_most(make: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_LIVE_TOKENS", 2)
    user, other = make.user("owner", make.account()), make.user("owner", make.account())
    first, _ = tokens.issue_token(user.id, by=acting(user), name="one")
    tokens.issue_token(user.id, by=acting(user), name="two")
    with pytest.raises(Conflict) as refusal:
        tokens.issue_token(user.id, by=acting(user), name="three")
    assert refusal.value.code == "too_many_tokens"
    tokens.issue_token(other.id, by=acting(other), name="another's")
    tokens.revoke_token(first.id, by=acting(user))
    tokens.issue_token(user.id, by=acting(user), name="three")


@pytest.mark.parametrize("why", ["locked out", "another password by an admin", "factor reset"])
def test_tokens_end_for_good_with_what_they_were_trusted_for(why: str, make: Factory) -> None:
    user = make.user("owner", make.account(), second_factor=True)
    secret = make.token(user)
    if why == "locked out":
        service.set_enabled(user.id, by=SYSTEM, enabled=False)
        service.set_enabled(user.id, by=SYSTEM, enabled=True)
    elif why == "factor reset":
        second_factor.reset(user.id, by=SYSTEM)
    else:
        service.set_password(user.id, by=SYSTEM, password="another good one")
    assert tokens.find_live_token(secret) is None


def by_token(user: User, secret: str) -> Actor:
    """Whoever comes with this token."""
    token = tokens.find_live_token(secret)
    assert token is not None
    return replace(acting(user), scopes=token.granted, token_id=token.id)


def issued(user: User, **more: Any) -> tuple[ApiToken, str]:
    return tokens.issue_token(user.id, by=acting(user), name="x", **more)


def test_a_tokens_shape_tells_it_from_everything_else(app: Flask, make: Factory) -> None:
    """The checksum refuses what was mistyped, and what only looks like one, without asking the database."""
    _, secret = issued(make.user("admin"))
    swapped = secret[:20] + secret[21] + secret[20] + secret[22:] if secret[20] != secret[21] else secret[:-1]
    wrong = (swapped, secret[:-1], secret + "0", secret.lower(), f" {secret}", secret.replace("live", "test"))
    assert [one for one in wrong if is_well_formed(one)] == []
    asked: list[str] = []
    with listening(app, "before_cursor_execute", lambda *told: asked.append(told[2])):
        assert [tokens.find_live_token(one) for one in wrong] == [None] * len(wrong)
        assert asked == []
        assert tokens.find_live_token(secret) is not None
    assert asked != []


def test_the_checksum_is_that_of_zlib() -> None:
    """Worked out by another way of writing numbers, so that scanners can do it too."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for _ in range(50):
        secret = new_secret()
        assert sum(62**place * alphabet.index(sign) for place, sign in enumerate(secret[:-7:-1])) == crc32(
            secret[:-6].encode()
        )


def test_tokens_of_before_go_on(make: Factory) -> None:
    """``bp_`` and 43 characters, without a checksum, a hint and scopes."""
    user = make.user("admin")
    older = "bp_" + "".join(secrets.choice("abc_-XYZ019") for _ in range(43))
    with transaction() as unit:
        unit.add(ApiToken(user_id=user.id, name="older", secret_hash=hash_of(older)))
    found = tokens.find_live_token(older)
    assert found is not None
    assert (found.hint, found.granted, found.user_id) == (None, None, user.id)


def test_a_confined_token_needs_role_and_scope(make: Factory) -> None:
    user = make.user("reviewer")
    actor = by_token(user, issued(user, scopes=["payments:read", "payments:decide", "payments:read"])[1])
    assert actor.scopes == frozenset({Scope.PAYMENTS_READ, Scope.PAYMENTS_DECIDE})
    may = {permission for permission in Permission if actor.may(permission)}
    assert may == {Permission.PAYMENT_READ, Permission.PAYMENT_LOOK_UP, Permission.PAYMENT_DECIDE}  # no refund
    with pytest.raises(Forbidden) as refusal:
        actor.must(Permission.INVOICE_READ)
    assert (refusal.value.code, refusal.value.details) == ("scope_missing", {"scope": "invoices:read"})
    with pytest.raises(Forbidden) as refusal:
        actor.must(Permission.PAYMENT_REFUND)
    assert refusal.value.code == "forbidden"


def test_a_token_without_scopes_may_what_its_user_may(make: Factory) -> None:
    user = make.user("viewer", make.account())
    actor = by_token(user, issued(user)[1])
    assert {p for p in Permission if actor.may(p)} == PERMISSIONS[Role.VIEWER]


def test_every_permission_has_its_scope() -> None:
    assert set(SCOPES) == set(Permission)
    assert set(Scope) - set(SCOPES.values()) <= {Scope.WEBHOOKS_WRITE}
    assert scopes_of(Role.VIEWER) == [
        Scope.PAYMENTS_READ, Scope.INVOICES_READ, Scope.ACCOUNT_READ, Scope.TOKENS_WRITE,
    ]  # fmt: skip


def test_a_word_that_this_release_does_not_know_grants_nothing(make: Factory) -> None:
    """As after a step back to an older release: neither everything nor a failure."""
    user = make.user("owner", make.account())
    with transaction() as unit:
        unit.add(ApiToken(user_id=user.id, name="x", secret_hash=hash_of("y"), scopes="invoices:read moon:walk"))
    assert live_tokens(user.id)[0].granted == frozenset({Scope.INVOICES_READ})


@pytest.mark.parametrize("scopes", [[], ["payments:decide"], ["moon:walk"], ["payments:read", ""], ["PAYMENTS:READ"]])
def test_scopes_that_are_none_for_the_role_are_refused(scopes: list[str], make: Factory) -> None:
    user = make.user("owner", make.account())
    with pytest.raises(Invalid) as refusal:
        issued(user, scopes=scopes)
    assert [error.field for error in refusal.value.errors] == ["scopes"]


def test_a_token_issues_no_more_than_it_has(make: Factory) -> None:
    user = make.user("owner", make.account())
    narrow = by_token(user, issued(user, scopes=["payments:read", "tokens:write"], days=10)[1])
    for more in (None, ["invoices:read"], ["payments:read", "payments:write"]):
        with pytest.raises(Forbidden) as refusal:
            tokens.issue_token(user.id, by=narrow, name="x", days=1, scopes=more)
        assert refusal.value.code == "scope_missing"
    for days in (None, 11, 3650):
        with pytest.raises(Invalid) as too_long:
            tokens.issue_token(user.id, by=narrow, name="x", days=days, scopes=["payments:read"])
        assert [error.field for error in too_long.value.errors] == ["days"]
    made, _ = tokens.issue_token(user.id, by=narrow, name="x", days=9, scopes=["payments:read"])
    assert (made.scopes, len(live_tokens(user.id))) == ("payments:read", 2)


def test_a_token_without_the_scope_for_it_issues_nothing(make: Factory) -> None:
    user = make.user("owner", make.account())
    reader = by_token(user, issued(user, scopes=["payments:read"])[1])
    with pytest.raises(Forbidden):
        tokens.issue_token(user.id, by=reader, name="x", days=1, scopes=["payments:read"])
    for token in live_tokens(user.id):
        with pytest.raises(NotFound):
            tokens.rotate_token(token.id, by=reader)
        with pytest.raises(NotFound):
            tokens.revoke_token(token.id, by=reader)


def test_a_token_that_is_not_confined_passes_on_its_end(make: Factory) -> None:
    user = make.user("owner", make.account())
    short = by_token(user, issued(user, days=2)[1])
    with pytest.raises(Invalid):
        tokens.issue_token(user.id, by=short, name="x")
    assert tokens.issue_token(user.id, by=short, name="x", days=1)[0].scopes is None


def test_a_token_that_was_just_revoked_issues_nothing(make: Factory) -> None:
    """The request was let in, and the token ended before its turn came."""
    user = make.user("owner", make.account())
    token, secret = issued(user)
    actor = by_token(user, secret)
    tokens.revoke_token(token.id, by=acting(user))
    other, _ = issued(user)
    with pytest.raises(NotSignedIn):
        tokens.issue_token(user.id, by=actor, name="x")
    with pytest.raises(NotSignedIn):
        tokens.rotate_token(other.id, by=actor)


def test_a_rotated_token_goes_on_for_the_overlap(make: Factory) -> None:
    user = make.user("owner", make.account())
    with clock.set_to(clock.now() - timedelta(days=20)):
        old, old_secret = issued(user, days=30, scopes=["invoices:read"])
    before = old.expires_at
    moment = clock.now()
    with clock.set_to(moment):
        new, new_secret = tokens.rotate_token(old.id, by=acting(user))
    assert (new.name, new.scopes, new.rotated_from) == ("x", "invoices:read", old.id)
    assert (new.expires_at, old.expires_at) == (moment + timedelta(days=30), moment + timedelta(hours=24))
    assert before is not None
    for hours, works in ((23, True), (25, False)):
        with clock.set_to(moment + timedelta(hours=hours)):
            assert (tokens.find_live_token(old_secret) is not None) == works
            assert tokens.find_live_token(new_secret) is not None
    with across_accounts():
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "token.rotated")).all()
    assert [entry.subject_id for entry in entries] == [old.id]
    assert entries[0].changes["successor"] == str(new.id)


def test_an_overlap_prolongs_nothing_and_may_be_none(make: Factory) -> None:
    user = make.user("owner", make.account())
    short, _ = issued(user, days=1)
    end = short.expires_at
    tokens.rotate_token(short.id, by=acting(user), overlap=timedelta(days=7))
    assert short.expires_at == end
    _, gone = issued(user)
    token = tokens.find_live_token(gone)
    assert token is not None
    tokens.rotate_token(token.id, by=acting(user), overlap=timedelta())
    assert tokens.find_live_token(gone) is None
    for overlap in (timedelta(seconds=-1), timedelta(days=7, seconds=1)):
        with pytest.raises(Invalid):
            tokens.rotate_token(short.id, by=acting(user), overlap=overlap)


def test_a_token_is_rotated_once_and_while_it_lives(make: Factory) -> None:
    account = make.account()
    user = make.user("owner", account)
    token, _ = issued(user)
    successor, _ = tokens.rotate_token(token.id, by=acting(user))
    with pytest.raises(Conflict) as refusal:
        tokens.rotate_token(token.id, by=acting(user))
    assert refusal.value.code == "token_rotated"
    tokens.revoke_token(successor.id, by=acting(user))
    with pytest.raises(Conflict) as refusal:
        tokens.rotate_token(successor.id, by=acting(user))
    assert refusal.value.code == "token_ended"
    for stranger in (make.user("member", account), make.user("owner", make.account()), make.user("reviewer")):
        with pytest.raises(NotFound):
            tokens.rotate_token(issued(user)[0].id, by=acting(stranger))


def test_a_token_that_rotates_itself_does_not_live_longer(make: Factory) -> None:
    """Only a person prolongs: a stolen token must not keep itself alive."""
    user = make.user("owner", make.account())
    token, secret = issued(user, days=3)
    actor = by_token(user, secret)
    with clock.set_to(clock.now() + timedelta(days=2)):
        end = token.expires_at
        successor, _ = tokens.rotate_token(token.id, by=actor)
    assert successor.expires_at == end
    wide, _ = issued(user)
    narrow = by_token(user, issued(user, scopes=["tokens:write"])[1])
    with pytest.raises(Forbidden) as refusal:
        tokens.rotate_token(wide.id, by=narrow)
    assert refusal.value.code == "scope_missing"


def test_rotating_needs_no_free_place_but_its_own(make: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_LIVE_TOKENS", 2)
    user = make.user("owner", make.account())
    first, second = issued(user)[0], issued(user)[0]
    tokens.rotate_token(first.id, by=acting(user))
    with pytest.raises(Conflict) as refusal:
        tokens.rotate_token(second.id, by=acting(user))
    assert refusal.value.code == "too_many_tokens"


def test_where_it_was_used_last_is_noted(make: Factory) -> None:
    token, secret = issued(make.user("admin"))
    first, seen = clock.now(), []
    for seconds, address in ((0, "192.0.2.1"), (59, "192.0.2.2"), (61, "192.0.2.2"), (600, "192.0.2.2")):
        with clock.set_to(first + timedelta(seconds=seconds)):
            tokens.find_live_token(secret, address=address)
        session.expire_all()
        found = session.get_one(ApiToken, token.id)
        assert found.last_used_at is not None
        seen.append(((found.last_used_at - first).seconds, found.last_used_address))
    assert seen == [(0, "192.0.2.1"), (0, "192.0.2.1"), (61, "192.0.2.2"), (61, "192.0.2.2")]


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": None}, {"scopes": "payments:decide"}, {"expires_at": None}, {"secret_hash": "0" * 64},
        {"expires_at": datetime(2100, 1, 1, tzinfo=UTC)}, {"rotated_from": new_id()}, {"user_id": "another"},
    ],
    ids="-".join,
)  # fmt: skip
def test_the_database_lets_no_grant_grow(change: dict[str, Any], make: Factory) -> None:
    user, other = make.user("reviewer"), make.user("admin")
    token, _ = issued(user, days=1, scopes=["invoices:read"])
    values = {"user_id": other.id} if "user_id" in change else change
    with pytest.raises(IntegrityError), transaction() as unit:
        unit.execute(update(ApiToken).where(ApiToken.id == token.id).values(values))


def test_two_rotations_of_one_moment_make_one_successor(app: Flask, make: Factory) -> None:
    user = make.user("owner", make.account())
    token, _ = issued(user)

    def rotate() -> str:
        with app.app_context(), across_accounts():
            try:
                tokens.rotate_token(token.id, by=acting(user))
            except Conflict as refusal:
                return refusal.code
        return "rotated"

    session.remove()
    with ThreadPoolExecutor(4) as pool:
        outcomes = [pool.submit(rotate) for _ in range(4)]
    assert sorted(one.result() for one in outcomes) == ["rotated"] + ["token_rotated"] * 3
