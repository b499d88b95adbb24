"""Overview, invoices and profile: what stands on them."""

import re
from datetime import timedelta

from portal.foundation import clock
from tests.factories import Factory
from tests.web.conftest import World


def test_the_overview_says_what_is_to_pay_and_what_is_being_checked(world: World, make: Factory) -> None:
    late = make.invoice(world.account, "100.00", number="LATE", due_date=clock.today() - timedelta(days=3))
    make.invoice(world.account, "50.00", number="TODAY", due_date=clock.today())
    paid = make.invoice(world.account, "10.00", number="PAID", credits=1200)
    make.approved(make.payment(paid, world.users["owner"]), world.users["reviewer"])
    busy = make.invoice(world.account, "5.00", number="BUSY", due_date=clock.today() - timedelta(days=9))
    payment = make.payment(busy, world.users["owner"], "TRF-5")
    page = world.visit("owner").get("/")
    assert [tile.text for tile in page.root.all(class_="tile")] == [
        "To pay 150.00 EUR 2 invoices, 1 overdue",
        "Being checked 5.00 EUR 1 payment",
        "Credits 1,200 added when an invoice is paid",
    ]
    due = [(row[0], row[1].rsplit(" ", 3)[0], row[2]) for row in page.rows_of("Invoices to pay (table)")]
    assert due == [
        ("LATE", "Overdue by 3 days", "100.00 EUR"),
        ("TODAY", "today", "50.00 EUR"),
        ("BUSY", "Payment being checked", "5.00 EUR"),
    ]
    assert page.links["Pay LATE"] == f"/invoices/{late.id}/payment"
    assert page.links["Payment being checked"] == f"/payments/{payment.id}/"
    (under_way,) = page.root.one(class_="rows").all("li")
    assert under_way.text == "5.00 EUR for BUSY Reported just now Reference TRF-5"
    assert page.root.all(class_="panel-head")[0].text == "Due first All open invoices"
    assert [button.text for button in page.root.all(class_="primary")] == ["Pay LATE"]
    assert world.visit("viewer").get("/").root.all(class_="primary") == []


def test_the_one_button_is_for_what_nobody_pays_already(world: World, make: Factory) -> None:
    for number in range(6):
        due = clock.today() - timedelta(days=9 - number)
        invoice = make.invoice(world.account, number=f"INV-{number}", due_date=due)
        if number < 5:
            make.payment(invoice, world.users["owner"])
    pages = world.visit("owner")
    assert [button.text for button in pages.get("/").root.all(class_="primary")] == ["Pay INV-5"]
    assert [row[0] for row in pages.get("/").rows_of("Invoices to pay (table)")][:2] == ["INV-5", "INV-0"]
    make.payment(invoice, world.users["owner"])
    page = pages.get("/")
    assert page.root.all(class_="primary") == []
    assert page.root.all(class_="tile")[0].text == "To pay Nothing You have reported all of it."
    assert [head.text for head in page.root.all(class_="panel-head")][:2] == [
        "Due first 5 of 6 · All open invoices", "Payments being checked 5 of 6 · All payments",
    ]  # fmt: skip


def test_what_is_owed_stands_by_currency(world: World, make: Factory) -> None:
    for total, currency in (("7.00", "EUR"), ("1200", "JPY"), ("3.00", "EUR")):
        make.invoice(world.account, total, currency=currency)
    tiles = [tile.one(class_="figure").text for tile in world.visit("owner").get("/").root.all(class_="tile")]
    assert tiles[:2] == ["10.00 EUR", "1,200 JPY"]


def test_a_year_of_credits_is_drawn_and_told(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, credits=1200)
    booked = make.approved(make.payment(invoice, world.users["owner"]), world.users["reviewer"])
    pages = world.visit("owner")
    chart = pages.get("/").root.one(class_="chart")
    rows = chart.one("table").all("tr")[1:]
    assert [(row.one("th").text[-8:], row.one("td").text) for row in rows[:1]] == [(", so far", "1,200")]
    assert [row.one("td").text for row in rows[1:]] == ["0"] * 11
    bars = [(float(bar.attributes["y"]), float(bar.attributes["height"])) for bar in chart.all("rect")]
    assert bars == [(100, 0)] * 11 + [(0, 100)]
    assert ", 1,200 now." in chart.one("svg").attributes["aria-label"]
    make.refunded(booked, world.users["admin"])
    assert "No credits yet" in pages.get("/").text


