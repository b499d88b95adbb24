"""What must hold whatever is sent."""

from collections.abc import Iterable, Iterator
from typing import Any

from werkzeug.test import TestResponse

from tests.bad_input.fields import Field, Fields
from tests.bad_input.kept import BringBack, kept
from tests.bad_input.values import bad_texts, bad_values
from tests.matrix.visitors import LOG

NO_TEXT = (b"\xff", b"a\xc3", b"\xed\xa0\x80")
"""What is no UTF-8: a byte that never is, half a letter, and half of a pair."""
ABOUT_THE_FIELD = {"version": 409, "token": 410, "confirmation_code": 403, "invoice_id": 404}
"""How fields are refused that are not just wrong: an id of nothing, say. From others it is about something else."""
SHOWN_AGAIN = ("/export", "/reference-check", "/bulk/")
"""Where nothing is refused as a whole: one is led back to the list, sees the form again, or reads it at the item."""
ALIKE = "/password-reset"
"""Answers any address as it does one that somebody has, and writes as much."""


def check(fields: Fields, places: Iterable[Field], number: int) -> list[str]:
    """Send so much bad input to each of the fields, each to the same database. What went wrong."""
    with kept(fields.house.app) as bring_back:
        checks = Checks(fields, bring_back)
        return [wrong for seed, place in enumerate(places) for wrong in checks.of(place, number, seed)]


class Checks:
    """Of the fields of one house."""

    def __init__(self, fields: Fields, bring_back: BringBack) -> None:
        self._written, self._bring_back = fields.written, bring_back
        self._in_order: set[tuple[str, str, str]] = set()

    def of(self, place: Field, number: int, seed: int) -> Iterator[str]:
        """What went wrong: an answer that blames us or is about something else, or a refusal that wrote."""
        yield from self._when_in_order(place)
        for value in bad_values(number, seed) if place.is_json else bad_texts(number, seed):
            yield from self._judged(place, value, place.send(value))
        for raw in NO_TEXT:
            yield from self._judged(place, raw, place.send_bytes(raw), never=True)
        if place.is_text and place.path != ALIKE:
            for text in ("a\x00b", "\ud800") if place.is_json else ("a\x00b",):
                yield from self._judged(place, text, place.send(text), never=True)

    def _when_in_order(self, place: Field) -> Iterator[str]:
        """All else is in order, so that it is the field which is judged: sent as it should be, it is taken."""
        request = (place.who.name, place.method, place.path)
        if request not in self._in_order:
            self._in_order.add(request)
            answer = place.send_others()
            if answer.status_code >= 400 or _leads_aside(answer):
                yield f"{place}: in order → {answer.status_code}"
            self._undo()

    def _judged(self, place: Field, value: Any, answer: TestResponse, *, never: bool = False) -> Iterator[str]:
        """``never`` is this a value that is taken."""
        wrote = self._undo()
        status = answer.status_code
        if status >= 400:
            about = {400, ABOUT_THE_FIELD.get(place.name), 414 if place.in_query else None}
            is_right = status in about and not wrote
        else:
            shown_again = place.path.endswith(SHOWN_AGAIN) and not wrote and not isinstance(value, bytes)
            is_right = not _leads_aside(answer) and (not never or shown_again)
        if not is_right:
            yield f"{place}: {value!r:.80} → {status}, wrote {wrote}"

    def _undo(self) -> set[str]:
        """To which tables something was written, but for journals; it is there no more."""
        wrote = set(self._written.tables)
        if wrote:
            self._bring_back(wrote)
        self._written.tables.clear()
        return wrote - LOG


def _leads_aside(answer: TestResponse) -> bool:
    """To sign in, or back to a form that was kept instead of read."""
    return answer.status_code == 302 or "unsent=" in answer.headers.get("Location", "")
