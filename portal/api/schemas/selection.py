"""A part of what there is to say, or more of it: ``fields`` and ``expand``."""

from collections.abc import Iterable
from typing import Any

from marshmallow import ValidationError, fields
from webargs.fields import DelimitedList


class Names(DelimitedList):
    """Some of these names, with commas between them."""

    def __init__(self, allowed: Iterable[str], **kwargs: Any) -> None:
        self._allowed = list(allowed)
        name = fields.String(metadata={"enum": self._allowed})
        super().__init__(name, load_default=list, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        names = [name for name in value.split(",") if name]
        unknown = [name for name in names if name not in self._allowed]
        if unknown:
            raise ValidationError(f"There is no {unknown[0]}. Choose from: {', '.join(self._allowed)}.")
        return names
