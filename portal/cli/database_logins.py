"""PostgreSQL's logins: what each may do, by table, and how they are made.

The rights hang on groups without a login (``portal_gate``, ``portal_customer``, …); a login is a member of one. So a
second login, with another password, can take over from the first without a pause.
"""

import secrets
from collections.abc import Mapping

from sqlalchemy import Connection, text

from portal.foundation.row_security import Login

RIGHTS_HOLDERS = (Login.GATE, Login.CUSTOMER, Login.STAFF, Login.WORKER)
READ, ADD, CHANGE, REMOVE = "SELECT", "INSERT", "UPDATE", "DELETE"
EVERYTHING = (READ, ADD, CHANGE, REMOVE)
SHORT_LIVED = ("attempt_limits", "idempotency_keys", "recovery_codes", "second_factors", "user_sessions")
"""Whose rows are deleted when their time is over."""
OF_DRAFTS = ("invoice_lines",)
"""Whose rows staff take out of a draft. A trigger keeps those of what was issued."""
PURGED = ("mailed_links", "mails", "webhook_deliveries", "webhook_events")
"""Whose rows the purge deletes, across accounts. No other row ever is."""
EMPTIED = {"payment_proofs": "UPDATE (content)"}
"""What the purge takes out of rows that stay: a right of the worker's alone. A trigger says of which rows."""
LOCK = "UPDATE (id)"
"""FOR UPDATE asks for the right to update something. The policies of these tables refuse the change itself."""

CHANGE_ENDPOINT = (
    "UPDATE (url, event_types, sealed_secret, sealed_previous, previous_until, disabled_at, disabled_reason, ended_at)"
)

# What customers, and the gate before anybody is known, may do: the tables that are not named here, nothing.
# Staff and the worker may do everything but delete what is kept for good; where rows are append-only, read and add.
RIGHTS: dict[Login, dict[str, tuple[str, ...]]] = {
    Login.GATE: {
        "accounts": (READ,),
        "alembic_version": (READ,),
        "api_tokens": (READ, "UPDATE (last_used_at, last_used_address)"),
        "attempt_limits": EVERYTHING,
        "audit_chains": (READ, ADD, CHANGE),
        "audit_entries": (ADD,),
        "mailed_links": (READ, ADD),
        "mails": (ADD,),
        "portal_facts": (READ,),
        "recovery_codes": EVERYTHING,
        "second_factors": EVERYTHING,
        "user_sessions": EVERYTHING,
        "users": (READ, LOCK),
    },
    Login.CUSTOMER: {
        "account_payment_methods": (READ,),
        "accounts": (READ, LOCK),
        "alembic_version": (READ,),
        "api_tokens": (READ, ADD, "UPDATE (expires_at, last_used_at, last_used_address, revoked_at)"),
        "attempt_limits": EVERYTHING,
        "audit_chains": (READ, ADD, CHANGE),
        "audit_entries": (ADD,),
        "credit_transactions": (READ,),
        "idempotency_keys": EVERYTHING,
        "invoice_lines": (READ,),
        "invoices": (READ, LOCK),
        "mailed_links": (READ, ADD, "UPDATE (ended_at)"),
        "mails": (ADD,),
        "payment_events": (READ, ADD),
        "payment_method_configs": (READ,),
        "payment_proofs": (READ, ADD),
        "payments": (READ, ADD, "UPDATE (status, version, last_event_id, updated_at)"),
        "portal_facts": (READ,),
        "postings": (READ,),
        "recovery_codes": EVERYTHING,
        "second_factors": EVERYTHING,
        "user_sessions": EVERYTHING,
        "users": (READ, "UPDATE (email, locale, must_choose_password, password_hash, timezone, unwanted_mails)"),
        "webhook_deliveries": (READ, ADD, "UPDATE (status, tries, due_at)"),
        "webhook_endpoints": (READ, ADD, CHANGE_ENDPOINT),
        "webhook_events": (READ, ADD),
    },
}
# A page's statement that takes longer, waiting included, is ended by the server, and so is a forgotten transaction.
_PATIENCE = {"statement_timeout": "4s", "idle_in_transaction_session_timeout": "30s"}
_LIMITS = {
    Login.GATE: _PATIENCE,
    Login.CUSTOMER: _PATIENCE,
    Login.STAFF: _PATIENCE,
    Login.WORKER: {"statement_timeout": "10min", "lock_timeout": "10s"},
    Login.OWNER: {"lock_timeout": "10s"},  # a migration that cannot have its lock must not keep everybody waiting
}
_CROSSING = (Login.STAFF, Login.WORKER)
_IDENTIFYING = (Login.GATE, Login.STAFF, Login.WORKER)


def make_logins(connection: Connection, prefix: str, passwords: Mapping[Login, str]) -> dict[Login, str]:
    """Make the groups and logins that are missing, and set up the database for them; the logins' names.

    A login that is there keeps its password, unless ``passwords`` has one for it. The connection's own login must be a
    superuser, or own the database and have CREATEROLE. A second time changes nothing.
    """
    names = {login: f"{prefix}_{login}" for login in Login}
    for login in RIGHTS_HOLDERS:
        _make_role(connection, login.group, "NOLOGIN")
    for login, name in names.items():
        _make_role(connection, name, "LOGIN")
        if login in passwords:
            _set_password(connection, name, passwords[login])
        if login in RIGHTS_HOLDERS:
            _do(connection, "GRANT {} TO {}", login.group, name)
        for setting, value in _LIMITS[login].items():
            _do(connection, f"ALTER ROLE {{}} SET {setting} = '{value}'", name)
    _close_to_others(connection, names)
    _hand_over(connection, names[Login.OWNER])
    return names


