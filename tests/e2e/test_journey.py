"""The main job: a customer reports a payment, staff decide, everyone sees where it stands."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Visitor
from tests.e2e.serving import PASSWORD

pytestmark = pytest.mark.xdist_group("e2e")


def credits_of(page: Page, server: str) -> int:
    page.goto(f"{server}/")
    tile = page.locator(".tile", has_text="Credits")
    return int(re.sub(r"\D", "", tile.locator(".figure").inner_text()))


def pay_an_open_invoice(page: Page, server: str, reference: str) -> str:
    """Report a payment of the first invoice that can be paid and buys credits. Its number."""
    page.goto(f"{server}/invoices/?status=open")
    for link in [link.get_attribute("href") for link in page.locator("tbody th a").all()]:
        page.goto(f"{server}{link}")
        if page.get_by_role("link", name="Pay this invoice").count() and page.get_by_text("when it is paid").count():
            break
    page.get_by_role("link", name="Pay this invoice").click()
    number = page.get_by_role("heading", level=1).inner_text().removeprefix("Pay invoice ")
    page.get_by_label("Transaction reference").fill(reference)
    page.get_by_role("button", name="Report this payment").click()
    expect(page.get_by_text("Thank you. Your payment is reported")).to_be_visible()
    return number


@pytest.mark.parametrize(
    ("with_script", "email", "account"),
    [(True, "owner@globex.example", "C-1002"), (False, "owner@initech.example", "C-1003")],
    ids=["with script", "without"],
)
def test_from_report_to_credits(
    with_script: bool, email: str, account: str, visitor: Callable[..., Visitor], server: str
) -> None:
    reference = f"JOURNEY {'ONE' if with_script else 'TWO'}"
    owner = visitor(java_script_enabled=with_script)
    mine = owner.sign_in(email)
    before = credits_of(mine, server)
    number = pay_an_open_invoice(mine, server, reference)
    payment = mine.url
    expect(mine.get_by_text("We are checking your payment.")).to_be_visible()

    staff = visitor(java_script_enabled=with_script)
    queue = staff.sign_in("reviewer@portal.example")
    queue.goto(f"{server}/admin/approvals/?account={account}")
    queue.get_by_role("link", name=reference).click()
    expect(queue.locator("[data-copy] .value").first).to_have_text(reference)
    queue.wait_for_url(re.compile("[?&]selected="))  # the address follows what is shown
    stale = staff.page()
    stale.goto(queue.url)
    queue.wait_for_timeout(600)  # what was not in sight for half a second is not decided
    queue.get_by_role("button", name=re.compile("^Approve")).click()
    expect(queue.get_by_text("Approved").first).to_be_visible()
    assert f"/admin/approvals/?account={account}" in queue.url  # the next one that waits there

    staff.expected.add(409)
    stale.get_by_role("button", name=re.compile("^Approve")).click()
    expect(stale.get_by_text(re.compile("^This payment was approved by you on "))).to_be_visible()

    mine.goto(payment)
    expect(mine.get_by_text("Your payment succeeded.")).to_be_visible()
    mine.get_by_role("link", name=number).first.click()
    expect(mine.locator(".page-head .badge")).to_have_text("Paid")
    bought = int(mine.get_by_text("added on").inner_text().split(",")[0])
    assert credits_of(mine, server) == before + bought > before


def test_a_filter_swaps_the_table_and_the_address_follows(visitor: Callable[..., Visitor], server: str) -> None:
    page = visitor().sign_in("viewer@acme.example")
    page.goto(f"{server}/payments/")
    page.evaluate("document.body.dataset.kept = 'yes'")
    page.get_by_label("Status").select_option("refunded")
    expect(page).to_have_url(re.compile("status=refunded"))
    expect(page.locator("tbody .badge").first).to_have_text("Refunded")
    assert set(page.locator("tbody .badge").all_inner_texts()) == {"Refunded"}
    assert page.evaluate("document.body.dataset.kept") == "yes"
    page.get_by_label("Search").fill("no such reference")
    expect(page.get_by_text("Nothing matches this filter.")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile("status=refunded"))
    expect(page.locator("tbody .badge").first).to_have_text("Refunded")
    page.go_back()
    expect(page).to_have_url(f"{server}/payments/")
    expect(page.locator("tbody tr")).to_have_count(20)


def test_a_rejection_reaches_the_customer(visitor: Callable[..., Visitor], server: str) -> None:
    owner = visitor().sign_in("owner@acme.example")
    pay_an_open_invoice(owner, server, "REJECT ME 1")
    payment = owner.url
    staff = visitor().sign_in("reviewer@portal.example")
    staff.goto(payment.replace("/payments/", "/admin/payments/"))
    staff.get_by_text("Reject …").click()
    staff.get_by_label("Reason").fill("Only half of it arrived.")
    staff.wait_for_timeout(600)  # what was not in sight for half a second is not decided
    staff.get_by_role("button", name="Reject payment").click()
    expect(staff.get_by_text("Rejected").first).to_be_visible()
    owner.goto(payment)
    expect(owner.get_by_text("This payment was not accepted.")).to_be_visible()
    expect(owner.locator(".notice").get_by_text("Only half of it arrived.")).to_be_visible()
    owner.get_by_role("link", name="Fix and send again").click()
    expect(owner.get_by_role("heading", level=1)).to_contain_text("Correct your report for invoice")
    expect(owner.get_by_label("Transaction reference")).to_have_value("REJECT ME 1")


def test_all_that_money_depends_on_without_javascript(visitor: Callable[..., Visitor], server: str) -> None:
    """Signing in, withdrawing, a rejection, an approval, a refund, and what a refused form says."""
    owner, staff = visitor(java_script_enabled=False), visitor(java_script_enabled=False)
    owner.expected, staff.expected = {400, 409}, {400, 409}
    mine, theirs = owner.sign_in("owner@acme.example"), staff.sign_in("admin@portal.example")

    pay_an_open_invoice(mine, server, "NO SCRIPT 1")
    mine.get_by_role("button", name="Withdraw this payment").click()
    expect(mine.get_by_text("The payment is withdrawn.")).to_be_visible()

    pay_an_open_invoice(mine, server, "NO SCRIPT 2")
    payment = mine.url
    theirs.goto(payment.replace("/payments/", "/admin/payments/"))
    decide(theirs, "Reject", " ")
    expect(theirs.get_by_text("This was not done yet.").first).to_be_visible()
    decide(theirs, "Reject", "Only half of it arrived.")
    mine.goto(payment)
    expect(mine.locator(".notice").get_by_text("Only half of it arrived.")).to_be_visible()

    pay_an_open_invoice(mine, server, "NO SCRIPT 3")
    payment = mine.url
    theirs.goto(payment.replace("/payments/", "/admin/payments/"))
    theirs.get_by_role("button", name=re.compile("^Approve")).first.click()
    mine.goto(payment)
    expect(mine.locator(".page-head .badge")).to_have_text("Succeeded")
    theirs.goto(payment.replace("/payments/", "/admin/payments/"))
    decide(theirs, "Refund", "Paid twice.")
    mine.goto(payment)
    expect(mine.locator(".page-head .badge")).to_have_text("Refunded")
    mine.get_by_role("button", name="Sign out").click()
    expect(mine.get_by_text("You are signed out.")).to_be_visible()


def decide(page: Page, action: str, reason: str) -> None:
    """Open the decision's form, unless it is open, and send it with this reason."""
    form = page.locator("form", has=page.get_by_role("button", name=re.compile(f"^{action} payment")))
    if not form.is_visible():
        page.locator("summary", has_text=f"{action} …").click()
    form.locator("textarea[name=reason]").fill(reason)
    form.get_by_role("button").click()


