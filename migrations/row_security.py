"""Policies of PostgreSQL on whose rows a statement may see, written once and called per table. SQLite has none."""

import sqlalchemy as sa
from alembic import op

from migrations.rules import is_sqlite

MINE = "account_id = (SELECT portal_account())"
"""The row is of the account in scope. In a subquery, so that it is asked once a statement and not once a row."""
ACROSS = "(SELECT portal_across())"
"""The scope is all accounts, and the login may say so."""
IDENTIFYING = "(SELECT portal_identifying())"
"""There is no scope yet, and the login may look for who asks."""

# A privilege to call the one is the right to say "all accounts", to call the other the right to look for users outside
# a scope. Everybody has both until `database setup` takes them away: with a single login nothing needs to be set up.
_PRIVILEGES = ("portal_may_cross", "portal_may_identify")
_FUNCTIONS = {
    "portal_account": ("uuid", "nullif(nullif(current_setting('app.account_id', true), ''), '*')::uuid"),
    "portal_across": (
        "boolean",
        """
        coalesce(current_setting('app.account_id', true), '') = '*'
        AND has_function_privilege(session_user, '{schema}.portal_may_cross()', 'EXECUTE')
        """,
    ),
    "portal_identifying": (
        "boolean",
        """
        coalesce(current_setting('app.account_id', true), '') = ''
        AND has_function_privilege(session_user, '{schema}.portal_may_identify()', 'EXECUTE')
        """,
    ),
}


def create_functions() -> None:
    """What the policies ask."""
    if is_sqlite():
        return
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    for name in _PRIVILEGES:
        op.execute(f"CREATE FUNCTION {name}() RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'")
    for name, (kind, body) in _FUNCTIONS.items():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS {kind} LANGUAGE sql STABLE PARALLEL SAFE"
            f" AS $$ SELECT {body.format(schema=schema)} $$"
        )


def drop_functions() -> None:
    if not is_sqlite():
        for name in (*_FUNCTIONS, *_PRIVILEGES):
            op.execute(f"DROP FUNCTION {name}()")


def secure(
    table: str, rows: str = MINE, *, added: str | None = None, changed: str | None = None, removed: str = ACROSS
) -> None:
    """Let a statement see and write the rows of which the condition holds; across accounts, all.

    ``added`` and ``changed`` are what must hold of a row that is inserted or has been updated, where that is narrower.
    Rows are deleted across accounts only, unless ``removed`` says otherwise. The owner of the table is bound as
    everybody is (a superuser is not).
    """
    if is_sqlite():
        return
    rows = f"{rows} OR {ACROSS}"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for name, what in {
        "read": f"FOR SELECT USING ({rows})",
        "add": f"FOR INSERT WITH CHECK ({added or rows})",
        "change": f"FOR UPDATE USING ({rows}) WITH CHECK ({changed or rows})",
        "remove": f"FOR DELETE USING ({removed})",
    }.items():
        op.execute(f"CREATE POLICY {table}_{name} ON {table} {what}")


def unsecure(table: str) -> None:
    """Undo ``secure``."""
    if is_sqlite():
        return
    for name in ("read", "add", "change", "remove"):
        op.execute(f"DROP POLICY {table}_{name} ON {table}")
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
