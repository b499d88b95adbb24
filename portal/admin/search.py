"""One box for everything that staff may have at hand: a reference, a number, an amount, a name, an address."""

from typing import Any

from flask import redirect, render_template
from flask.typing import ResponseReturnValue
from wtforms import ValidationError

from portal.accounts.queries import user_page
from portal.admin.audit import page_of
from portal.admin.blueprint import admin
from portal.billing.search.queries import LEAST_LENGTH, MOST, Found, look_for
from portal.foundation.access import Permission, requires
from portal.html.lists import FilterForm, TextFilter
from portal.http.gate import current_actor


class SearchForm(FilterForm):
    """What is typed into the box at the top of staff's pages."""

    q = TextFilter("Search")

    def validate_q(self, field: TextFilter) -> None:
        if 0 < len(field.data) < LEAST_LENGTH:
            raise ValidationError(f"Type at least {LEAST_LENGTH} characters.")


@admin.get("/search/")
@requires(Permission.STAFF_READ)
def search() -> ResponseReturnValue:
    """What was found; where only one thing goes by exactly this name, the thing itself."""
    form, found, users = SearchForm(), None, []
    if form.validate() and form.q.data:
        found = look_for(form.q.data)
        users = _users(form.q.data)
        named = _named(found, users, form.q.data)
        if named is not None:
            return redirect(named)
    page = render_template("admin/search/results.html", filter=form, found=found, users=users, most=MOST)
    return page, form.http_status


def _users(text: str) -> list[Any]:
    may_see = current_actor().may(Permission.USER_MANAGE)
    return list(user_page(q=text, page_size=MOST).rows) if may_see else []


def _named(found: Found, users: list[Any], text: str) -> str | None:
    """The address of the one thing that the text names."""
    by_address = [("user", row.id) for row in users if row.email == text.lower()]
    only = by_address[0] if by_address and not found.exact else found.only
    return page_of(*only) if only else None
