"""The approval queue as a workplace: the list, and beside it the decision on the payment that is selected."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from flask import render_template, request, url_for
from wtforms import HiddenField
from wtforms.validators import AnyOf

from portal.admin.decisions import DecisionForm, forms_for
from portal.admin.filters import method_filter, offer_methods, offer_places
from portal.billing.payments.figures import Lane, PaymentRow
from portal.billing.payments.queries import QUEUE_COUNT_CAP, PaymentFilter, approval_queue, lane_counts, next_in_queue
from portal.billing.payments.review import review
from portal.billing.payments.states import Action
from portal.foundation.ids import parse_id
from portal.foundation.keyset import Page
from portal.foundation.refusals import NotFound
from portal.html.lists import ChoiceFilter, FilterForm, TextFilter
from portal.http.gate import current_actor

PAGE_SIZE = 50
_MARK = "queue"
"""Says in the address of a decision that it was taken in the queue, and leads on there."""


class QueueFilter(FilterForm):
    """Which of the waiting payments to show. The lane is chosen by tabs, and kept by the other fields."""

    q = TextFilter("Search", description="Ref. or invoice")
    payment_method = method_filter()
    currency = ChoiceFilter("Currency", "All currencies")
    country = ChoiceFilter("Country", "All countries")
    account = TextFilter("Account", description="Name or number")
    lane = HiddenField("Lane", [AnyOf(["", *Lane])], default="")

    def __init__(self) -> None:
        super().__init__()
        offer_methods(self.payment_method)
        offer_places(self.country, self.currency)

    def wanted(self) -> PaymentFilter:
        values = self.values()
        return PaymentFilter(lane=Lane(values.pop("lane")) if "lane" in values else None, **values)


@dataclass(frozen=True)
class Place:
    """Where in the queue somebody works: filter and page of the list, as addresses carry them."""

    filter: QueueFilter

    @cached_property
    def wanted(self) -> PaymentFilter | None:
        """The filter; None where it cannot be used."""
        return self.filter.wanted() if self.filter.validate() else None

    @property
    def in_address(self) -> dict[str, Any]:
        cursor = request.args.get("cursor")
        return {**self.filter.in_address, **({"cursor": cursor} if cursor else {})}

    def address(self, selected: UUID | None = None, **changes: str | None) -> str:
        """The queue from here, with this payment selected."""
        query = {**self.in_address, **changes, "selected": selected}
        return url_for("admin.approval_queue", **query)

    def decision(self, action: str, payment_id: UUID) -> str:
        """Where a decision that is taken here is sent."""
        query = {_MARK: "1", **self.in_address}
        return url_for(f"admin.{action}_payment", payment_id=payment_id, **query)

    def following(self, decided: UUID) -> str:
        """The queue with what waits next under the filter."""
        return self.address(next_in_queue(decided, self.wanted))


def place() -> Place | None:
    """The place in the queue where this decision was taken; None where it was taken on the payment's own page."""
    return Place(QueueFilter()) if _MARK in request.args else None


def show(
    here: Place, selected: UUID | None = None, sent: Action | None = None, form: DecisionForm | None = None
) -> tuple[str, int]:
    """The page, with a decision that was refused where there is one."""
    page, counts = _list(here)
    opened = selected or (page.rows[0].id if page.rows else None)
    shown = review(opened, reader=current_actor()) if opened else None
    html = render_template(
        "admin/approvals/queue.html", here=here, filter=here.filter, page=page, counts=counts, cap=QUEUE_COUNT_CAP,
        is_chosen=selected is not None, review=shown, payment=shown.payment if shown else None,
        forms=forms_for(shown, sent, form) if shown else {}, sent=form, sent_action=sent,
    )  # fmt: skip
    return html, form.status if form else here.filter.http_status


def read_selected() -> UUID | None:
    """The payment that the address names. Raises NotFound for what is no id."""
    named = request.args.get("selected")
    if not named:
        return None
    selected = parse_id(named)
    if selected is None:
        raise NotFound()
    return selected


def _list(here: Place) -> tuple[Page[PaymentRow], dict[Lane, int]]:
    if here.wanted is None:
        return Page([], None, None, 0), dict.fromkeys(Lane, 0)
    cursor = request.args.get("cursor")
    page = approval_queue(here.wanted, cursor=cursor, page_size=PAGE_SIZE)
    if cursor and not page.rows:  # what this page showed is decided
        page = approval_queue(here.wanted, page_size=PAGE_SIZE)
    return page, lane_counts(here.wanted)
