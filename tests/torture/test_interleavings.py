"""Every pair of state-changing operations on PostgreSQL, in all orders of their statements.

TORTURE below 1 plays that share of each operation's pairs.
"""

from collections.abc import Callable

import pytest

from tests.billing.test_interleavings import theatre as theatre  # noqa: PLC0414 - the fixture
from tests.torture.pairs import Theatre
from tests.torture.scale import scaled

OPERATIONS = 78
MOST = 5_000
"""Orders of a pair. Two pairs have more: of operations that are several units each, and meet in every one of them."""


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("place", range(OPERATIONS))
def test_every_pair_in_every_order(theatre: Theatre, place: int, record_property: Callable[..., None]) -> None:
    names = list(theatre.scene.operations())
    assert len(names) == OPERATIONS
    others = names[place:]
    verdicts = [theatre.play(names[place], other, most=MOST) for other in others[: scaled(len(others))]]
    orders, cut = (sum(getattr(verdict, name) for verdict in verdicts) for name in ("orders", "cut"))
    more = [verdict.pair for verdict in verdicts if verdict.orders == MOST]
    told = f"{len(verdicts)} operations: {orders} orders, {cut} cut short as like another"
    record_property(names[place], f"× {told}{f', and more of {more}' if more else ''}")
    assert {verdict.pair: verdict.wrong for verdict in verdicts if verdict.wrong} == {}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("submit paid", "void free"),
        ("void free", "void free"),
        ("submit free", "void free"),
        ("end session", "end sessions"),
        ("issue token", "revoke token"),
    ],
)
def test_orders_that_are_left_out_end_like_those_that_are_tried(
    theatre: Theatre, one: str, other: str, record_property: Callable[..., None]
) -> None:
    tried, every = theatre.play(one, other), theatre.play(one, other, all_orders=True)
    record_property(tried.pair, f"{tried.orders} orders tried of {every.orders}")
    assert tried.endings == every.endings
    assert tried.orders < every.orders