def new_passwords(connection: Connection, prefix: str, *, all_of_them: bool) -> dict[Login, str]:
    """A password for each login that is not there yet, or for all."""
    there = set(connection.scalars(text("SELECT rolname FROM pg_roles")))
    wanted = [login for login in Login if all_of_them or f"{prefix}_{login}" not in there]
    return {login: secrets.token_urlsafe(32) for login in wanted}


def grant_rights(connection: Connection) -> None:
    """Give the groups what they may do on the tables that there are now, and nothing else. By the tables' owner."""
    append_only = set(
        connection.scalars(
            text(
                "SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
                " WHERE tgname = relname || '_no_update' AND relnamespace = current_schema()::regnamespace"
            )
        )
    )
    for table in connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")).all():
        _do(connection, "REVOKE ALL ON {} FROM PUBLIC", table)
        for login in RIGHTS_HOLDERS:
            rights = _there(connection, table, RIGHTS[login]) if login in RIGHTS else _of_staff(table, append_only)
            if login is Login.WORKER and table in EMPTIED:
                rights = [*rights, EMPTIED[table]]
            _do(connection, "REVOKE ALL ON {} FROM {}", table, login.group)
            if rights:
                _do(connection, f"GRANT {', '.join(rights)} ON {{}} TO {{}}", table, login.group)
    for function, logins in {"portal_may_cross": _CROSSING, "portal_may_identify": _IDENTIFYING}.items():
        if connection.scalar(text("SELECT to_regprocedure(:name)"), {"name": f"{function}()"}):
            _do(connection, "REVOKE ALL ON FUNCTION {}() FROM PUBLIC", function)
            for login in logins:
                _do(connection, "GRANT EXECUTE ON FUNCTION {}() TO {}", function, login.group)


def _there(connection: Connection, table: str, rights: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The rights on the table, on columns that it has: after a step back to an older release it lacks the newest."""
    columns = set(
        connection.scalars(
            text(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND table_name = :table"
            ),
            {"table": table},
        )
    )
    there = []
    for right in rights.get(table, ()):
        kind, is_of_columns, named = right.rstrip(")").partition(" (")
        kept = [name for name in named.split(", ") if name in columns]
        if not is_of_columns:
            there.append(right)
        elif kept:
            there.append(f"{kind} ({', '.join(kept)})")
    return there


def _of_staff(table: str, append_only: set[str]) -> tuple[str, ...]:
    if table in (*SHORT_LIVED, *OF_DRAFTS, *PURGED):
        return EVERYTHING
    return (READ, ADD) if table in append_only else (READ, ADD, CHANGE)


def is_set_up(connection: Connection) -> bool:
    """Whether this database has been set up for the groups, and the connection's login may grant on its tables."""
    marked = connection.scalar(
        text(
            "SELECT count(*) FROM pg_namespace, aclexplode(nspacl) AS given"
            " WHERE nspname = current_schema() AND given.grantee = to_regrole(:group)"
        ),
        {"group": Login.CUSTOMER.group},
    )
    mine = text(
        "SELECT coalesce(bool_and(pg_has_role(tableowner, 'USAGE')), true) FROM pg_tables"
        " WHERE schemaname = current_schema()"
    )
    return bool(marked) and bool(connection.scalar(mine))


def _make_role(connection: Connection, name: str, kind: str) -> None:
    if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}) is None:
        _do(connection, f"CREATE ROLE {{}} {kind}", name)


def _set_password(connection: Connection, name: str, password: str) -> None:
    """Send the password's SCRAM verifier, as psql does: the password itself could come to stand in the server's log."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    verifier = driver.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    _do(connection, f"ALTER ROLE {{}} PASSWORD '{verifier}'", name)


def _close_to_others(connection: Connection, names: Mapping[Login, str]) -> None:
    """Nobody but these logins comes in, and none of them makes anything but the owner."""
    database, schema = connection.execute(text("SELECT current_database(), current_schema()")).one()
    _do(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    _do(connection, "REVOKE ALL ON SCHEMA {} FROM PUBLIC", schema)
    for name in names.values():
        _do(connection, "GRANT CONNECT ON DATABASE {} TO {}", database, name)
    for login in RIGHTS_HOLDERS:
        _do(connection, "GRANT USAGE ON SCHEMA {} TO {}", schema, login.group)
    _do(connection, "GRANT USAGE, CREATE ON SCHEMA {} TO {}", schema, names[Login.OWNER])


def _hand_over(connection: Connection, owner: str) -> None:
    """Give the owner what is there already, and grant on it."""
    if not connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
        _do(connection, "GRANT {} TO CURRENT_USER", owner)
    for table in connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")).all():
        _do(connection, "ALTER TABLE {} OWNER TO {}", table, owner)
    functions = (
        "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND pronargs = 0"
        " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"
    )
    for function in connection.scalars(text(functions)).all():
        _do(connection, "ALTER FUNCTION {}() OWNER TO {}", function, owner)
    _do(connection, "SET LOCAL ROLE {}", owner)
    grant_rights(connection)
    connection.exec_driver_sql("RESET ROLE")


def _do(connection: Connection, statement: str, *names: str) -> None:
    """Run the statement with the names quoted into it: they cannot be parameters."""
    quote = connection.dialect.identifier_preparer.quote
    connection.exec_driver_sql(statement.format(*map(quote, names)))
