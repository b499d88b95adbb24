"""The lists of staff: the queue, payments, invoices, accounts, users, audit; their filters and pages."""

import pytest

from portal.foundation import clock
from tests.admin.conftest import World
from tests.factories import Factory
from tests.pages import Page, Pages

LISTS = ["approvals", "payments", "invoices", "accounts", "users", "audit"]
TEXT_FILTERS = {
    "approvals": "account",
    "payments": "q",
    "invoices": "q",
    "accounts": "q",
    "users": "q",
    "audit": "actor",
}


def references(page: Page) -> list[str]:
    return [row[0].split(" ")[0] for row in page.rows]


def waiting(page: Page) -> list[str]:
    """The references of the queue's lines."""
    return [
        link.one("bdi", class_="mono").text for line in page.root.all("ol", class_="queue") for link in line.all("a")
    ]


def test_the_queue_is_oldest_first_and_filtered(reviewer: Pages, world: World, make: Factory) -> None:
    make.method("local_wallet", "JP", display_name="Wallet")
    make.payment(make.invoice(world.acme), world.owner, "AAA-1")
    make.payment(make.invoice(world.globex, "500"), world.globex_owner, "BBB-2", method="local_wallet")
    make.payment(make.invoice(world.acme), world.owner, "CCC-3")
    make.approved(make.payment(make.invoice(world.acme), world.owner, "DDD-4"), world.admin)
    for query, expected in (
        ({}, ["AAA-1", "BBB-2", "CCC-3"]),
        ({"currency": "JPY"}, ["BBB-2"]),
        ({"country": "DE"}, ["AAA-1", "CCC-3"]),
        ({"payment_method": "local_wallet"}, ["BBB-2"]),
        ({"account": "c-2"}, ["BBB-2"]),
        ({"account": "acm"}, ["AAA-1", "CCC-3"]),
        ({"q": "aaa1"}, ["AAA-1"]),
        ({"account": "C-"}, []),
        ({"account": "%"}, []),
    ):
        page = reviewer.get("/admin/approvals/", **query)
        assert waiting(page) == expected, query
    assert "2 wait" in reviewer.get("/admin/approvals/", country="DE").text
    assert reviewer.get("/admin/").location == "/admin/approvals/"


def test_the_queue_marks_a_reference_that_is_on_another_live_payment(
    reviewer: Pages, world: World, make: Factory
) -> None:
    make.payment(make.invoice(world.acme), world.owner, "Same 1")
    make.payment(make.invoice(world.globex, "500"), world.globex_owner, "SAME-1")
    make.payment(make.invoice(world.acme), world.owner, "other")
    lines = reviewer.get("/admin/approvals/").root.one("ol", class_="queue").all("li")
    assert ["Conflict" in line.text for line in lines] == [True, True, False]


def test_an_empty_queue_says_so(reviewer: Pages) -> None:
    assert "Nothing waits" in reviewer.get("/admin/approvals/").text
    assert "No payments match" in reviewer.get("/admin/approvals/", account="zzz").text


def test_pages_of_the_queue_follow_each_other_under_the_filter(reviewer: Pages, world: World, make: Factory) -> None:
    for number in range(53):
        make.payment(make.invoice(world.acme), world.owner, f"R-{number:02}")
    first = reviewer.get("/admin/approvals/", country="DE")
    assert waiting(first) == [f"R-{number:02}" for number in range(50)]
    second = reviewer.get(first.links["Newer →"])
    assert "country=DE" in first.links["Newer →"]
    assert waiting(second) == ["R-50", "R-51", "R-52"]
    assert waiting(reviewer.get(second.links["← Older"])) == waiting(first)


