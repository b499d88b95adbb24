"""Locks are taken on the row itself: PostgreSQL refuses to lock what an outer join may leave empty."""

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import joinedload

from portal.accounts.models import User
from portal.foundation.db import locked, transaction
from portal.foundation.ids import new_id
from tests.factories import Factory

pytestmark = pytest.mark.usefixtures("domain")


def test_a_locked_row_is_read_afresh(make: Factory) -> None:
    user = make.user("admin", name="Ada")
    with transaction():
        found = locked(User, user.id)
        assert found is not None
        assert (found.name, locked(User, new_id())) == ("Ada", None)


def test_only_the_row_is_locked() -> None:
    statement = select(User).options(joinedload(User.account)).with_for_update(of=User)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert str(statement.compile(dialect=dialect)).endswith("FOR UPDATE OF users")
