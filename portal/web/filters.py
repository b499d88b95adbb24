"""The filters above the customers' lists."""

from flask import request
from wtforms import SelectField

from portal.billing.invoices.queries import InvoiceFilter
from portal.billing.payments.queries import PaymentFilter
from portal.billing.payments.states import Status, read_status
from portal.html.lists import ListFilter, chosen, status_choices


class StatusFilter(ListFilter):
    """Words and a status."""

    status = SelectField("Status")


def payment_filter() -> tuple[StatusFilter, PaymentFilter]:
    """The form as the address fills it, and what it asks for."""
    form = StatusFilter(request.args)
    form.status.choices = status_choices([status.value for status in Status])
    alias = read_status(form.status.data or "")
    form.status.data = alias.value if alias else form.status.data
    word = chosen(form.status.data, form.status.choices, "status")
    return form, PaymentFilter(statuses=(Status(word),) if word else (), q=form.read_search())


def invoice_filter() -> tuple[StatusFilter, InvoiceFilter]:
    """The form as the address fills it, and what it asks for."""
    form = StatusFilter(request.args)
    form.status.choices = status_choices(["open", "overdue", "paid", "void"])
    word = chosen(form.status.data, form.status.choices, "status")
    return form, InvoiceFilter((word,) if word else (), form.read_search())
