"""Every route × method × visitor: let in as declared, else refused without a trace, and foreign is like absent."""

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.factories import Factory
from tests.matrix.table import CUSTOMERS, LET_IN, READS_TOO, SCOPE_OF
from tests.matrix.visitors import LOG, Beginning, House, Visitor, Written
from tests.pages import bare

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ENDS_THE_SESSION = {"web.sign_out"}
LATER_STEPS = {
    "web.second_step", "web.finish_session", "web.set_up", "web.finish_set_up", "web.own_password",
    "web.choose_own_password",
}  # fmt: skip
"""For those who have shown their password a moment ago. Everybody else is sent to sign in."""


@pytest.fixture
def shares_apps() -> bool:
    """Visitors listen on their app for good."""
    return False


@pytest.fixture
def house(app: Flask, make: Factory) -> House:
    return House(app, make)


def rules(app: Flask) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint)


def test_every_route_is_declared(app: Flask) -> None:
    there = {(rule.endpoint, method) for rule in rules(app) for method in (rule.methods or ()) if method in METHODS}
    assert there == set(LET_IN)


def test_who_is_let_in(house: House) -> None:
    """Everybody at every route, with ids of the account that most of them are of. Looking changes nothing."""
    written = Written(house.app)
    wrong = []
    for rule in rules(house.app):
        for method in METHODS:
            if (rule.endpoint, method) not in LET_IN or rule.endpoint in ENDS_THE_SESSION:
                continue
            for visitor in house.everybody(rule.endpoint):
                written.tables.clear()
                outcome = read(visitor.send(method, house.path(rule, house.ids_of(visitor))))
                expected = expectation(visitor, rule.endpoint, method)
                changes_nothing = outcome != "in" or method == "GET"
                if outcome != expected or (changes_nothing and not written.tables <= LOG):
                    wrong.append((rule.endpoint, method, visitor.name, outcome, expected, written.tables.copy()))
    assert wrong == []


def test_what_a_confined_token_is_let_in_to(house: House) -> None:
    """A token of each scope at every route of the API: it needs the scope and its user's role, and is told which."""
    written = Written(house.app)
    wrong = []
    for rule in rules(house.app):
        for method in METHODS:
            if (rule.endpoint, method) not in LET_IN or not rule.endpoint.startswith("api."):
                continue
            for visitor in house.confined:
                written.tables.clear()
                answer = visitor.send(method, house.path(rule, house.ids_of(visitor)))
                scope, may = SCOPE_OF[rule.endpoint], visitor.role in LET_IN[rule.endpoint, method]
                missing = READS_TOO.get(rule.endpoint) if visitor.scope == scope else scope
                expected = f"scope_missing {missing}" if may and missing else "in" if may else "forbidden"
                outcome = read_scope(answer)
                if outcome != expected or (outcome != "in" and not written.tables <= LOG):
                    wrong.append((rule.endpoint, method, visitor.name, outcome, expected, written.tables.copy()))
    assert wrong == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_changes_something_is_written_down(house: House) -> None:
    """Who makes a change stands in the log: in what role, by which face, from where, in which request. Customers and
    staff by session and by token, each on the house as it was in the beginning, which SQLite quickly brings back.
    """
    written, beginning = Written(house.app), Beginning(house.app)
    wrong, changing = [], set()
    for rule in rules(house.app):
        for method in set(METHODS[1:]) & (rule.methods or set()) if rule.endpoint not in ENDS_THE_SESSION else ():
            for visitor in let_in_by_kind(house, rule.endpoint, method):
                beginning.bring_back()
                written.tables.clear()
                answer = visitor.send(method, house.path(rule, house.ids_of(visitor)))
                changed = written.tables - LOG
                entries = house.entries(answer.headers["X-Request-ID"])
                roles = {visitor.role, "nobody"} if "nobody" in LET_IN[rule.endpoint, method] else {visitor.role}
                fitting = {house.as_written(role, rule.endpoint) for role in roles}
                if (changed and not entries) or not entries <= fitting:
                    wrong.append((rule.endpoint, method, visitor.name, answer.status_code, changed, entries))
                changing |= {rule.endpoint} if changed else set()
    assert wrong == []
    assert len(changing) > 50


def test_every_route_of_the_api_names_its_scope(app: Flask) -> None:
    assert set(SCOPE_OF) == {rule.endpoint for rule in rules(app) if rule.endpoint.startswith("api.")}


