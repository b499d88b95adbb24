"""Kinds of values, as JSON writes and reads them; and where in a list one is."""

import re
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields

from portal.foundation.ids import parse_id
from portal.foundation.keyset import MAX_PAGE_SIZE, PAGE_SIZE
from portal.foundation.money import Money


class Id(fields.Field[UUID]):
    """A UUID in its canonical form."""

    def _serialize(self, value: UUID | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> UUID:
        parsed = parse_id(value) if isinstance(value, str) else None
        if parsed is None:
            raise ValidationError("This is not an id: ids look like 018f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f.")
        return parsed


class Amount(fields.Field[Money]):
    """Money as a decimal string with the currency's own digits."""

    def _serialize(self, value: Money | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else value.decimal_string()


class Moment(fields.Field[datetime]):
    """A time as RFC 3339 writes it: in UTC with microseconds on the way out, with any offset on the way in."""

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            pass
        raise ValidationError("This is not a time: write it like 2026-01-31T09:30:00Z.")


class Day(fields.Field[date]):
    """A calendar day: ``2026-01-31`` and no other form of it."""

    def _serialize(self, value: date | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else value.isoformat()

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> date:
        try:
            if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise ValidationError("This is not a day: write it like 2026-01-31.")


class Flag(fields.Boolean):
    """true or false, and nothing that is read as one of them."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid", input=value)
        return value


class Whole(fields.Integer):
    """A JSON integer: no text, and no decimals that are zero."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class Version(Whole):
    """The payment's version that the decider saw."""


def _page_size(value: int) -> None:
    if not 1 <= value <= MAX_PAGE_SIZE:
        raise ValidationError(f"This must be from 1 to {MAX_PAGE_SIZE}.")


class Nothing(Schema):
    """A body that has nothing to say: none, or an empty object. What is no JSON is refused here as everywhere."""


class PageQuery(Schema):
    """Where in a list, and how much of it."""

    cursor = fields.String(load_default=None)
    page_size = fields.Integer(load_default=PAGE_SIZE, validate=_page_size)
