"""What can be done to endpoints, where two do it at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from portal.foundation.db import transaction
from portal.foundation.refusals import Conflict
from portal.webhooks import delivering
from portal.webhooks.service import MAX_ENDPOINTS, reseal_secrets
from tests.webhooks.conftest import World


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_eight_endpoints_at_once_are_no_more_than_there_may_be(world: World, who: str) -> None:
    user, start = getattr(world, who), Barrier(8, timeout=60)
    for _ in range(MAX_ENDPOINTS - 1):
        world.endpoint(user)

    def name_one(_number: int) -> str:
        start.wait()
        try:
            world.endpoint(user)
        except Conflict as refusal:
            return refusal.code
        return "named"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(name_one, range(8)))
    assert sorted(outcomes) == ["named", *["too_many_webhook_endpoints"] * 7]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_nothing_waits_for_secrets_that_are_sealed_anew(world: World) -> None:
    """Messages are handed out to their endpoints meanwhile: rows that refer to a locked one do not wait for it."""
    world.endpoint()
    world.make.invoice(world.account)

    def hand_out() -> int:
        with world.worker():
            return delivering.hand_out()

    with ThreadPoolExecutor(1) as pool, world.worker(), transaction():
        reseal_secrets()
        assert pool.submit(hand_out).result(timeout=10) == 1
    assert len(world.deliveries()) == 1
