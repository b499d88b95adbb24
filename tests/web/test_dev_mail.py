"""The page of mails, which is there where nobody else's mails are."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

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


@pytest.mark.parametrize("path", ["/dev/mail/", "/dev/mail/html"])
def test_other_machines_find_no_such_page(app: Any, make: Factory, path: str) -> None:
    """Whatever the server listens to, and whatever name they call it by: the mails hold links that let people in."""
    make.invitation(make.account())
    client = app.test_client()
    absent = comparable(client.get("/dev/nothing", environ_overrides={"REMOTE_ADDR": "192.168.1.7"}))
    for address, headers in (("192.168.1.7", {}), ("::ffff:127.0.0.1", {}), ("127.0.0.1", {"Via": "1.1 a"})):
        answer = client.get(path, headers=headers, environ_overrides={"REMOTE_ADDR": address})
        assert comparable(answer) == absent
    for address in ("127.0.0.1", "::1"):
        answer = client.get(path, environ_overrides={"REMOTE_ADDR": address})
        assert (answer.status_code, "/invitation" in answer.text) == (200, True)


def comparable(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", answer.text)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("settings", [{"ENVIRONMENT": "production"}, {"HOSTS": ("billing.portal.example",)}])
def test_there_is_no_such_page_elsewhere(new_settings: Callable[..., dict[str, Any]], settings: dict[str, Any]) -> None:
    app = create_app(new_settings() | settings)
    assert [rule.rule for rule in app.url_map.iter_rules() if "/dev/mail" in rule.rule] == []
