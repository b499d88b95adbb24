"""Ids in addresses."""

from uuid import UUID

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

from portal.foundation.ids import parse_id


class IdConverter(BaseConverter):
    """``<id:payment_id>``: a UUID in its canonical form; anything else is an address that does not exist."""

    regex = "[0-9a-fA-F-]{36}"

    def to_python(self, value: str) -> UUID:
        parsed = parse_id(value)
        if parsed is None:
            raise ValidationError
        return parsed

    def to_url(self, value: UUID) -> str:
        return str(value)


def init_urls(app: Flask) -> None:
    """Teach the app's routes to read ids, and to do without the last slash."""
    app.url_map.converters["id"] = IdConverter
    app.url_map.strict_slashes = False  # a redirect to the address with a slash would lose a POST's body
