"""The filters above the customers' lists."""

from portal.billing.invoices.queries import InvoiceFilter
from portal.billing.payments.queries import PaymentFilter
from portal.billing.payments.states import Status, read_status
from portal.html.filters import STATUSES
from portal.html.lists import ChoiceFilter, FilterForm, TextFilter


class PaymentListFilter(FilterForm):
    """Which payments to list."""

    q = TextFilter("Search", description="Ref. or invoice")
    status = ChoiceFilter("Status", "All")

    def __init__(self) -> None:
        super().__init__()
        self.status.offer({status.value: STATUSES[status][0] for status in Status})
        known = read_status(self.status.data or "")
        self.status.data = known.value if known else self.status.data

    def wanted(self) -> PaymentFilter:
        """What the form asks for."""
        return PaymentFilter(statuses=(Status(self.status.data),) if self.status.data else (), q=self.q.data)


class InvoiceListFilter(FilterForm):
    """Which invoices to list."""

    q = TextFilter("Search", description="Invoice number")
    status = ChoiceFilter("Status", "All")

    def __init__(self) -> None:
        super().__init__()
        self.status.offer({status: STATUSES[status][0] for status in ("open", "overdue", "paid", "void")})

    def wanted(self) -> InvoiceFilter:
        """What the form asks for."""
        return InvoiceFilter((self.status.data,) if self.status.data else (), self.q.data)
