"""One way to write: a unit that holds its lock from the start."""

import contextlib
from datetime import datetime

import pytest
from sqlalchemy import select, text

from portal.accounts.models import PortalFact
from portal.foundation.db import session, transaction

pytestmark = pytest.mark.usefixtures("domain")


def test_a_unit_commits_all_or_nothing() -> None:
    with transaction() as unit:
        unit.add(PortalFact(name="kept", value="1"))
    with pytest.raises(ZeroDivisionError), transaction() as unit:
        unit.add(PortalFact(name="lost", value="1"))
        unit.flush()
        raise ZeroDivisionError
    assert session.scalars(select(PortalFact.name)).all() == ["kept"]


def test_an_inner_unit_belongs_to_the_outer_one() -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        with transaction() as unit:
            unit.add(PortalFact(name="lost", value="1"))
        raise ZeroDivisionError
    assert session.scalars(select(PortalFact.name)).all() == []


def test_rows_are_written_inside_a_unit_only() -> None:
    session.add(PortalFact(name="stray", value="1"))
    with pytest.raises(RuntimeError, match="inside transaction"):
        session.flush()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_is_durable_and_strict() -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers", "busy_timeout")
    assert [session.scalar(text(f"PRAGMA {name}")) for name in names] == ["wal", 2, 1, 1, 3000]


def test_moments_without_a_time_zone_are_refused() -> None:
    from portal.accounts.models import ApiToken

    with pytest.raises(Exception, match="without a time zone"):
        session.execute(select(ApiToken).where(ApiToken.created_at == datetime(2026, 1, 1)))


def test_what_joined_a_unit_and_failed_undoes_the_whole_of_it() -> None:
    """Also when the failure is swallowed on the way: half of a unit is never committed."""
    with pytest.raises(RuntimeError, match="cannot be committed"), transaction() as unit:
        unit.add(PortalFact(name="before", value="1"))
        with contextlib.suppress(ZeroDivisionError), transaction():
            raise ZeroDivisionError
    with pytest.raises(RuntimeError, match="inside transaction"), transaction() as unit:
        with contextlib.suppress(ZeroDivisionError), transaction():
            raise ZeroDivisionError
        unit.add(PortalFact(name="after", value="1"))
        unit.flush()
    assert session.scalars(select(PortalFact.name)).all() == []
    with transaction() as unit:
        unit.add(PortalFact(name="later", value="1"))
    assert session.scalars(select(PortalFact.name)).all() == ["later"]
