"""Lines of the log: nobody writes one of their own."""

import json

import pytest
from flask import Flask

from portal.foundation import logs
from tests.api.conftest import BASE
from tests.factories import Factory
from tests.http.browsers import csrf_token, on_sqlite


@on_sqlite
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
def test_cr_and_lf_in_log_lines(end: str, app: Flask, make: Factory, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever a caller types, each line of the log is an event of ours."""
    logs.set_up(level="debug", as_json=True)
    forged = f'x{end}{{"level": "info", "event": "forged"}}'
    raw = forged.encode().decode("latin-1")
    client = app.test_client()
    token = csrf_token(client)
    client.post(
        "/login", data={"email": forged, "password": forged, "csrf_token": token}, query_string={"next": forged}
    )
    for path in ("/login", "/nothing", f"{BASE}/account/"):
        client.get(path, query_string={forged: forged})
        client.get(f"{path}{forged}")
        for name in ("HTTP_USER_AGENT", "HTTP_REFERER", "HTTP_X_REQUEST_ID", "HTTP_HOST", "HTTP_AUTHORIZATION",
                     "HTTP_X_FORWARDED_FOR", "HTTP_ORIGIN", "HTTP_COOKIE"):  # fmt: skip
            client.get(path, environ_overrides={name: raw})
    client.open("/login", method=f"GET{end}forged")
    lines = capfd.readouterr().err.split("\n")[:-1]
    logs.set_up(level="info", as_json=False)
    assert len(lines) > 25
    assert all(json.loads(line)["event"] == "request" for line in lines)
