"""A wrong login of the database is found before the portal serves, and by its setting's name."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from portal.app import create_app
from portal.foundation.row_security import Login
from portal.safety import Unsafe, check_logins
from tests import postgres
from tests.engines import disconnect

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
Changed = Callable[..., list[str]]


@pytest.fixture
def problems(new_settings: Callable[[], dict[str, Any]]) -> Iterator[Changed]:
    """What is said of an app whose logins are changed: to another name, or to None to leave them out."""
    apps: list[Flask] = []

    def of(environment: str, **changed: str | None) -> list[str]:
        settings = new_settings()
        logins = settings["DATABASE_LOGINS"] | {"customer": settings["SQLALCHEMY_DATABASE_URI"]}
        for login, name in changed.items():
            url = logins.pop(login)
            if name is not None:
                logins[login] = url.replace(f"//{postgres.PREFIX}_{login}@", f"//{name}@")
        settings["SQLALCHEMY_DATABASE_URI"] = logins.pop("customer")
        apps.append(create_app(settings | {"DATABASE_LOGINS": logins, "ENVIRONMENT": environment}))
        with apps[-1].app_context():
            try:
                check_logins(apps[-1])
            except Unsafe as refused:
                return str(refused).splitlines()
        return []

    yield of
    for app in apps:
        disconnect(app)


def test_logins_as_they_were_set_up_are_fine(problems: Changed) -> None:
    assert problems("production") == []
    assert problems("production", owner=None, worker=None) == []


def test_a_login_that_is_not_there_is_named(problems: Changed) -> None:
    (said,) = problems("production", gate="nobody")
    assert said.startswith("DATABASE_GATE_URL does not lead to the database: ")
    assert 'role "nobody" does not exist' in said


def test_the_customers_login_alone_signs_nobody_in(problems: Changed) -> None:
    alone = dict.fromkeys(("gate", "staff", "worker", "owner"))
    assert problems("production", **alone) == [
        f"DATABASE_{name}_URL is missing: DATABASE_URL is the customers' login, by which nobody signs in."
        for name in ("GATE", "STAFF")
    ]


@pytest.mark.parametrize("login", [Login.GATE, Login.STAFF, Login.WORKER, Login.CUSTOMER])
def test_another_login_in_its_place_is_named(problems: Changed, login: Login) -> None:
    assert problems("development", **{login: f"{postgres.PREFIX}_owner"}) == [
        f"{login.setting} is the address of another login: this one is no member of portal_{login}."
    ]


def test_a_superuser_is_refused_but_for_one_login_on_ones_own_machine(problems: Changed) -> None:
    sentence = (
        "{} is a superuser's login or has BYPASSRLS: nothing would keep accounts apart. "
        "Make logins with: flask --app wsgi database setup"
    )
    alone = dict.fromkeys(("gate", "staff", "worker", "owner"))
    assert problems("production", customer="postgres", **alone) == [sentence.format("DATABASE_URL")]
    assert problems("development", customer="postgres", **alone) == []
    assert problems("development", gate="postgres") == [sentence.format("DATABASE_GATE_URL")]


def test_one_login_for_everything_owns_the_tables(problems: Changed) -> None:
    owner = f"{postgres.PREFIX}_owner"
    others = dict.fromkeys(("gate", "staff", "worker"))
    assert problems("production", customer=owner, **others) == []
    assert problems("production", customer=owner, owner=None, **others) == []


def test_another_database_is_named(new_settings: Callable[[], dict[str, Any]]) -> None:
    settings = new_settings()
    here, there = (make["SQLALCHEMY_DATABASE_URI"].split("@/")[1].split("?")[0] for make in (settings, new_settings()))
    settings["DATABASE_LOGINS"]["staff"] = settings["DATABASE_LOGINS"]["staff"].replace(f"/{here}?", f"/{there}?")
    app = create_app(settings)
    with app.app_context(), pytest.raises(Unsafe) as refused:
        check_logins(app)
    assert str(refused.value) == f"DATABASE_STAFF_URL leads to the database {there}, and DATABASE_URL to {here}."
    disconnect(app)


def test_another_server_is_refused_at_the_first_page(new_settings: Callable[[], dict[str, Any]]) -> None:
    """One that leads around ``serve``."""
    settings = new_settings() | {
        "ENVIRONMENT": "production", "TESTING": False, "SECRET_KEY": "Vb9uXhM2rK7sLw0QeT4yZc8nAf6jGd1pR3oI5tU",
        "HOSTS_ARE_GIVEN": True, "SESSION_COOKIE_SECURE": True,
    }  # fmt: skip
    app = create_app(settings)
    assert app.test_client().get("/invoices/").status_code == 302
    disconnect(app)
    del settings["DATABASE_LOGINS"][Login.STAFF]
    app = create_app(settings)
    assert app.test_client().get("/invoices/").status_code == 500
    disconnect(app)
