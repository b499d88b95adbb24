"""Accounts take turns on one connection with the portal's filter gone: 2,400 requests by a pool, and by PgBouncer."""

import pytest

from tests import postgres
from tests.foundation.conftest import unfiltered
from tests.foundation.test_pooled_connections import by_one_connection, through_pgbouncer
from tests.torture.scale import scaled

__all__ = ["unfiltered"]
pytestmark = pytest.mark.usefixtures("unfiltered")


def test_one_connection_serves_both_accounts_in_turn(server: postgres.Server, migrated_template: str) -> None:
    by_one_connection(server, migrated_template, scaled(2400))


def test_pgbouncer_in_transaction_mode_mixes_no_accounts(server: postgres.Server, migrated_template: str) -> None:
    through_pgbouncer(server, migrated_template, scaled(2400))
