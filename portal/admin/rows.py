"""Rows of a form that grow by a button, without JavaScript."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from wtforms import FieldList, FormField

from portal.html.forms import Form

_INDEX = re.compile(r"([0-9]{1,3})(?:-|$)", re.ASCII)


class RowForm(Form):
    """One row: part of a form that is protected as a whole."""

    class Meta:
        csrf = False

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed into the row. Fields that are filled by themselves do not count."""
        return not any(str(value).strip() for value in self.data.values())


class Rows(FieldList):
    """Rows of a form, at most ``most`` of them."""

    def __init__(self, row: type[RowForm], label: str, *, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(FormField(row), label, min_entries=least, max_entries=most, **kwargs)
        self.type = "FieldList"  # by which the summary of errors tells that its errors stand at the rows

    def _extract_indices(self, prefix: str, formdata: Iterable[str]) -> Iterator[int]:
        """Read plain numbers only: WTForms takes ``²`` for a digit, and falls over it."""
        start = f"{prefix}-"
        found = (_INDEX.match(key, len(start)) for key in formdata if key.startswith(start))
        return (int(match[1]) for match in found if match)

    def grow(self, by: int = 1) -> None:
        """Add blank rows, as far as there may be more."""
        for _ in range(min(by, (self.max_entries or 0) - len(self.entries))):
            self.append_entry()

    def filled(self) -> list[Any]:
        """The forms of the rows into which something was typed."""
        return [entry.form for entry in self.entries if not entry.form.is_blank]
