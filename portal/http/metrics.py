"""Figures for Prometheus. No ids and nothing of people in labels: routes by their template, steps by their names.

The server has several processes. Each keeps its figures in files of a folder (``PROMETHEUS_MULTIPROC_DIR``, set before
the processes start), so that whichever answers a scrape answers for all, and a killed one takes no count with it.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import structlog
from flask import Flask, Response, g, request
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal.billing.payments.models import PaymentEvent
from portal.billing.payments.queries import count_waiting
from portal.foundation.outages import outage
from portal.foundation.tenancy import across_accounts
from portal.mail.queries import count_unsent

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_STEPS = "portal_steps"
_ROOM = 1 << 20
"""Bytes: all routes with all statuses and buckets take some 700 KB."""

log = structlog.get_logger("portal.http")

requests = Counter("portal_requests", "Requests answered.", ["route", "method", "status"])
seconds = Histogram(
    "portal_request_seconds", "How long requests took.", ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip
outages = Counter("portal_database_outages", "Requests that the database did not serve, by why.", ["kind"])
payments = Counter("portal_payment_steps", "Steps of payments.", ["action", "from_status", "to_status"])


class _Now(Collector):
    """What is true at the moment of the scrape. Where the database is gone, that is all that there is to say."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        waiting = _waiting()
        yield GaugeMetricFamily(
            "portal_database_up", "Whether the database answers.", value=0 if waiting is None else 1
        )
        if waiting is not None:
            yield GaugeMetricFamily("portal_approval_queue", "Payments that wait for approval.", value=waiting.payments)
            mails = GaugeMetricFamily("portal_mails", "Mails that wait, or were given up lately.", labels=["state"])
            for state, number in waiting.mails.items():
                mails.add_metric([state], number)
            yield mails


def init_metrics(app: Flask) -> None:
    """Count the app's requests."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:  # a process that was not forked
        _make_room(Path(folder))
    app.after_request(_end)


def share_among_processes(folder: Path) -> None:
    """Keep the figures in the folder. Before the server's processes start, and before anything is counted."""
    os.environ[FOLDER_VARIABLE] = str(folder)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # it was chosen at the import, without the folder
    os.register_at_fork(after_in_child=partial(_make_room, folder))


def _make_room(folder: Path) -> None:
    """Write this process's files, full of zeros, before they are mapped into its memory.

    The library makes them of holes: where the disk is full, the first count that falls into one ends the process
    (SIGBUS). Without room the process counts for itself, and ``/metrics`` lacks it until it starts again.
    """
    files = [folder / f"{kind}_{os.getpid()}.db" for kind in ("counter", "histogram")]
    try:
        for file in files:
            file.write_bytes(bytes(_ROOM))
    except OSError as error:
        for file in files:
            file.unlink(missing_ok=True)
        values.ValueClass = values.MutexValue
        log.warning("figures of this process are not kept: no room for them", folder=str(folder), error=error.strerror)


def scrape() -> bytes:
    """All figures, in Prometheus' text format."""
    registry = CollectorRegistry()
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        multiprocess.MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    now = CollectorRegistry()
    now.register(_Now())
    return generate_latest(registry if folder else REGISTRY) + generate_latest(now)


def _end(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "none"
    method = request.method if request.method in _METHODS else "other"
    requests.labels(route, method, response.status_code).inc()
    seconds.labels(route, method).observe(perf_counter() - g.began)
    return response


@dataclass(frozen=True, slots=True)
class _Waiting:
    payments: int
    mails: dict[str, int]


def _waiting() -> _Waiting | None:
    try:
        with across_accounts():
            return _Waiting(count_waiting(), count_unsent())
    except SQLAlchemyError as error:
        if outage(error) is None:
            raise
        return None


@event.listens_for(Session, "after_flush")
def _note_steps(current: Session, _context: object) -> None:
    steps = [(row.action, row.from_status or "none", row.to_status) for row in current.new if type(row) is PaymentEvent]
    current.info.setdefault(_STEPS, []).extend(steps)


@event.listens_for(Session, "after_commit")
def _count_steps(current: Session) -> None:
    """Only what was committed counts; what nobody knows of does not."""
    for step in current.info.pop(_STEPS, ()):
        payments.labels(*step).inc()


@event.listens_for(Session, "after_rollback")
def _forget_steps(current: Session) -> None:
    current.info.pop(_STEPS, None)
