"""API tokens: shown once, kept as a hash, dead at once when they must be."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.accounts import second_factor, service, tokens
from portal.accounts.models import ApiToken
from portal.accounts.queries import live_tokens
from portal.foundation import clock
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.refusals import Conflict, Forbidden, Invalid, NotFound
from portal.foundation.tenancy import across_accounts
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
        tokens.issue_token(user.id, by=acting(admin), name="late")


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
