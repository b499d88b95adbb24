"""What is wrong with the database's logins that the portal was given, a sentence each.

None of it shows when the portal starts: a login that is wrong answers nobody's page later on, and a mighty one answers
all of them, past the policies.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import DBAPIError

from portal.foundation.row_security import Login

_COMPANIONS = (Login.GATE, Login.STAFF)
"""Without which a server whose ``DATABASE_URL`` is the customers' login signs nobody in."""
_ABOUT = text(
    "SELECT rolsuper OR rolbypassrls AS unbound, current_database() AS database,"
    " coalesce(pg_has_role(to_regrole(:group)::oid, 'MEMBER'), false) AS is_member,"
    " to_regrole(:group) IS NOT NULL AS has_groups FROM pg_roles WHERE rolname = current_user"
)


def login_problems(engines: Mapping[str | None, Engine], *, allows_one_superuser: bool) -> list[str]:
    """What is wrong with the logins of these engines. None has a login on SQLite.

    ``allows_one_superuser``: on one's own machine one login for everything may be any.
    """
    if engines[None].dialect.name != "postgresql":
        return []
    logins = {Login.CUSTOMER if name is None else Login(name): engine for name, engine in engines.items()}
    databases: dict[Login, str] = {}
    problems: list[str] = []
    for login, engine in logins.items():
        try:
            with engine.connect() as connection:
                about = connection.execute(_ABOUT, {"group": login.group}).one()
        except DBAPIError as error:
            problems.append(f"{login.setting} does not lead to the database: {' '.join(str(error.orig).split())}")
        else:
            databases[login] = about.database
            problems += _wrong_with(login, about, set(logins), allows_one_superuser=allows_one_superuser)
    return problems + list(_elsewhere(databases))


def _wrong_with(login: Login, about: Row[Any], given: set[Login], *, allows_one_superuser: bool) -> Iterator[str]:
    is_for_everything = given <= {Login.CUSTOMER, Login.OWNER}
    if about.unbound:
        if not (is_for_everything and allows_one_superuser):
            yield (
                f"{login.setting} is a superuser's login or has BYPASSRLS: nothing would keep accounts apart. "
                "Make logins with: flask --app wsgi database setup"
            )
    elif login is Login.CUSTOMER and about.is_member:
        for other in _COMPANIONS:
            if other not in given:
                yield f"{other.setting} is missing: DATABASE_URL is the customers' login, by which nobody signs in."
    elif not is_for_everything and login is not Login.OWNER and about.has_groups and not about.is_member:
        yield f"{login.setting} is the address of another login: this one is no member of {login.group}."


def _elsewhere(databases: Mapping[Login, str]) -> Iterator[str]:
    own = databases.get(Login.CUSTOMER)
    for login, database in databases.items():
        if own is not None and database != own:
            yield f"{login.setting} leads to the database {database}, and DATABASE_URL to {own}."
