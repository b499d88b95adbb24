"""Webhooks over the API: whole answers, who may what, and a secret that no kept answer holds."""

from typing import Any

import pytest
from sqlalchemy import select

from portal.foundation.audit import AuditEntry
from portal.foundation.db import session
from portal.foundation.ids import new_id
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from portal.webhooks import delivering
from tests.api.conftest import BASE, Caller, World, problem, without_id
from tests.contents import contents
from tests.factories import Factory

WHERE = {"url": "https://hooks.example/in?key=7", "event_types": ["payment.approved", "invoice.paid"]}
LIST = "/webhook-endpoints/"


def added(caller: Caller, **changes: Any) -> dict[str, Any]:
    answer = caller.post(LIST, WHERE | changes)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.get_json()["data"]
    assert answer.headers["Location"] == f"{BASE}{LIST}{data['id']}/"
    return data


def send(caller: Caller, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return caller.raw(method, BASE + path, **({} if body is None else {"json": body}))


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_an_endpoints_life(who: str, world: World) -> None:
    caller = world[who]
    first = added(caller)
    assert first == {
        "id": first["id"], "url": "https://hooks.example/in?key=7", "event_types": ["payment.approved", "invoice.paid"],
        "status": "enabled", "disabled_reason": None, "disabled_at": None, "previous_secret_until": None,
        "created_at": first["created_at"],
    }  # fmt: skip
    one = f"{LIST}{first['id']}/"
    assert caller.get(one).get_json()["data"] == first
    changed = send(caller, "PATCH", one, {"event_types": ["credits.changed"], "is_enabled": False}).get_json()["data"]
    off = {"event_types": ["credits.changed"], "status": "disabled", "disabled_reason": "asked"}
    assert changed == first | off | {"disabled_at": changed["disabled_at"]}
    on = send(caller, "PATCH", one, {"is_enabled": True, "url": "https://other.example/"}).get_json()["data"]
    assert on == first | {"url": "https://other.example/", "event_types": ["credits.changed"]}
    second = added(caller)
    assert caller.get(LIST).get_json()["data"] == [second, on]
    for _ in range(2):
        assert send(caller, "DELETE", one).get_json()["data"] == on | {"status": "ended"}
    assert caller.get(LIST).get_json()["data"] == [second]
    assert caller.get(one).get_json()["data"] == on | {"status": "ended"}
    assert problem(send(caller, "PATCH", one, {"is_enabled": True})) == (409, "webhook_endpoint_ended", [])


def test_the_secret_is_read_by_itself_and_stands_in_no_row(world: World) -> None:
    caller = world["owner"]
    keyed = caller.raw("POST", BASE + LIST, json=WHERE, headers={"Idempotency-Key": "one"})
    one = f"{LIST}{keyed.get_json()['data']['id']}/"
    secret = caller.get(f"{one}secret/").get_json()["data"]["secret"]
    rotation = caller.raw("POST", f"{BASE}{one}rotation/", headers={"Idempotency-Key": "two"})
    until = rotation.get_json()["data"]["previous_secret_until"]
    assert until is not None
    other = caller.get(f"{one}secret/").get_json()["data"]["secret"]
    assert (len(secret), len(other), secret[:6], secret == other) == (50, 50, "whsec_", False)
    stored = repr(contents(world.app))
    for part in (secret, other, secret[6:], other[6:]):
        assert part not in stored + keyed.text + rotation.text
    assert [action for action, _ in entries(world)] == ["created", "secret_shown", "secret_rotated", "secret_shown"]


def entries(world: World) -> list[tuple[str, dict[str, Any]]]:
    """What the audit log says of endpoints and deliveries."""
    with world.app.app_context(), across_accounts(), by_login(Login.WORKER):
        about = AuditEntry.subject_type.in_(("webhook_endpoint", "webhook_delivery"))
        found = session.execute(select(AuditEntry.action, AuditEntry.changes).where(about).order_by(AuditEntry.id))
        return [(action.split(".")[1], changes) for action, changes in found]


def test_what_the_audit_log_says(world: World) -> None:
    """Of an address its host: what stands behind it may be a secret."""
    caller = world["owner"]
    one = f"{LIST}{added(caller)['id']}/"
    send(caller, "PATCH", one, {"url": "https://hooks.example/other"})
    send(caller, "PATCH", one, {"url": "https://hooks.example/other", "is_enabled": False})
    send(caller, "DELETE", one)
    assert entries(world) == [
        ("created", {"url": [None, "https://hooks.example"], "event_types": [None, WHERE["event_types"]],
                     "status": [None, "enabled"]}),
        ("updated", {"url": ["https://hooks.example", "https://hooks.example"]}),
        ("updated", {"status": ["enabled", "disabled"], "disabled_reason": [None, "asked"]}),
        ("ended", {"status": ["disabled", "ended"]}),
    ]  # fmt: skip


def test_a_test_and_its_delivery(world: World) -> None:
    caller = world["owner"]
    one = f"{LIST}{added(caller, url='http://127.0.0.1:1/')['id']}/"
    sent = caller.post(f"{one}test/").get_json()["data"]
    with world.app.app_context(), across_accounts(), by_login(Login.WORKER):
        assert delivering.deliver_next()
    (shown,) = caller.get(f"{one}deliveries/").get_json()["data"]
    attempt = shown["attempts"][0]
    assert attempt == {
        "at": attempt["at"], "status": None, "error": "No connection: Connection refused.", "ms": attempt["ms"],
    }  # fmt: skip
    request = shown["request"]
    assert shown == sent | {"attempts": [attempt], "due_at": shown["due_at"]}
    assert request == {
        "type": "webhook.test", "timestamp": request["timestamp"],
        "data": {"endpoint_id": shown["endpoint_id"], "message": "This is a test. Nothing has happened."},
    }  # fmt: skip
    again = caller.post(f"/webhook-deliveries/{shown['id']}/retry/").get_json()["data"]
    assert again == shown | {"due_at": again["due_at"]}
    send(caller, "PATCH", one, {"is_enabled": False})
    refused: tuple[int, str, list[Any]] = (409, "webhook_endpoint_disabled", [])
    assert problem(caller.post(f"{one}test/")) == refused
    assert problem(caller.post(f"/webhook-deliveries/{shown['id']}/retry/")) == refused


def test_deliveries_come_in_pages(world: World) -> None:
    caller = world["owner"]
    one = f"{LIST}{added(caller)['id']}/"
    sent = [caller.post(f"{one}test/").get_json()["data"]["id"] for _ in range(3)]
    page = caller.get(f"{one}deliveries/", page_size=2).get_json()
    rest = caller.raw("GET", page["pagination"]["next"]).get_json()
    assert [row["id"] for row in page["data"] + rest["data"]] == sent[::-1]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("url", "required"), ("event_types", "required")]),
        (WHERE | {"event_types": []}, [("event_types", "invalid_event_types")]),
        (WHERE | {"event_types": ["payment.lost"]}, [("event_types", "invalid_event_types")]),
        (WHERE | {"event_types": ["webhook.test"]}, [("event_types", "invalid_event_types")]),
        (WHERE | {"event_types": "payment.approved"}, [("event_types", "invalid_type")]),
        (WHERE | {"url": "http://hooks.example/"}, [("url", "webhook_url_refused")]),
        (WHERE | {"url": "https://169.254.169.254/"}, [("url", "webhook_url_refused")]),
        (WHERE | {"account_id": "x"}, [("account_id", "unknown_field")]),
    ],
)
def test_what_is_refused(body: dict[str, Any], errors: list[tuple[str, str]], world: World) -> None:
    status, _, found = problem(world["owner"].post(LIST, body))
    assert (status, sorted(found)) == (400, sorted(errors))
    assert world["owner"].get(LIST).get_json()["data"] == []


