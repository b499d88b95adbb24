"""What the portal does not show, and that each answer says what it is."""

from typing import Any

import pytest
from flask import Flask

from portal.http import metrics
from tests.factories import Factory
from tests.pages import Pages

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
NOT_THERE = (
    "/.git/config", "/.git/HEAD", "/.svn/entries", "/.env", "/wsgi.py", "/portal/config.py", "/instance/portal.db",
    "/portal.db", "/secret_key", "/requirements.txt",  # what lies beside the served files
    "/static", "/static/", "/static/css", "/static/css/", "/static/vendor/", "/static/vendor/htmx",  # lists of files
    "/openapi.json", "/api/v1/billing/openapi.yaml", "/swagger-ui", "/redoc", "/docs", "/console", "/debug",
    "/style-guide",  # pages for makers
)  # fmt: skip


@pytest.mark.parametrize("path", NOT_THERE)
def test_nothing_lies_open(path: str, app: Flask, make: Factory) -> None:
    """Neither for strangers nor for an admin."""
    for visitor in (Pages(app), Pages(app).sign_in(make.user("admin"))):
        with visitor._client.get(path) as answer:
            assert answer.status_code == 404
            assert "Server" not in answer.headers


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/login", "text/html; charset=utf-8"),
        ("/nothing", "text/html; charset=utf-8"),
        ("/healthz", "text/plain; charset=utf-8"),
        ("/metrics", metrics.CONTENT_TYPE),
        ("/static/css/base.css", "text/css; charset=utf-8"),
        ("/static/js/portal.js", "text/javascript; charset=utf-8"),
        ("/static/favicon.svg", "image/svg+xml; charset=utf-8"),
        ("/api/v1/billing/account/", "application/json"),
        ("/api/v1/billing/nothing/", "application/problem+json"),
    ],
)
def test_every_answer_says_what_it_is_and_how_it_is_written(path: str, kind: str, app: Flask, make: Factory) -> None:
    headers: dict[str, Any] = {}
    if path.endswith("/account/"):
        headers = {"Authorization": f"Bearer {make.token(make.user('owner', make.account()))}"}
    with app.test_client().get(path, headers=headers) as answer:
        assert answer.content_type == kind
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        answer.data.decode("utf-8")


def test_a_file_to_keep_is_no_page(app: Flask, make: Factory) -> None:
    """The export is taken along under a name of ours, never shown."""
    pages = Pages(app).sign_in(make.user("admin"))
    pages.get("/admin/audit/")
    form = {"csrf_token": pages.csrf_token}
    answer = pages.send("POST", '/admin/audit/export?actor=";filename=evil.html', data=form)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-2')
    assert "evil" not in answer.headers["Content-Disposition"]