def test_an_account_that_owes_nothing(world: World) -> None:
    pages = world.visit("owner")
    page = pages.get("/")
    assert page.root.all(class_="tile")[0].text == "To pay Nothing All invoices are paid. Thank you."
    assert [title.text for title in page.root.all("h3")] == ["Nothing is being checked", "No credits yet"]
    assert "No invoices" in pages.get("/invoices/").text
    assert "No payments" in pages.get("/payments/").text


def test_an_invoice_shows_its_lines_and_sums(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, "49.00", number="INV-1", credits=5)
    page = world.visit("owner").get(f"/invoices/{invoice.id}/")
    assert page.rows == [["Support", "1", "49.00 EUR", "49.00 EUR"], ["Total", "", "", "49.00 EUR"]]
    assert page.links["Pay this invoice"] == f"/invoices/{invoice.id}/payment"
    assert "Credits 5, added when it is paid" in page.text


def test_an_invoice_says_first_how_it_stands(world: World, make: Factory) -> None:
    owner, reviewer = world.users["owner"], world.users["reviewer"]
    pages = world.visit("owner")
    day = clock.today() - timedelta(days=109)
    late = make.invoice(world.account, "1234.00", due_date=day, credits=500)
    address = f"/invoices/{late.id}/"

    def said() -> str:
        (notice,) = pages.get(address).notices
        return re.sub(r"[A-Z][a-z]+ \d+, \d+, [\d:]+ [AP]M", "…", notice)

    overdue = f"1,234.00 EUR was due on {day:%b} {day.day}, {day.year} , 109 days ago."
    assert said() == overdue
    payment = make.payment(late, owner)
    assert said().startswith("A payment of 1,234.00 EUR for this invoice is being checked.")
    booked = make.approved(payment, reviewer)
    assert said() == "Paid on … . See the payment and its receipt"
    assert pages.get(address).links["See the payment and its receipt"] == f"/payments/{payment.id}/"
    assert "Credits 500, added on" in pages.get(address).text
    make.refunded(booked, world.users["admin"])
    assert said() == f"{overdue} Your payment of 1,234.00 EUR was refunded on … . See the payment"
    void = make.void(make.invoice(world.account, credits=500))
    page = pages.get(f"/invoices/{void.id}/")
    assert (page.notices, "Credits" in page.text) == (["This invoice is void. Nothing is owed on it."], False)


def test_amounts_and_times_are_in_the_accounts_locale(world: World, make: Factory) -> None:
    german = make.account("Müller & Söhne", locale="de-DE", timezone="Europe/Berlin")
    user = make.user("owner", german)
    world.users["german"] = user
    invoice = make.invoice(german, "1234.50")
    page = world.visit("german").get(f"/invoices/{invoice.id}/")
    assert page.rows[-1][-1] == "1.234,50 EUR"
    yen = make.invoice(world.globex, "1234567")
    assert world.visit("stranger").get(f"/invoices/{yen.id}/").rows[-1][-1] == "1,234,567 JPY"


def test_invoices_by_status(world: World, make: Factory) -> None:
    make.invoice(world.account, number="LATE", due_date=clock.today() - timedelta(days=1))
    make.invoice(world.account, number="OPEN")
    make.void(make.invoice(world.account, number="VOID"))
    payment = make.payment(make.invoice(world.account, number="BUSY"), world.users["owner"])
    pages = world.visit("viewer")
    found = {
        status: [row[0] for row in pages.get("/invoices/", status=status).rows]
        for status in ("", "open", "overdue", "void", "paid")
    }
    assert found == {
        "": ["BUSY", "VOID", "OPEN", "LATE"],
        "open": ["BUSY", "OPEN", "LATE"],
        "overdue": ["LATE"],
        "void": ["VOID"],
        "paid": [],
    }
    page = pages.get("/invoices/")
    assert [row[1] for row in page.rows] == ["Payment being checked", "Void", "Open", "Overdue"]
    assert page.links["Payment being checked"] == f"/payments/{payment.id}/"


