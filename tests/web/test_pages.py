"""Overview, invoices and profile: what stands on them."""

from datetime import timedelta

from portal.foundation import clock
from tests.factories import Factory
from tests.web.conftest import World


def test_the_overview_says_what_is_owed_and_what_is_under_way(world: World, make: Factory) -> None:
    late = make.invoice(world.account, "100.00", number="LATE", due_date=clock.today() - timedelta(days=3))
    make.invoice(world.account, "50.00", number="SOON")
    paid = make.invoice(world.account, "10.00", number="PAID", credits=1200)
    make.approved(make.payment(paid, world.users["owner"]), world.users["reviewer"])
    busy = make.invoice(world.account, "5.00", number="BUSY")
    payment = make.payment(busy, world.users["owner"], "TRF-5")
    page = world.visit("owner").get("/")
    assert [tile.text for tile in page.root.all(class_="tile")] == [
        "You owe 155.00 EUR 3 open invoices, 1 overdue",
        "Under way 1 payment waiting for a result",
        "Credits 1,200 granted when an invoice is paid",
    ]
    assert [(row[0], row[1]) for row in page.rows] == [
        ("LATE", "Overdue"),
        ("SOON", "Open"),
        ("BUSY", "Open"),
        ("TRF-5", "BUSY"),
    ]
    assert page.links["Pay LATE"] == f"/invoices/{late.id}/payment"
    assert page.links["See payment"] == f"/payments/{payment.id}/"


def test_an_account_that_owes_nothing(world: World) -> None:
    pages = world.visit("owner")
    assert pages.get("/").root.all(class_="tile")[0].text == "You owe Nothing All invoices are paid. Thank you."
    assert "No invoices" in pages.get("/invoices/").text
    assert "No payments" in pages.get("/payments/").text


def test_an_invoice_shows_its_lines_and_sums(world: World, make: Factory) -> None:
    invoice = make.invoice(world.account, "49.00", number="INV-1", credits=5)
    page = world.visit("owner").get(f"/invoices/{invoice.id}/")
    assert page.rows == [["Support", "1", "49.00 EUR", "49.00 EUR"], ["Total", "", "", "49.00 EUR"]]
    assert page.links["Pay this invoice"] == f"/invoices/{invoice.id}/payment"


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
    pages = world.visit("viewer")
    found = {
        status: [row[0] for row in pages.get("/invoices/", status=status).rows]
        for status in ("", "open", "overdue", "void", "paid")
    }
    assert found == {
        "": ["VOID", "OPEN", "LATE"],
        "open": ["OPEN", "LATE"],
        "overdue": ["LATE"],
        "void": ["VOID"],
        "paid": [],
    }


def test_a_token_is_shown_once(world: World) -> None:
    pages = world.visit("owner")
    page = pages.post("/profile/tokens/", {"name": "ledger", "days": "30"})
    secret = page.root.one("code").text
    assert (page.status, page.h1, secret.startswith("bp_")) == (201, "Your new token", True)
    assert page.response.headers["Cache-Control"] == "no-store"
    profile = pages.get("/profile/")
    assert secret not in profile.response.text
    assert [row[0] for row in profile.rows_of("Tokens")] == ["ledger"]
    client = world.app.test_client()
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/billing/account/", headers=headers).status_code == 200
    (form,) = [form for form in profile.root.all("form") if "revocation" in form.attributes["action"]]
    assert pages.follow(pages.post(form.attributes["action"])).notices == ["The token “ledger” is revoked."]
    assert client.get("/api/v1/billing/account/", headers=headers).status_code == 401
    assert world.visit("member").post(form.attributes["action"]).status == 404


def test_bad_tokens_are_refused_at_their_field(world: World) -> None:
    pages = world.visit("viewer")
    for data, field in (
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x", "days": "0"}, "days"),
        ({"name": "x", "days": "many"}, "days"),
        ({"name": "x", "days": "9" * 5000}, "days"),
        ({"name": "x", "days": "-1"}, "days"),
    ):
        page = pages.post("/profile/tokens/", data)
        assert (page.status, list(page.field_errors)) == (400, [field])
    assert pages.get("/profile/").rows_of("Tokens") == []