def test_an_expired_session_costs_no_words(visitor: Callable[..., Visitor], server: str) -> None:
    """In the browser, without JavaScript: the form comes back as it was typed, and is sent by its person alone."""
    page = visitor(java_script_enabled=False).sign_in("member@acme.example")
    page.goto(f"{server}/invoices/?status=open")
    for link in [link.get_attribute("href") for link in page.locator("tbody th a").all()]:
        page.goto(f"{server}{link}")
        if page.get_by_role("link", name="Pay this invoice").count():
            break
    page.get_by_role("link", name="Pay this invoice").click()
    page.get_by_label("Transaction reference").fill("KEPT 1")
    page.get_by_label("Notes").fill("経理部より送金しました。")
    elsewhere = visitor().sign_in("member@acme.example")
    elsewhere.goto(f"{server}/profile/")
    elsewhere.get_by_role("button", name="End all others").click()
    page.get_by_role("button", name="Report this payment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("E-mail address").fill("member@acme.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("What you typed stands here again")).to_be_visible()
    expect(page.get_by_label("Transaction reference")).to_have_value("KEPT 1")
    expect(page.get_by_label("Notes")).to_have_value("経理部より送金しました。")
    page.get_by_role("button", name="Report this payment").click()
    expect(page.get_by_text("Thank you. Your payment is reported")).to_be_visible()


def test_a_report_that_was_stopped_on_its_way_is_sent_again(visitor: Callable[..., Visitor], server: str) -> None:
    page = visitor().sign_in("owner@initech.example")
    page.clock.install()
    page.goto(f"{server}/")
    page.get_by_role("link", name=re.compile("^Pay INV")).first.click()
    page.get_by_label("Transaction reference").fill("STOPPED 1")
    stopped: list[str] = []

    def stop(route: Route) -> None:
        stopped.append(route.request.method)
        route.fulfill(status=204)  # leaves the page where it is, as the browser's own button does

    page.route(re.compile("/payment$"), stop)
    report = page.get_by_role("button", name="Report this payment")
    report.click()
    report.click()  # pressed twice, it is sent once
    page.clock.fast_forward(5000)
    report.click()
    assert stopped == ["POST", "POST"]
    page.unroute(re.compile("/payment$"))
    page.clock.fast_forward(5000)
    report.click()
    expect(page.get_by_text("Thank you. Your payment is reported")).to_be_visible()
