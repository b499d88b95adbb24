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
    link = next(path for words, path in page.links.items() if "mailbox" in words)
    html = pages.send("GET", link)
    assert "Hello <bdi>Olga &lt;b&gt;</bdi>" in html.text
    assert "default-src 'none'" in html.headers["Content-Security-Policy"]
    assert html.text == pages.send("GET", "/dev/mail/html").text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("settings", [{"ENVIRONMENT": "production"}, {"HOSTS": ("billing.portal.example",)}])
def test_there_is_no_such_page_elsewhere(new_settings: Callable[..., dict[str, Any]], settings: dict[str, Any]) -> None:
    app = create_app(new_settings() | settings)
    assert [rule.rule for rule in app.url_map.iter_rules() if "/dev/mail" in rule.rule] == []
