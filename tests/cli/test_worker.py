"""What the worker does besides sending."""

from flask import Flask
from sqlalchemy import select

from portal.accounts.models import PortalFact
from portal.cli import worker
from portal.foundation.db import session


def test_it_keeps_how_long_decisions_take(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["worker", "--once"])
    assert (result.exit_code, result.output) == (0, "")
    with app.app_context():
        assert session.scalars(select(PortalFact.name)).all() == ["decision_times"]


def test_what_is_done_seldom_is_not_done_at_each_look() -> None:
    done: list[int] = []
    often, seldom = (worker.seldom(lambda: done.append(1), seconds) for seconds in (0, 60))
    for _ in range(3):
        often()
    assert len(done) == 3
    for _ in range(3):
        seldom()
    assert len(done) == 4