@pytest.mark.parametrize("value", [1, 0, "true", "yes", None, []])
def test_on_and_off_are_a_boolean(value: object, world: World) -> None:
    one = f"{LIST}{added(world['owner'])['id']}/"
    assert problem(send(world["owner"], "PATCH", one, {"is_enabled": value}))[0] == 400


def test_there_are_ten_at_most(world: World) -> None:
    for _ in range(10):
        added(world["owner"])
    assert problem(world["owner"].post(LIST, WHERE)) == (409, "too_many_webhook_endpoints", [])
    send(world["owner"], "DELETE", f"{LIST}{world['owner'].get(LIST).get_json()['data'][0]['id']}/")
    added(world["owner"])
    added(world["stranger"])
    added(world["admin"])


def test_nobody_sees_anothers(world: World) -> None:
    """Not another account's, not staff's, and staff not an account's: absent and foreign are the same bytes."""
    places = []
    for who in ("owner", "admin"):
        one = f"{LIST}{added(world[who])['id']}/"
        delivery = world[who].post(f"{one}test/").get_json()["data"]["id"]
        places.append((who, one, f"/webhook-deliveries/{delivery}/retry/"))
    for who, one, retry in places:
        for other in {"owner", "stranger", "admin"} - {who}:
            for method, path in (
                ("GET", one), ("PATCH", one), ("DELETE", one), ("GET", f"{one}secret/"), ("POST", f"{one}rotation/"),
                ("POST", f"{one}test/"), ("GET", f"{one}deliveries/"), ("POST", retry),
            ):  # fmt: skip
                foreign = send(world[other], method, path)
                absent = send(world[other], method, path.replace(path.split("/")[2], str(new_id())))
                assert (foreign.status_code, without_id(foreign)) == (404, without_id(absent)), (other, method, path)
            assert one.split("/")[2] not in world[other].get(LIST).text, other
    for who in ("member", "viewer", "reviewer"):
        assert problem(world[who].get(LIST)) == (403, "forbidden", [])


def test_what_customers_pay_is_told_by_the_logins_that_they_come_by(world: World, make: Factory) -> None:
    """The whole way over the API: reported by a customer, approved by staff, handed out by the worker."""
    mine, staffs = added(world["owner"], event_types=["payment.submitted"]), added(world["admin"])
    invoice = make.invoice(world.account)
    body = {"invoice_id": str(invoice.id), "payment_method": "bank_transfer", "transaction_reference": "A 1"}
    reported = world["member"].post("/payments/manual/", body).get_json()["data"]
    world["reviewer"].post(f"/payments/{reported['id']}/approval/", {"version": 1})
    with world.app.app_context(), across_accounts(), by_login(Login.WORKER):
        while delivering.hand_out():
            pass
    told = {
        who: [row["event_type"] for row in world[who].get(f"{LIST}{one['id']}/deliveries/").get_json()["data"]]
        for who, one in (("owner", mine), ("admin", staffs))
    }
    assert told == {"owner": ["payment.submitted"], "admin": ["invoice.paid", "payment.approved"]}
