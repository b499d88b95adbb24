"""Cross-site request forgery: another site has the browser of somebody who is signed in ask for something."""

import json

import pytest

from tests.api.conftest import BASE
from tests.contents import state
from tests.factories import PASSWORD, Factory
from tests.http.browsers import OWN_ORIGIN, World, csrf_token, is_api_path, is_signed_in, on_sqlite, refusal_of

OTHER_ORIGINS = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "another site, silent about where": {"Sec-Fetch-Site": "cross-site"},
    "a sister site": {"Sec-Fetch-Site": "same-site", "Origin": "http://sister.localhost"},
    "another port": {"Origin": "http://localhost:81"},
    "another scheme": {"Origin": "https://localhost"},
    "a name that begins alike": {"Origin": "http://localhost.evil.example"},
    "a name that ends alike": {"Origin": "http://evil-localhost"},
    "a sandboxed frame": {"Origin": "null"},
    "a name before an at sign": {"Origin": "http://localhost@evil.example"},
    "no origin at all": {"Origin": "evil"},
    "an empty one": {"Origin": ""},
    "two": {"Origin": "http://localhost, https://evil.example"},
    "a word that there is not": {"Sec-Fetch-Site": "Same-Origin "},
    "a port that is none": {"Origin": "http://localhost:port"},
}
METHODS = {"owner": {"POST", "PATCH", "DELETE"}, "admin": {"POST", "PUT", "PATCH", "DELETE"}}
"""By which each of them may change something."""


@on_sqlite
@pytest.mark.parametrize("who", METHODS)
def test_csrf_on_every_state_change(who: str, world: World) -> None:
    """Without a token, with a made-up one and with another session's: refused, and no row of any table changed."""
    before = state(world.app)
    other = csrf_token(world.app.test_client())
    changes = world.changes(who)
    assert {method for _, method in changes} == METHODS[who]
    assert len(changes) > 40
    for address, method in changes:
        for token in (None, "forged", other):
            answer = world.send(who, address, method, token=token)
            assert (answer.status_code, refusal_of(answer)) == (400, "csrf_failed"), (method, address)
    assert state(world.app) == before
    assert is_signed_in(world.browsers[who])


@on_sqlite
@pytest.mark.parametrize("kind", sorted(OTHER_ORIGINS))
def test_csrf_from_another_origin_with_a_stolen_token(kind: str, world: World) -> None:
    before = state(world.app)
    for who in METHODS:
        for address, method in world.changes(who):
            answer = world.send(who, address, method, headers=OTHER_ORIGINS[kind])
            assert (answer.status_code, refusal_of(answer)) == (403, "cross_site"), (method, address)
        assert is_signed_in(world.browsers[who])
    assert state(world.app) == before


@on_sqlite
@pytest.mark.parametrize(
    "headers",
    [{}, OWN_ORIGIN, {"Sec-Fetch-Site": "none"}, {"Origin": "http://LOCALHOST"}, {"Origin": "http://localhost:80"}],
)
def test_the_portals_own_forms_get_through(headers: dict[str, str], world: World) -> None:
    """The negative control of the two above: the same requests, from where they belong."""
    assert world.send("owner", "/profile/tokens/", headers=headers).status_code == 201
    body = {"invoice_id": str(world.ids["invoice_id"]), "payment_method": "bank_transfer", "reference": "T-1"}
    assert world.send("owner", f"{BASE}/payments/manual/", headers=headers, json=body).status_code == 201
    assert world.send("admin", "/logout", headers=headers).status_code == 303
    assert not is_signed_in(world.browsers["admin"])


@on_sqlite
def test_a_program_with_a_token_is_no_browser(world: World, make: Factory) -> None:
    token = make.token(world.users["owner"])
    body = {"invoice_id": str(world.ids["invoice_id"]), "payment_method": "bank_transfer", "reference": "T-1"}
    headers = {"Authorization": f"Bearer {token}", **OTHER_ORIGINS["another site"]}
    assert world.app.test_client().post(f"{BASE}/payments/manual/", json=body, headers=headers).status_code == 201


@on_sqlite
def test_csrf_by_a_header_of_authorization_that_holds_nothing(world: World) -> None:
    """A session does not act where a bearer token was promised, so that the promise cannot replace the CSRF token."""
    before = state(world.app)
    for value in ("", "Bearer", "Bearer x", "Basic eDp5"):
        for address, method in world.changes("owner"):
            answer = world.send("owner", address, method, token=None, headers={"Authorization": value})
            expected = "invalid_token" if is_api_path(address) else "csrf_failed"
            assert refusal_of(answer) == expected, (method, address)
    assert state(world.app) == before