def test_payments_are_filtered(reviewer: Pages, world: World, make: Factory) -> None:
    make.payment(make.invoice(world.acme, number="INV-77"), world.owner, "AAA-1")
    make.approved(make.payment(make.invoice(world.globex, "500"), world.globex_owner, "BBB-2"), world.admin)
    today = clock.today().isoformat()
    for query, expected in (
        ({}, ["BBB-2", "AAA-1"]),
        ({"status": "succeeded"}, ["BBB-2"]),
        ({"status": ["succeeded", "pending_approval"]}, ["BBB-2", "AAA-1"]),
        ({"q": "aaa1"}, ["AAA-1"]),
        ({"q": "inv-77"}, ["AAA-1"]),
        ({"created_from": today, "created_to": today}, ["BBB-2", "AAA-1"]),
        ({"created_to": "2001-01-01"}, []),
        ({"created_from": "0001-01-01", "created_to": "9999-12-31"}, ["BBB-2", "AAA-1"]),
        ({"account": "Globex"}, ["BBB-2"]),
    ):
        assert references(reviewer.get("/admin/payments/", **query)) == expected, query


def test_invoices_accounts_and_users_are_filtered(admin: Pages, world: World, make: Factory) -> None:
    make.invoice(world.acme, number="DR-1", issued=False)
    make.invoice(world.globex, "500", number="OP-1")
    assert references(admin.get("/admin/invoices/")) == ["OP-1", "DR-1"]
    assert references(admin.get("/admin/invoices/", status="draft")) == ["DR-1"]
    assert references(admin.get("/admin/invoices/", currency="JPY", account="C-2")) == ["OP-1"]
    assert references(admin.get("/admin/accounts/", country="JP")) == ["Globex"]
    assert references(admin.get("/admin/accounts/", q="c-1")) == ["Acme"]
    assert references(admin.get("/admin/users/", staff="y")) == ["Ada", "Rita"]
    assert references(admin.get("/admin/users/", account="C-2")) == ["Goro"]
    assert admin.get("/admin/users/", account="C-404").field_errors == {
        "account": "There is no account with this number."
    }


def test_the_audit_log_is_filtered(admin: Pages, world: World, make: Factory) -> None:
    payment = make.payment(make.invoice(world.acme), world.owner)
    make.approved(payment, world.reviewer)
    page = admin.get("/admin/audit/", action="payment")
    assert [row[0] for row in page.rows] == ["payment.approve", "payment.submit"]
    assert "status: Waiting for approval → Succeeded" in page.rows[0][3]
    assert [row[0] for row in admin.get("/admin/audit/", subject=str(payment.id), actor="rita").rows] == [
        "payment.approve"
    ]
    assert admin.get("/admin/audit/", account="C-2", action="payment").rows == []
    assert admin.get("/admin/audit/", subject="xyz").field_errors.keys() == {"subject"}
    assert admin.get("/admin/audit/", account="C-404").field_errors.keys() == {"account"}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("text", ["a\x00b", "x" * 5_000, "\u202e", "card 4111 1111 1111 1111"])
def test_a_bad_text_filter_is_pointed_out(admin: Pages, name: str, text: str) -> None:
    page = admin.get(f"/admin/{name}/", **{TEXT_FILTERS[name]: text})
    assert (page.status, list(page.field_errors)) == (400, [TEXT_FILTERS[name]])
    assert "4111" not in page.response.text  # neither in the field nor in a link


@pytest.mark.parametrize(
    "query",
    [{"currency": "XXX"}, {"country": "\x00"}, {"payment_method": "gold"}, {"status": "²"}, {"created_from": "soon"},
     {"created_to": "10000-01-01"}, {"cursor": "x"}, {"cursor": "\x00"}],
)  # fmt: skip
def test_a_bad_filter_of_payments_is_refused(admin: Pages, query: dict[str, str]) -> None:
    assert admin.get("/admin/payments/", **query).status == 400


def test_foreign_words_in_the_address_break_no_links(reviewer: Pages, world: World, make: Factory) -> None:
    for _ in range(21):
        make.payment(make.invoice(world.acme), world.owner)
    page = reviewer.get("/admin/payments/", endpoint="x", _external="1", _scheme="javascript", values="y", q="TRF")
    assert page.links["Older →"].startswith("/admin/payments/?")
