"""Input, read strictly: everything that is wrong with it is said at once, at its field."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn

from flask import Request
from marshmallow import RAISE, Schema, ValidationError, fields
from webargs.fields import DelimitedList
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from portal.foundation.refusals import FieldError, Invalid

MAX_DEPTH = 20
MOST_ERRORS = 100
"""An answer names so many inputs at fault, whatever came."""
_LONGEST_NAME = 100
_UNKNOWN = "Unknown field."  # marshmallow's own words

# marshmallow's words, as codes and words of ours.
_CODES = {
    "Missing data for required field.": ("required", "This field is missing."),
    "Field may not be null.": ("null", "This field must not be null."),
    "Not a valid string.": ("invalid_type", "This must be a string."),
    "Not a valid integer.": ("invalid_type", "This must be an integer."),
    "Not a valid boolean.": ("invalid_type", "This must be true or false."),
    "Not a valid list.": ("invalid_type", "This must be a list."),
    "Invalid input type.": ("invalid_type", "This must be an object."),
}


class StrictParser(FlaskParser):
    """Refuses what it does not know: other content types, doubled keys, unknown fields and parameters."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}  # noqa: RUF012  (the base class's own shape)
    DEFAULT_VALIDATION_STATUS = 400

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body, an object; nothing at all counts as an empty one."""
        return read_object(req)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """The parameters; only those that are lists may come more than once."""
        return read_query(req, schema)

    def handle_error(self, error: ValidationError, req: Request, schema: Schema, *_: Any, **__: Any) -> NoReturn:
        """Turn marshmallow's findings into one refusal."""
        messages: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        (found,) = messages.values()  # by where in the request they are: in one place
        raise _refusal(found, [field.data_key or name for name, field in schema.fields.items() if not field.dump_only])


def refusal_of(error: ValidationError) -> Invalid:
    """marshmallow's findings on an object as one refusal."""
    return _refusal(error.normalized_messages(), None)  # type: ignore[no-untyped-call]


def read_object(req: Request) -> dict[str, Any]:
    """The request's JSON object. Raises Invalid, UnsupportedMediaType, and RequestEntityTooLarge for a huge one."""
    raw = req.get_data()
    if not raw and not req.mimetype:
        return {}
    if req.mimetype != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    if not raw:
        return {}
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        message = "The body is not valid JSON (UTF-8, each key once, no NaN)."
        raise Invalid("malformed_json", message) from None
    if not isinstance(value, dict):
        raise Invalid("malformed_json", "The body must be a JSON object.")
    _check(value, MAX_DEPTH)
    return value


def read_query(req: Request, schema: Schema) -> dict[str, Any]:
    """The query's parameters by name. Raises Invalid for one that comes twice and is no list, and for NUL."""
    lists = {
        name
        for name, field in schema.fields.items()
        if isinstance(field, fields.List) and not isinstance(field, DelimitedList)
    }
    doubled = [name for name, values in req.args.lists() if len(values) > 1 and name not in lists]
    if doubled:
        raise Invalid.fields(
            [FieldError(name, "repeated", "This parameter is given more than once.") for name in doubled]
        )
    unreadable = [name for name, values in req.args.lists() if any("\x00" in value for value in values)]
    if unreadable:
        message = "This parameter holds a NUL character."
        raise Invalid.fields([FieldError(name, "control_characters", message) for name in unreadable])
    return {name: values if name in lists else values[0] for name, values in req.args.lists()}


def refuse_query(req: Request) -> None:
    """Raise Invalid where there is any parameter."""
    if req.args:
        raise Invalid.fields([_unknown(name, []) for name in sorted(req.args)])


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("doubled key")
    return dict(pairs)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check(value: Any, depth: int) -> None:
    """Refuse what nests too deep, and half characters that no text can hold."""
    if depth < 0:
        raise Invalid("malformed_json", f"The body nests deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Invalid("malformed_json", "The body holds a lone surrogate, which is no character.") from None
    children = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        _check(child, depth - 1)


def _refusal(messages: dict[str, Any], known: list[str] | None) -> Invalid:
    found = sorted(_flat(messages), key=_unknown_last)  # sorted: else their order is a set's
    return Invalid.fields([_error(field, message, known) for field, message in found[:MOST_ERRORS]])


def _error(field: str, message: str, known: list[str] | None) -> FieldError:
    if message == _UNKNOWN:
        return _unknown(field, None if "." in field else known)
    return FieldError(field, *_CODES.get(message, ("invalid", message)))


def _unknown(name: str, known: list[str] | None) -> FieldError:
    """For a name that means nothing here; it is rarely far from the one that was meant."""
    if known is None:
        return FieldError(name, "unknown_field", "There is no such field. Check its spelling.")
    near = get_close_matches(name, known, n=1) if len(name) <= _LONGEST_NAME else []
    advice = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(sorted(known)) or 'none'}."
    return FieldError(name, "unknown_field", f"There is no such field. {advice}")


def _unknown_last(found: tuple[str, str]) -> tuple[bool, str]:
    field, message = found
    unknown = message == _UNKNOWN
    return unknown, field if unknown else ""


def _flat(found: Any, field: str = "") -> Iterable[tuple[str, str]]:
    """Messages by field: ``q``; ``status`` for an item of a list of words; ``lines.0.quantity`` in one of objects."""
    if not isinstance(found, dict):
        yield from ((field, str(message)) for message in found)
        return
    for name, nested in found.items():
        of_itself = field and (name == "_schema" or (isinstance(name, int) and not isinstance(nested, dict)))
        yield from _flat(nested, field if of_itself else f"{field}.{name}" if field else str(name))
