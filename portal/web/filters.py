"""The filters above lists. They are read from the address, so that a filtered list can be kept and shared."""

from flask import request
from wtforms import SearchField, SelectField

from portal.billing.invoices.queries import InvoiceFilter
from portal.billing.payments.queries import PaymentFilter
from portal.billing.payments.states import Status, read_status
from portal.foundation.refusals import Invalid
from portal.html.filters import STATUSES
from portal.html.forms import Form

MAX_SEARCH = 200


class ListFilter(Form):
    """A filter form changes nothing, so it carries no token."""

    class Meta:
        csrf = False

    q = SearchField("Search")
    status = SelectField("Status")

    def offer(self, statuses: list[str]) -> None:
        """The statuses to choose from, in their words."""
        self.status.choices = [("", "All")] + [(status, STATUSES[status][0]) for status in statuses]

    def read_search(self) -> str:
        """The words to look for. Raises Invalid for what no list could hold."""
        text = (self.q.data or "").strip()
        if len(text) > MAX_SEARCH or "\x00" in text:
            raise Invalid("invalid_search", f"Search for at most {MAX_SEARCH} plain characters.", field="q")
        return text


def payment_filter() -> tuple[ListFilter, PaymentFilter]:
    """The form as the address fills it, and what it asks for."""
    form = ListFilter(request.args)
    form.offer([status.value for status in Status])
    word = form.status.data or ""
    status = read_status(word)
    if word and status is None:
        raise Invalid("invalid_status", "There is no such status. Choose one from the list.", field="status")
    form.status.data = status.value if status else ""
    return form, PaymentFilter(statuses=(status,) if status else (), q=form.read_search())


def invoice_filter() -> tuple[ListFilter, InvoiceFilter]:
    """The form as the address fills it, and what it asks for."""
    form = ListFilter(request.args)
    choices = ["open", "overdue", "paid", "void"]
    form.offer(choices)
    word = form.status.data or ""
    if word and word not in choices:
        raise Invalid("invalid_status", "There is no such status. Choose one from the list.", field="status")
    return form, InvoiceFilter((word,) if word else (), form.read_search())