def test_a_token_is_shown_once(world: World) -> None:
    pages = world.visit("owner")
    page = pages.post("/profile/tokens/", {"access": "everything", "name": "ledger", "days": "30"})
    secret = page.root.one("code").text
    assert (page.status, page.h1, secret.startswith("bp_")) == (201, "Your new token", True)
    assert page.response.headers["Cache-Control"] == "no-store"
    listed = pages.get("/profile/tokens/")
    assert secret not in listed.response.text
    assert [row[:3] for row in listed.rows_of("Tokens")] == [["ledger", f"…{secret[-4:]}", "Full access"]]
    client = world.app.test_client()
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/billing/account/", headers=headers).status_code == 200
    shown = pages.get(listed.links["ledger"])
    assert secret not in shown.response.text
    (form,) = [form for form in shown.root.all("form") if "revocation" in form.attributes["action"]]
    assert pages.follow(pages.post(form.attributes["action"])).notices == ["The token “ledger” is revoked."]
    assert client.get("/api/v1/billing/account/", headers=headers).status_code == 401
    assert world.visit("member").post(form.attributes["action"]).status == 404


def test_bad_tokens_are_refused_at_their_field(world: World) -> None:
    pages = world.visit("viewer")
    for data, field in (
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"days": "0"}, "days"),
        ({"days": "many"}, "days"),
        ({"days": "9" * 5000}, "days"),
        ({"days": "-1"}, "days"),
    ):
        page = pages.post("/profile/tokens/", {"name": "x", "access": "everything"} | data)
        assert (page.status, list(page.field_errors)) == (400, [field])
    assert "No tokens yet." in pages.get("/profile/tokens/").text


def test_what_a_token_may_do_is_chosen(world: World) -> None:
    """Nothing is chosen for people: neither all by leaving all out, nor what their role cannot use."""
    pages = world.visit("viewer")
    refused: tuple[tuple[dict[str, str], str], ...] = (
        ({}, "Choose what it may do."),
        ({"access": "some"}, "Say what the token may do."),
        ({"access": "some", "scopes": "payments:write"}, "'payments:write' is not a valid choice"),
        ({"access": "all"}, "Not a valid choice"),
    )
    for data, why in refused:
        page = pages.post("/profile/tokens/", {"name": "x"} | data)
        assert page.status == 400
        assert why in page.text, data
    scopes = ["invoices:read", "account:read"]
    made = pages.post("/profile/tokens/", {"name": "reads", "access": "some", "scopes": scopes, "days": "30"})
    secret = made.root.one("code", class_="secret").text
    assert "See invoices" in made.text
    calls = {
        path: world.app.test_client().get(f"/api/v1/billing{path}", headers={"Authorization": f"Bearer {secret}"})
        for path in ("/account/", "/invoices/", "/payments/")
    }
    assert [answer.status_code for answer in calls.values()] == [200, 200, 403]
    assert pages.get("/profile/tokens/").rows_of("Tokens")[0][2] == "invoices:read, account:read"


def test_a_token_is_rotated_by_its_page(world: World) -> None:
    pages = world.visit("owner")
    old = pages.post("/profile/tokens/", {"name": "ledger", "access": "everything"}).root.one("code").text
    path = pages.get("/profile/tokens/").links["ledger"]
    assert pages.post(f"{path}rotation", {"hours": "5"}).status == 400
    made = pages.post(f"{path}rotation", {"hours": "24"})
    new = made.root.one("code").text
    assert (made.status, made.h1) == (201, "Your new token")
    assert "Previous token works until" in made.text
    client = world.app.test_client()
    for secret in (old, new):
        assert client.get("/api/v1/billing/account/", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    again = pages.post(f"{path}rotation", {"hours": "0"})
    assert (again.status, "has a successor" in again.text) == (409, True)
    assert "Rotate the token" not in pages.get(path).text
    assert world.visit("member").get(path).status == 404
    assert world.visit("member").post(f"{path}rotation", {"hours": "24"}).status == 404


def test_tokens_that_ended_are_in_pages(world: World, make: Factory) -> None:
    for number in range(21):
        make.token(world.users["owner"], f"t{number}")
    pages = world.visit("owner")
    listed = pages.get("/profile/tokens/")
    for path in [listed.links[f"t{number}"] for number in range(21)]:
        assert pages.post(f"{path}revocation").status == 303
    first = pages.get("/profile/tokens/")
    assert [row[0] for row in first.rows_of("Ended tokens")] == [f"t{number}" for number in range(20, 0, -1)]
    second = pages.get(first.links["Older →"])
    assert [row[0] for row in second.rows_of("Ended tokens")] == ["t0"]
