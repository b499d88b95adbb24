"""Kinds of values, as JSON writes and reads them; and where in a list one is."""

import re
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields, post_dump, validate

from portal.foundation.clock import rfc3339
from portal.foundation.ids import parse_id
from portal.foundation.keyset import CURSOR, MAX_PAGE_SIZE, PAGE_SIZE
from portal.foundation.money import Money
from portal.http.gate import current_actor


def nothing() -> None:
    """What is there of an input that was left out. As a function, so that no null counts as given."""


class In(Schema):
    """What is read. What it does not name is refused."""

    class Meta:
        unknown = RAISE


class Out(Schema):
    """What is written. Each field is there in each answer, but for those in ``optional``; ``allow_none`` is said."""

    optional: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        unknown = INCLUDE  # others may be added one day: clients must not be made to refuse them

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Let the description say that the field is always there."""
        field_obj.required = field_name not in self.optional


class StaffOut(Out):
    """What customers read with some fields less: ``for_staff``."""

    for_staff: ClassVar[frozenset[str]] = frozenset()

    @post_dump
    def _for_staff(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if current_actor().is_staff:
            return data
        return {name: value for name, value in data.items() if name not in self.for_staff}


class Id(fields.Field[UUID]):
    """A UUID in its canonical form."""

    EXAMPLE = "019f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"examples": [self.EXAMPLE]} | kwargs.pop("metadata", {}), **kwargs)

    def _serialize(self, value: UUID | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> UUID:
        parsed = parse_id(value) if isinstance(value, str) else None
        if parsed is None:
            raise ValidationError(f"This is not an id: ids look like {self.EXAMPLE}.")
        return parsed


class Amount(fields.Field[Money]):
    """Money as a decimal string with the currency's own digits."""

    def __init__(self, **kwargs: Any) -> None:
        told = {"pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["49.00"]}
        super().__init__(metadata=told | kwargs.pop("metadata", {}), **kwargs)

    def _serialize(self, value: Money | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else value.decimal_string()


class Moment(fields.Field[datetime]):
    """A time as RFC 3339 writes it: in UTC with microseconds on the way out, with any offset on the way in."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"examples": ["2026-11-25T09:30:00.000000Z"]} | kwargs.pop("metadata", {}), **kwargs)

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            pass
        raise ValidationError("This is not a time: write it like 2026-01-31T09:30:00Z.")


class Text(fields.String):
    """A text, described by an example of it."""

    def __init__(self, example: str, **kwargs: Any) -> None:
        super().__init__(metadata={"examples": [example]} | kwargs.pop("metadata", {}), **kwargs)


class Prose(Text):
    """Free text, of ``most`` characters. The domain cleans and refuses it, with words of its own; here it is told."""

    def __init__(self, example: str, *, most: int, **kwargs: Any) -> None:
        least = {"minLength": 1} if kwargs.get("required") else {}
        super().__init__(example, metadata=least | {"maxLength": most} | kwargs.pop("metadata", {}), **kwargs)


class Search(Text):
    """A text of a query, to look for. NUL, which no database takes in a text, is refused when the query is read."""

    def __init__(self, example: str, most: int) -> None:
        told = {"pattern": r"^[^\x00]*$"}
        super().__init__(example, load_default="", validate=validate.Length(max=most), metadata=told)


class Code(Text):
    """A code of a query, of so many capital letters, such as a country's or a currency's."""

    def __init__(self, example: str) -> None:
        pattern = f"^([A-Z]{{{len(example)}}})?$"
        said = f"Write it in {len(example)} capital letters, such as {example}."
        check = validate.Regexp(re.compile(pattern.replace("$", r"\Z")), error=said)
        super().__init__(example, load_default="", validate=check, metadata={"pattern": pattern})


class Number(fields.Integer):
    """A whole number, described by an example of it."""

    def __init__(self, example: int, **kwargs: Any) -> None:
        super().__init__(metadata={"examples": [example]} | kwargs.pop("metadata", {}), **kwargs)


class Day(fields.Field[date]):
    """A calendar day: ``2026-01-31`` and no other form of it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"examples": ["2026-11-15"]} | kwargs.pop("metadata", {}), **kwargs)

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
    """A JSON integer as JSON Schema understands it, so that 1.0 is 1; nothing that only looks like one."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if type(value) is float and value.is_integer():
            return int(value)
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


def columns_of(schema: Schema | type[Schema] | None) -> list[str]:
    """The columns of a table of these rows, for this reader; those that are only sometimes there are left out."""
    if schema is None:
        return []
    read = schema if isinstance(schema, Schema) else schema()
    hidden: frozenset[str] = frozenset() if current_actor().is_staff else getattr(read, "for_staff", frozenset())
    told = {name: field for name, field in read.fields.items() if not isinstance(field, (fields.Nested, fields.Raw))}
    return [
        name for name, field in told.items()
        if name not in hidden and not (isinstance(field, fields.List) and isinstance(field.inner, fields.Nested))
    ]  # fmt: skip


class Version(Whole):
    """The payment's version that the decider saw."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"minimum": 1, "examples": [1]}, **kwargs)


def _page_size(value: int) -> None:
    if not 1 <= value <= MAX_PAGE_SIZE:
        raise ValidationError(f"This must be from 1 to {MAX_PAGE_SIZE}.")


class Nothing(In):
    """A body that has nothing to say: none, or an empty object. What is no JSON is refused here as everywhere."""


class PageQuery(In):
    """Where in a list, and how much of it."""

    cursor = fields.String(
        load_default=nothing, metadata={"description": "From the links of a page.", "pattern": f"{CURSOR.pattern}|^$"}
    )
    page_size = fields.Integer(
        load_default=PAGE_SIZE, validate=_page_size, metadata={"minimum": 1, "maximum": MAX_PAGE_SIZE}
    )
