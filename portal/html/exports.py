"""Lists as files: the rows of a list, under its filter and in its order, as CSV.

A file is read a page at a time, each in a transaction of its own: whoever takes it slowly holds nobody up, and memory
stays flat. One that could not be read to its end says so in its last line, and its connection is cut off.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, cast

from flask import Response, redirect, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from wtforms import Field

from portal.accounts.sessions import is_live
from portal.foundation import audit, clock
from portal.foundation.actor import Actor
from portal.foundation.db import end_reading
from portal.foundation.deadline import within
from portal.foundation.keyset import MAX_PAGE_SIZE, Page
from portal.foundation.refusals import NotSignedIn
from portal.foundation.row_security import as_user_of
from portal.foundation.spreadsheets import csv_lines, written
from portal.html.forms import refused
from portal.html.lists import FilterForm, TextFilter
from portal.http.availability import SECONDS
from portal.http.gate import current_actor

INCOMPLETE = "THIS FILE IS NOT COMPLETE: the portal could not read on. Export the list again.\r\n"

PAYMENT_COLUMNS = (
    "id", "transaction_reference", "invoice_id", "invoice_number", "amount", "currency", "payment_method", "status",
    "failure_reason", "paid_on", "notes", "created_at", "updated_at", "decided_at",
)  # fmt: skip
INVOICE_COLUMNS = (
    "id", "number", "payment_reference", "status", "is_overdue", "total", "amount_paid", "outstanding", "currency",
    "credits", "issue_date", "due_date",
)  # fmt: skip


class Pages(Protocol):
    """A list: what gives its page at a cursor."""

    def __call__(self, *, cursor: str | None, page_size: int) -> Page[Any]: ...


def export(
    form: FilterForm, noun: str, columns: Sequence[str], pages: Callable[[], Pages], *, listed: str
) -> ResponseReturnValue:
    """The filtered list as a file, with a note in the audit log of who took what along: hence by POST only.

    ``columns`` are attributes of its rows. A filter that cannot be used leads back to the list, which says why.
    """
    if form.validate():
        with refused(form):
            read = pages()
            _note(current_actor(), noun, form)
            lines = csv_lines(columns, _cells(columns, _rows(read, current_actor())))
            return _as_file(_marked(lines), f"{noun}-{clock.now():%Y-%m-%d-%H%M%S}.csv")
    return redirect(url_for(listed, **cast("dict[str, Any]", form.in_address)), 303)


def _note(actor: Actor, noun: str, form: FilterForm) -> None:
    told = ", ".join(f"{name} {_words(form[name])}" for name in form.values()) or "none"
    taker = actor.user_id or audit.NOBODY
    audit.record(actor, f"export.{noun}", "user", taker, account_id=actor.account_id, filter=told)


def _words(field: Field) -> str:
    """What was chosen. Of what was typed nothing: it may be a password, and the log keeps it for good."""
    if isinstance(field, TextFilter):
        return "(typed)"
    return " or ".join(field.data) if isinstance(field.data, list) else str(field.data)


def _as_file(lines: Iterator[str], name: str) -> Response:
    response = Response(stream_with_context(lines), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _rows(read: Pages, actor: Actor) -> Iterator[Any]:
    """All rows. By then the request is over, and what it was let in for: each page says again whose rows it reads, and
    none is read for somebody who was signed out meanwhile.
    """
    cursor = None
    while True:
        with as_user_of(actor.account_id), within(SECONDS):
            if not is_live(actor.session_id):
                raise NotSignedIn("not_signed_in", "The session ended before the file did.")
            page = read(cursor=cursor, page_size=MAX_PAGE_SIZE)
            end_reading()
        yield from page.rows
        if page.next is None:
            return
        cursor = page.next


def _cells(columns: Sequence[str], rows: Iterator[Any]) -> Iterator[list[str]]:
    return ([written(getattr(row, name)) for name in columns] for row in rows)


def _marked(lines: Iterator[str]) -> Iterator[str]:
    try:
        yield from lines
    except Exception:
        yield INCOMPLETE
        raise
