"""Logs: one event a line, whoever logs it, and nothing in it that must not be read."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal.foundation import logs
from tests import postgres

TOKEN = "bp_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6"
log = structlog.get_logger("portal.tests")
Lines = Callable[[], list[str]]


@pytest.fixture
def written() -> Iterator[Callable[[bool], Lines]]:
    """Collects what is written, as JSON or as lines for people."""
    handlers = []
    root = logging.getLogger()

    def collect(as_json: bool) -> Lines:
        logs.set_up(level="info", as_json=as_json)
        stream = io.StringIO()
        handlers.append(logging.StreamHandler(stream))
        handlers[-1].setFormatter(logs.formatter(as_json=as_json))
        root.addHandler(handlers[-1])
        return lambda: stream.getvalue().splitlines()

    yield collect
    for handler in handlers:
        root.removeHandler(handler)
    logs.set_up(level="info", as_json=False)


def test_our_lines_and_a_librarys_are_of_one_form(written: Callable[[bool], Lines]) -> None:
    lines = written(True)
    with structlog.contextvars.bound_contextvars(request_id="abcdefgh"):
        log.info("payment approved", amount=4900)
        logging.getLogger("a.library").warning("slow: %s s", 3)
        logging.getLogger("a.library").info("a detail")
    ours, theirs, detail = (json.loads(line) for line in lines())
    assert list(ours)[:4] == ["timestamp", "level", "event", "request_id"]
    assert (ours["level"], ours["event"], ours["request_id"], ours["amount"]) == (
        "info", "payment approved", "abcdefgh", 4900,
    )  # fmt: skip
    assert (theirs["level"], theirs["event"], theirs["request_id"], theirs["logger"]) == (
        "warning", "slow: 3 s", "abcdefgh", "a.library",
    )  # fmt: skip
    assert detail["event"] == "a detail"


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x00", "\x1b[2K"])
def test_no_text_begins_a_line_of_its_own(end: str, as_json: bool, written: Callable[[bool], Lines]) -> None:
    lines = written(as_json)
    forged = f"harmless{end}2026-01-01T00:00:00Z [info] payment approved"
    log.info(forged, reason=forged, nested={"list": [forged]})
    logging.getLogger("a.library").info("%s", forged)
    assert len(lines()) == 2
    assert all(end not in line for line in lines())


@pytest.mark.parametrize("as_json", [True, False])
def test_what_is_secret_is_taken_out_wherever_it_stands(as_json: bool, written: Callable[[bool], Lines]) -> None:
    lines = written(as_json)
    log.info("x", password="open sesame", details={"api_key": "open sesame", "plain": [f"use {TOKEN}", object()]})
    log.info(TOKEN, exception=f"{TOKEN}", request_id="kept as it is")
    logging.getLogger("a.library").error("refused %s", {"header": f"Bearer {TOKEN}"})
    everything = "\n".join(lines())
    assert "kept as it is" in everything
    assert "open sesame" not in everything
    assert TOKEN[3:] not in everything


def test_an_error_is_told_with_its_way_but_without_values(written: Callable[[bool], Lines]) -> None:
    lines = written(True)

    def fail(password: str) -> None:
        try:
            int(TOKEN)
        except ValueError as error:
            raise RuntimeError(f"first line\nsecond line {TOKEN}") from error

    try:
        fail(" ".join(("open", "sesame")))
    except RuntimeError:
        log.exception("request failed")
    told = json.loads(lines()[0])["exception"]
    assert "in fail" in told
    assert told.splitlines()[-1] == "builtins.RuntimeError: first line\\nsecond line bp_***"
    assert "builtins.ValueError" in told
    assert "open sesame" not in told
    assert TOKEN not in told


def test_causes_that_go_round_in_a_circle_are_told_once(written: Callable[[bool], Lines]) -> None:
    lines = written(True)
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    log.error("x", exc_info=one)
    assert json.loads(lines()[0])["exception"] == "builtins.ValueError: two\nbuiltins.ValueError: one"


STATEMENTS = {
    "unique": ("INSERT INTO people VALUES (:name, 2)", {"name": "open sesame"}),
    "check": ("INSERT INTO people VALUES (:name, -1)", {"name": "another sesame"}),
    "value": ("INSERT INTO people VALUES ('x', CAST(:name AS integer))", {"name": "sesame"}),
}


@pytest.mark.parametrize("kind", sorted(STATEMENTS))
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_databases_error_names_the_rule_and_not_the_row(
    database: str, kind: str, written: Callable[[bool], Lines], request: pytest.FixtureRequest
) -> None:
    lines = written(True)
    url = "sqlite://"
    if database == "postgresql":
        server: postgres.Server = request.getfixturevalue("server")
        url = server.url(server.create())
    engine = create_engine(url, hide_parameters=True)
    statement, values = STATEMENTS[kind]
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE people (name text PRIMARY KEY, n integer CONSTRAINT ck_n CHECK (n > 0))"))
        connection.execute(text("INSERT INTO people VALUES ('open sesame', 1)"))
        try:
            connection.execute(text(statement), values)
        except DBAPIError as error:
            assert kind == "value" or isinstance(error, IntegrityError)
            log.exception("request failed")
    engine.dispose()
    told: dict[str, Any] = json.loads(lines()[0])
    assert "sesame" not in str(told)
    assert "INSERT INTO people VALUES" in told["exception"]
    if kind == "check":
        assert "ck_n" in told["exception"]


def test_a_level_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="the log level is one of debug, info, warning, error, not “loud”"):
        logs.set_up(level="loud", as_json=True)


def test_the_level_hides_what_is_below(written: Callable[[bool], Lines]) -> None:
    lines = written(True)
    logs.set_up(level="warning", as_json=True)
    log.info("below")
    log.warning("at it")
    assert [json.loads(line)["event"] for line in lines()] == ["at it"]
