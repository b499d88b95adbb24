"""The page of mails, which is there where nobody else's mails are."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.app import create_app
from tests.factories import Factory
from tests.pages import Pages


def test_the_newest_mails(app: Any, make: Factory) -> None:
    pages = Pages(app)
    assert "No mail yet" in pages.get("/dev/mail/").text
    assert pages.send("GET", "/dev/mail/html").text == ""
    account = make.account(name="Acme <b>")
    make.user("owner", account, name="Olga <b>")
    make.invoice(account, number="INV-1")
    page = pages.get("/dev/mail/")
    assert "Invoice INV-1" in page.text
    assert "Olga <b>" in page.text
    link = next(path for words, path in page.links.items() if words.startswith("Whole mail"))
    html = pages.send("GET", link)
    assert "Hello <bdi>Olga &lt;b&gt;</bdi>" in html.text
    assert "default-src 'none'" in html.headers["Content-Security-Policy"]
    assert html.text == pages.send("GET", "/dev/mail/html").text


def test_older_mails_are_on_further_pages(app: Any, make: Factory) -> None:
    account = make.account()
    make.user("owner", account)
    for number in range(21):
        make.invoice(account, number=f"INV-{number}")
    pages = Pages(app)
    page = pages.get("/dev/mail/")
    assert len(page.root.all("h2")) == 20
    older = pages.get(page.links["Older →"])
    assert [heading.text for heading in older.root.all("h2")] == ["Invoice INV-0"]


def test_a_mail_names_what_goes_along(app: Any, make: Factory) -> None:
    account = make.account()
    owner = make.user("owner", account)
    make.method()
    paid = make.approved(make.payment(make.invoice(account), owner), make.user("reviewer"))
    links = Pages(app).get("/dev/mail/").links
    assert links["Attachment: receipt (PDF)"] == f"/payments/{paid.id}/receipt.pdf"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("settings", [{"ENVIRONMENT": "production"}, {"HOSTS": ("billing.portal.example",)}])
def test_there_is_no_such_page_elsewhere(new_settings: Callable[..., dict[str, Any]], settings: dict[str, Any]) -> None:
    app = create_app(new_settings() | settings)
    assert [rule.rule for rule in app.url_map.iter_rules() if "/dev/mail" in rule.rule] == []
