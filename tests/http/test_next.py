"""Where to go after signing in: nowhere else."""

import re
from urllib.parse import urlsplit

import pytest
from flask import Flask

from portal.html.addresses import local_address
from tests.factories import PASSWORD, Factory
from tests.http.browsers import csrf_token, on_sqlite

EVIL_NEXT = {
    "two slashes": "//evil.example",
    "three slashes": "///evil.example",
    "a backslash": "/\\evil.example",
    "two backslashes": "\\\\evil.example",
    "a tab": "/\t/evil.example",
    "a tab in the middle": "/\t\\evil.example",
    "a line feed": "/\n/evil.example",
    "CR and LF": "/x\r\nSet-Cookie: evil=1",
    "CR and LF first": "\r\n//evil.example",
    "a blank": " //evil.example",
    "a NUL": "/\x00/evil.example",
    "a scheme": "https://evil.example/",
    "a scheme without slashes": "https:evil.example",
    "a scheme with one slash": "https:/evil.example",
    "a script": "javascript:alert(1)",
    "a script in disguise": "JaVaScRiPt:alert(1)",
    "a script behind a tab": "java\tscript:alert(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "an at sign": "http://localhost@evil.example/",
    "an at sign without scheme": "//localhost@evil.example/",
    "an at sign alone": "@evil.example",
    "a name alone": "evil.example",
    "a dot": "./evil",
    "a high control character": "/\x85/evil.example",
    "nothing": "",
}


@on_sqlite
@pytest.mark.parametrize("kind", sorted(EVIL_NEXT))
def test_next_leads_to(kind: str, app: Flask, make: Factory) -> None:
    client = app.test_client()
    owner = make.user("owner", make.account())
    form = {"email": owner.email, "password": PASSWORD, "csrf_token": csrf_token(client)}
    answer = client.post("/login", query_string={"next": EVIL_NEXT[kind]}, data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "evil" not in str(answer.headers)
    assert local_address(EVIL_NEXT[kind]) is None


@pytest.mark.parametrize(
    "encoded", ["/%09/evil.example", "/%5Cevil.example", "/%2F/evil.example", "/%0d%0aSet-Cookie:x=1", "/@evil.example"]
)
def test_next_that_only_looks_evil_stays_here(encoded: str) -> None:
    """Browsers do not decode a path before they read it: this is a page of ours that does not exist."""
    assert local_address(encoded) == encoded
    parts = urlsplit(encoded)
    assert (parts.scheme, parts.netloc) == ("", "")


@on_sqlite
@pytest.mark.parametrize(
    "path", ["//evil.example", "//evil.example/", "//evil.example/%2e%2e", "/\\evil.example", "/%0d%0aSet-Cookie:x=1",
             "//evil.example//payments//", "/.//evil.example", "///evil.example/..;/"],
)  # fmt: skip
def test_an_address_of_ours_sends_nobody_elsewhere(path: str, app: Flask) -> None:
    """Also not by tidying up its slashes, nor as what comes after signing in."""
    answer = app.test_client().open(path, base_url="http://localhost")
    location = answer.headers.get("Location", "/")
    parts = urlsplit(location)
    assert parts.netloc in ("", "localhost")
    assert not re.match(r"[/\\]{2}", parts.path)
    assert "x=1" not in str(answer.headers.getlist("Set-Cookie"))