def test_foreign_is_like_absent(house: House) -> None:
    """Whoever has an account gets the same bytes for another account's id as for one that nothing has."""
    written = Written(house.app)
    wrong = []
    for rule in rules(house.app):
        if not rule.arguments or rule.endpoint == "static":
            continue
        for method in METHODS:
            for visitor in house.everybody(rule.endpoint):
                if visitor.role not in CUSTOMERS & LET_IN.get((rule.endpoint, method), frozenset()):
                    continue
                written.tables.clear()
                ids = house.own if visitor.role == "stranger" else house.foreign
                foreign = visitor.send(method, house.path(rule, ids))
                absent = visitor.send(method, house.path(rule, house.absent()))
                if (foreign.status_code, bare(foreign)) != (404, bare(absent)) or not written.tables <= LOG:
                    wrong.append((rule.endpoint, method, visitor.name, foreign.status_code, written.tables.copy()))
    assert wrong == []


def test_what_nothing_has_is_absent_for_staff_too(house: House) -> None:
    wrong = []
    for rule in rules(house.app):
        names = set(rule.arguments) - {"method", "filename", "external_id"}
        for method in METHODS:
            for visitor in house.everybody(rule.endpoint):
                if names and visitor.role in LET_IN.get((rule.endpoint, method), frozenset()) - CUSTOMERS:
                    answer = visitor.send(method, house.path(rule, house.absent()))
                    if answer.status_code != 404:
                        wrong.append((rule.endpoint, method, visitor.name, answer.status_code))
    assert wrong == []


def test_other_methods_are_refused_to_everybody(house: House) -> None:
    """And the answer names the methods that there are; it does not depend on who asks."""
    wrong = []
    for rule in rules(house.app):
        path = house.path(rule, house.own)
        known = {m for other in rules(house.app) if other.rule == rule.rule for m in other.methods or ()}
        for method in set(METHODS) - known:
            for visitor in house.everybody(rule.endpoint):
                answer = visitor.send(method, path)
                allowed = {word.strip() for word in answer.headers.get("Allow", "").split(",")}
                if (answer.status_code, allowed) != (405, known):
                    wrong.append((rule.endpoint, method, visitor.name, answer.status_code, allowed, known))
    assert wrong == []


def test_nobody_reads_what_a_head_or_options_request_should_not_show(house: House) -> None:
    """HEAD is let in as GET is, without a body; OPTIONS tells the methods and nothing else."""
    wrong = []
    for rule in rules(house.app):
        if "GET" not in (rule.methods or ()):
            continue
        for visitor in house.everybody(rule.endpoint):
            path = house.path(rule, house.ids_of(visitor))
            get, head, options = (visitor.send(method, path) for method in ("GET", "HEAD", "OPTIONS"))
            if head.data or read(head) != read(get):
                wrong.append((rule.endpoint, "HEAD", visitor.name, head.status_code))
            if options.data and read(options) == "in" and options.data in get.data:
                wrong.append((rule.endpoint, "OPTIONS", visitor.name, options.status_code))
    assert wrong == []


def let_in_by_kind(house: House, endpoint: str, method: str) -> list[Visitor]:
    """One visitor of each kind who is let in."""
    let_in = [visitor for visitor in house.everybody(endpoint) if expectation(visitor, endpoint, method) == "in"]
    return list({(bool(visitor.token), visitor.role in CUSTOMERS): visitor for visitor in reversed(let_in)}.values())


def expectation(visitor: Visitor, endpoint: str, method: str) -> str:
    if endpoint in LATER_STEPS:  # who was never shown a form has no token for one, and is told so first
        return "in" if (visitor.role, method) == ("nobody", "POST") else "unknown"
    let_in = LET_IN[endpoint, method]
    if visitor.role in let_in or "nobody" in let_in:
        return "in" if not (visitor.token and visitor.role == "nobody") else "unknown"
    return "unknown" if visitor.role == "nobody" else "forbidden"


def read(response: TestResponse) -> str:
    """The answer in one word: in, unknown (sign in first), forbidden, or the status that should not be."""
    to_sign_in = response.status_code == 302 and response.headers["Location"].startswith("/login")
    if response.status_code == 401 or to_sign_in:
        return "unknown"
    if response.status_code == 403:
        return "forbidden"
    return "in" if response.status_code not in (404, 405) and response.status_code < 500 else str(response.status_code)


def read_scope(response: TestResponse) -> str:
    """The same, for a refusal with its code, and the scope that it names."""
    if response.status_code != 403:
        return read(response)
    body = response.get_json(force=True)
    return " ".join(word for word in (body["code"], body.get("scope")) if word)
