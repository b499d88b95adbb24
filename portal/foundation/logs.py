"""Logs: one event a line, in one form for all that is logged here and in libraries.

Nothing leaves except through ``_steps``: what is secret is taken out there, and no text can begin a line of its own.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from portal.foundation.redaction import GONE, is_secret_name, redact

LEVELS = ("debug", "info", "warning", "error")

SERVER_LOGS = {
    "loggers": {name: {"handlers": [], "propagate": True} for name in ("_granian", "granian.access")},
}
"""What the server adds to its own logging configuration, so that its lines leave through ours."""

# Ids of ours, already in a form that can hold nothing else. A UUID may look like a card number by chance.
_SAFE = frozenset({"timestamp", "level", "request_id", "actor_id", "account_id"})
# Control characters, line separators and marks that turn the direction: no text may look like another line.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment: tests and servers replace it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _stream: TextIO) -> None:
        """What stderr is decides itself."""


_handler = _Stderr()


def set_up(*, level: str, as_json: bool) -> None:
    """Send all that this process logs through one handler: JSON for programs, or lines for people.

    Raises ValueError for a level that there is not. A second call replaces what the first set.
    """
    if level not in LEVELS:
        raise ValueError(f"the log level is one of {', '.join(LEVELS)}, not “{level}”")
    structlog.configure(
        processors=[*_BOTH, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    _handler.setFormatter(formatter(as_json=as_json))
    root = logging.getLogger()
    if _handler not in root.handlers:
        root.addHandler(_handler)
        _handler.addFilter(_is_wanted)
    root.setLevel(level.upper())
    for library in ("alembic", "asyncio", "PIL"):
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def formatter(*, as_json: bool) -> logging.Formatter:
    """What turns a record of any logger into its line."""
    render: Processor = (
        structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
        )
    )
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_BOTH, processors=[*_steps(), render])


def _steps() -> tuple[Processor, ...]:
    return (
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _clean,
        structlog.processors.ExceptionRenderer(_told),
        _in_order,
    )


def _is_wanted(record: logging.LogRecord) -> bool:
    """The development server's own access line shows the raw address, with whatever stands in it; ours tells more."""
    return not (record.name == "werkzeug" and isinstance(record.msg, str) and " - - [" in record.msg)


def _clean(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take out what is secret by its name or its shape, and what could end the line."""
    return {name: value if name == "exc_info" else _cleaned(name, value) for name, value in event.items()}


def _cleaned(name: str, value: Any) -> Any:
    if is_secret_name(name):
        return GONE
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {str(key): _cleaned(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_cleaned("", inner) for inner in value]
    text = str(value)
    return _UNSEEN.sub(_escape, text if name in _SAFE else redact(text))


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode("ascii")


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """When, how grave and what first: that is what people look for."""
    first = {name: event.pop(name) for name in ("timestamp", "level", "event", "request_id") if name in event}
    return {**first, **event}


def _told(exc_info: ExcInfo) -> str:
    """The error with the way that it came, but without the values of variables and statements."""
    return "".join(_chain(exc_info[1], set())).rstrip("\n")


def _chain(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """The error's causes, then the error itself, as Python orders them."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield from _chain(error.__cause__ or (None if error.__suppress_context__ else error.__context__), seen)
    yield from traceback.format_tb(error.__traceback__)
    kind = type(error)
    yield f"{kind.__module__}.{kind.__qualname__}: {_UNSEEN.sub(_escape, redact(_message(error)))}\n"


def _message(error: BaseException) -> str:
    """What the error says. PostgreSQL repeats the row that it refuses in what it says: of it only the rule is kept."""
    statement = getattr(error, "statement", None)
    cause = getattr(error, "orig", error)
    diagnosis = getattr(cause, "diag", None)
    if diagnosis is None or diagnosis.sqlstate is None:
        return str(cause) + (f" [{statement}]" if statement else "")
    # Errors of class 22 quote the value that they refuse.
    said = "" if diagnosis.sqlstate.startswith("22") else diagnosis.message_primary
    parts = (f"SQLSTATE {diagnosis.sqlstate}", said, diagnosis.constraint_name, statement)
    return " · ".join(part for part in parts if part)


_BOTH: list[Callable[..., Any]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
