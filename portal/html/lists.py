"""What filters above lists share. They are read from the address, so that a filtered list can be kept and shared."""

from uuid import UUID

from wtforms import SearchField

from portal.accounts.queries import find_account
from portal.foundation.refusals import Invalid
from portal.html.filters import STATUSES
from portal.html.forms import Form

MAX_SEARCH = 200


class ListFilter(Form):
    """A filter form changes nothing, so it carries no token."""

    class Meta:
        csrf = False

    q = SearchField("Search")

    def read_search(self) -> str:
        """The words to look for. Raises Invalid for what no list could hold."""
        text = (self.q.data or "").strip()
        if len(text) > MAX_SEARCH or "\x00" in text:
            raise Invalid("invalid_search", f"Search for at most {MAX_SEARCH} plain characters.", field="q")
        return text


def status_choices(statuses: list[str]) -> list[tuple[str, str]]:
    """The statuses to choose from, in their words."""
    return [("", "All"), *((status, STATUSES[status][0]) for status in statuses)]


def chosen(value: str | None, choices: list[tuple[str, str]], what: str) -> str:
    """The chosen value, empty for all. Raises Invalid for one that is not on offer."""
    if value and value not in {offered for offered, _ in choices}:
        raise Invalid("invalid_choice", f"There is no such {what}. Choose one from the list.", field=what)
    return value or ""


def account_by_number(number: str | None) -> UUID | None:
    """The account that a filter names; None for all. Raises Invalid where there is none such."""
    number = (number or "").strip()
    if not number:
        return None
    account = find_account(number) if len(number) <= MAX_SEARCH and "\x00" not in number else None
    if account is None:
        raise Invalid("unknown_account", "There is no account with this number.", field="account")
    return account.id
