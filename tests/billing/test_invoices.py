"""Invoices: reckoning lines, issuing, lists."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.invoices.lines import NewLine, read_line, total_of
from portal.billing.invoices.queries import InvoiceFilter, get_invoice, invoice_page
from portal.billing.invoices.service import create_invoice, issue_invoice, suggest_number
from portal.billing.payments.service import void_invoice
from portal.foundation import clock
from portal.foundation.money import Money
from portal.foundation.refusals import Conflict, Forbidden, Invalid, NotFound
from portal.foundation.tenancy import account_scope, across_accounts
from tests.billing.conftest import World
from tests.factories import SYSTEM, Factory, acting

pytestmark = pytest.mark.usefixtures("domain")


@pytest.mark.parametrize(
    ("quantity", "price", "currency", "amount"),
    [
        ("1", "49.00", "EUR", 4900),
        ("2.5", "19.99", "EUR", 4998),
        ("0.333", "100", "JPY", 33),
        ("0.005", "100", "JPY", 1),
        ("0.005", "-100", "JPY", -1),
        ("3", "1.250", "KWD", 3750),
        ("1000", "0.01", "USD", 1000),
    ],
)
def test_a_line_is_quantity_times_price_rounded_once(quantity: str, price: str, currency: str, amount: int) -> None:
    assert read_line("Support", quantity, price, currency).amount == Money(amount, currency)


@given(st.integers(1, 10**6), st.integers(-(10**9), 10**9))
def test_rounding_is_never_off_by_more_than_half(quantity: int, price: int) -> None:
    amount = NewLine("x", quantity, Money(price, "EUR")).amount.minor
    assert abs(amount * 1000 - quantity * price) <= 500


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        (("", "1", "1.00"), "description", "required"),
        (("x" * 501, "1", "1.00"), "description", "too_long"),
        (("x", "0", "1.00"), "quantity", "invalid_quantity"),
        (("x", "-1", "1.00"), "quantity", "invalid_quantity"),
        (("x", "1.0001", "1.00"), "quantity", "invalid_quantity"),
        (("x", "1e3", "1.00"), "quantity", "invalid_quantity"),
        (("x", "", "1.00"), "quantity", "invalid_quantity"),
        (("x", "1", "1,00"), "unit_price", "invalid_amount"),
        (("x", "1", "1.001"), "unit_price", "too_many_decimals"),
        (("x", "999999999", "9999999999999.00"), "unit_price", "amount_too_large"),
        (("x", "999999999", "-9999999999999.00"), "unit_price", "amount_too_large"),
    ],
)
def test_bad_lines_are_refused_at_their_field(values: tuple[str, str, str], field: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_line(*values, "EUR")
    assert [(error.field, error.code) for error in refusal.value.errors] == [(field, code)]


def test_lines_that_add_up_to_less_than_nothing_are_refused() -> None:
    with pytest.raises(Invalid):
        total_of([read_line("Discount", "1", "-5.00", "EUR")], "EUR")
    with pytest.raises(Invalid):
        total_of([], "EUR")


def test_a_draft_is_staffs_own_until_it_is_issued(world: World, make: Factory) -> None:
    draft = make.invoice(world.account, issued=False)
    with account_scope(world.account.id):
        assert invoice_page().rows == []
        with pytest.raises(NotFound):
            get_invoice(draft.id)
    with across_accounts():
        issued = issue_invoice(draft.id, by=acting(world.admin))
        with pytest.raises(Conflict) as refusal:
            issue_invoice(draft.id, by=acting(world.admin))
    assert (issued.status, issued.issue_date, issued.due_date) == (
        "open", clock.today(), clock.today() + timedelta(days=14),
    )  # fmt: skip
    assert refusal.value.code == "invoice_not_draft"
    with account_scope(world.account.id):
        assert [row.id for row in invoice_page().rows] == [draft.id]


def test_a_draft_that_is_made_void_stays_staffs_own(world: World, make: Factory) -> None:
    draft, issued = make.invoice(world.account, issued=False), make.invoice(world.account)
    with across_accounts():
        for invoice in (draft, issued):
            assert void_invoice(invoice.id, by=acting(world.admin), reason="by mistake").status == "void"
        assert [row.id for row in invoice_page(InvoiceFilter(with_drafts=True)).rows] == [issued.id, draft.id]
    with account_scope(world.account.id):
        assert [row.id for row in invoice_page().rows] == [issued.id]
        with pytest.raises(NotFound):
            get_invoice(draft.id)


def test_only_admins_manage_invoices(world: World, make: Factory) -> None:
    draft = make.invoice(world.account, issued=False)
    for user in (world.owner, world.member, world.viewer, world.reviewer):
        with across_accounts(), pytest.raises(Forbidden):
            issue_invoice(draft.id, by=acting(user))


def test_numbers_are_used_once(world: World, make: Factory) -> None:
    make.invoice(world.account, number="INV-7")
    with pytest.raises(Conflict) as refusal:
        make.invoice(make.account("Globex"), number="INV-7")
    assert [(error.field, error.code) for error in refusal.value.errors] == [("number", "invoice_number_taken")]


def test_the_suggested_number_follows_the_last_of_the_year(world: World, make: Factory) -> None:
    year = clock.today().year
    for number in (f"INV-{year}-00041", f"INV-{year - 1}-00099", "ZZZ-1"):
        make.invoice(world.account, number=number)
    with across_accounts():
        assert suggest_number() == f"INV-{year}-00042"


@pytest.mark.parametrize(
    ("ends", "suggested"),
    [
        (("00041", "EXTRA"), "00042"), (("99999",), "100000"), (("99999", "100000"), "100001"),
        (("0000000007", "00041"), "00042"), (("", "-1", "00007a", "00041 B"), "00001"),
    ],
)  # fmt: skip
def test_the_suggested_number_counts_by_digits_only(
    world: World, make: Factory, ends: tuple[str, ...], suggested: str
) -> None:
    stem = f"INV-{clock.today().year}-"
    for end in ends:
        make.invoice(world.account, number=stem + end)
    with across_accounts():
        assert suggest_number() == stem + suggested


def test_the_first_number_of_a_year() -> None:
    with across_accounts():
        assert suggest_number() == f"INV-{clock.today().year}-00001"


def test_overdue_follows_from_the_date(world: World, make: Factory) -> None:
    late = make.invoice(world.account, "10.00", due_date=clock.today() - timedelta(days=1))
    make.invoice(world.account, "20.00", due_date=clock.today())
    with account_scope(world.account.id):
        rows = invoice_page(InvoiceFilter(statuses=("overdue",))).rows
        assert [(row.id, row.shown_status) for row in rows] == [(late.id, "overdue")]


def test_dates_that_contradict_each_other_are_refused(world: World) -> None:
    with across_accounts(), pytest.raises(Invalid) as refusal:
        create_invoice(
            by=SYSTEM, account_id=world.account.id, number="INV-1", currency="EUR",
            lines=[NewLine("x", 1000, Money(1, "EUR"))], issue_date=date(2026, 5, 2), due_date=date(2026, 5, 1),
        )  # fmt: skip
    assert [(error.field, error.code) for error in refusal.value.errors] == [("due_date", "due_before_issue")]
