"""Pages that start behind a row."""

import pytest
from sqlalchemy import select

from portal.accounts.models import Account
from portal.foundation.keyset import Page, paginate
from portal.foundation.refusals import Invalid
from tests.factories import Factory

pytestmark = pytest.mark.usefixtures("domain")


def page(cursor: str | None = None, *, size: int = 2, newest_first: bool = False) -> Page[str]:
    statement = select(Account.id, Account.name)
    found = paginate(statement, Account.id, cursor=cursor, page_size=size, newest_first=newest_first)
    return Page([row.name for row in found.rows], found.next, found.previous, size)


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_go_forth_and_back(make: Factory, newest_first: bool) -> None:
    names = [make.account(name).name for name in "ABCDE"]
    if newest_first:
        names.reverse()
    first = page(newest_first=newest_first)
    second = page(first.next, newest_first=newest_first)
    third = page(second.next, newest_first=newest_first)
    assert [*first.rows, *second.rows, *third.rows] == names
    assert (first.previous, third.next) == (None, None)
    assert page(third.previous, newest_first=newest_first).rows == second.rows
    back = page(second.previous, newest_first=newest_first)
    assert (back.rows, back.previous) == (first.rows, None)


def test_rows_that_are_added_shift_nothing(make: Factory) -> None:
    for name in "ABCD":
        make.account(name)
    first = page(newest_first=True)
    make.account("E")
    assert page(first.next, newest_first=True).rows == ["B", "A"]


def test_a_full_last_page_has_no_next(make: Factory) -> None:
    for name in "ABCD":
        make.account(name)
    assert page(page().next).next is None


def test_no_rows_no_pages() -> None:
    assert page() == Page([], None, None, 2)


@pytest.mark.parametrize("cursor", ["x", "%%%", "é", "bg", "n" * 300, "eAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as refusal:
        page(cursor)
    assert refusal.value.code == "invalid_cursor"


@pytest.mark.parametrize("size", [0, -1, 101])
def test_a_page_size_out_of_bounds_is_refused(size: int) -> None:
    with pytest.raises(Invalid) as refusal:
        page(size=size)
    assert refusal.value.code == "invalid_page_size"
