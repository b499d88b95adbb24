"""Counts of requests that all processes and machines share, in a Redis."""

from time import monotonic

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from portal.http.counts import WINDOW, OwnCounts

_PATIENCE = 0.25
"""Seconds that a request waits for the Redis at most."""
_PAUSE = 10.0
"""Seconds for which it is left alone when it did not answer."""
log = structlog.get_logger("portal.rates")


class SharedCounts:
    """Of all processes and machines together, in a Redis.

    While it is not there, each process counts for itself: the portal goes on, and nobody asks without end.
    """

    def __init__(self, address: str) -> None:
        self._redis = Redis.from_url(
            address, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=Retry(NoBackoff(), 0)
        )
        self._own = OwnCounts()
        self._asked_again_at = 0.0

    def add(self, key: str, window: int) -> int:
        """Count one more; how many there are now."""
        if monotonic() >= self._asked_again_at:
            try:
                return self._add(f"portal:rate:{window}:{key}")
            except RedisError as error:
                self._asked_again_at = monotonic() + _PAUSE
                log.warning("rate limits: the shared counts do not answer, each process counts alone", why=str(error))
        return self._own.add(key, window)

    def _add(self, name: str) -> int:
        with self._redis.pipeline() as pipe:
            pipe.incr(name)
            pipe.expire(name, 2 * WINDOW)
            number, _ = pipe.execute()
        return int(number)