SEEN = (200, 302, 303, 400, 403, 404, 405, 409, 410)
"""What looking at an address may end in; 400, because a JSON list knows no such parameter."""


@on_sqlite
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_csrf_by_get_and_head(method: str, world: World) -> None:
    """No address changes anything when it is only looked at, whatever its parameters say."""
    before = state(world.app)
    query = {"version": "1", "reason": "x", "name": "x", "status": "paid", "_method": "POST", "action": "approve"}
    for who, browser in world.browsers.items():
        for address in world.routes("POST") + world.routes("GET"):
            answer = browser.open(address, method=method, query_string=query | {"csrf_token": world.tokens[who]})
            assert answer.status_code in SEEN, address
        assert is_signed_in(browser)
    assert state(world.app) == before


OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method")


@on_sqlite
@pytest.mark.parametrize("header", OVERRIDES)
def test_csrf_by_method_override(header: str, world: World) -> None:
    """A GET stays a GET, and what changes something needs its token though it calls itself one."""
    before = state(world.app)
    for who in METHODS:
        for address, method in world.changes(who):
            got = world.browsers[who].get(address, headers={header: method}, query_string={"_method": method})
            assert got.status_code in SEEN, (method, address)
            sent = world.send(who, address, method, token=None, headers={header: "GET"})
            assert refusal_of(sent) == "csrf_failed", (method, address)
    assert state(world.app) == before


@on_sqlite
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_methods_that_no_route_has(method: str, world: World) -> None:
    for address in world.routes("POST"):
        answer = world.browsers["admin"].open(address, method=method, headers={"X-CSRFToken": world.tokens["admin"]})
        assert answer.status_code == 405


@on_sqlite
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json",
     "application/xml", "application/json-patch+json", "application/jsonx", "text/plain; application/json", ""],
)  # fmt: skip
def test_csrf_by_json_sent_as_text_plain(content_type: str, world: World, make: Factory) -> None:
    """What a form of another site can send is refused by every JSON route, whoever sends it, also without a body."""
    before = state(world.app)
    bodies = [json.dumps({"version": 1, "reason": "x"}).encode()] + ([b""] if content_type else [])
    for who in METHODS:
        for address, method in world.changes(who):
            reads_a_body = is_api_path(address) and method != "DELETE"  # which no form can send
            for body in bodies if reads_a_body else []:
                answer = world.send(who, address, method, data=body, content_type=content_type)
                assert (answer.status_code, refusal_of(answer)) == (415, "unsupported_media_type"), (method, address)
    assert state(world.app) == before


@on_sqlite
def test_sign_in_csrf(world: World) -> None:
    """Nobody is signed in as the attacker behind their back."""
    victim = world.app.test_client()
    own = csrf_token(victim)
    form = {"email": world.users["owner"].email, "password": PASSWORD}
    for token in (None, "forged", csrf_token(world.app.test_client())):
        more = {} if token is None else {"csrf_token": token}
        assert victim.post("/login", data=form | more).status_code == 400
    for headers in OTHER_ORIGINS.values():
        assert victim.post("/login", data=form | {"csrf_token": own}, headers=headers).status_code == 403
    assert not is_signed_in(victim)
    assert victim.post("/login", data=form | {"csrf_token": own}, headers=OWN_ORIGIN).status_code == 303
    assert is_signed_in(victim)


@on_sqlite
def test_sign_out_csrf(world: World) -> None:
    victim, token = world.browsers["owner"], world.tokens["owner"]
    assert victim.get("/logout").status_code == 405
    assert victim.post("/logout").status_code == 400
    for headers in OTHER_ORIGINS.values():
        assert victim.post("/logout", data={"csrf_token": token}, headers=headers).status_code == 403
    assert is_signed_in(victim)
    assert victim.post("/logout", data={"csrf_token": token}).status_code == 303
    assert not is_signed_in(victim)


@on_sqlite
def test_a_token_in_the_address_is_no_token(world: World) -> None:
    """Addresses stand in logs and histories."""
    answer = world.browsers["owner"].post("/profile/tokens/", query_string={"csrf_token": world.tokens["owner"]})
    assert answer.status_code == 400
