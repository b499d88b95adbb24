"""Runs migrations, each in one transaction."""

from alembic import context
from alembic.util import CommandError
from flask import current_app

# All tables, whether or not a face uses them yet.
from portal.accounts import models as accounts  # noqa: F401
from portal.billing.credits import models as credits  # noqa: F401
from portal.billing.invoices import models as invoices  # noqa: F401
from portal.billing.methods import models as methods  # noqa: F401
from portal.billing.payments import models as payments  # noqa: F401
from portal.billing.payments.proofs import models as proofs  # noqa: F401
from portal.cli.database_logins import grant_rights, is_set_up
from portal.foundation import audit, idempotency  # noqa: F401
from portal.foundation.db import Base, db
from portal.foundation.releases import Tables, tables_of
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from portal.webhooks import models as webhooks  # noqa: F401

if context.is_offline_mode():
    raise SystemExit("Migrations run against a database: flask --app wsgi db upgrade")

# By the owner's login where there is one, and on the rows of all accounts: the policies bind the owner as well.
with (
    current_app.app_context(),
    across_accounts(),
    by_login(Login.OWNER),
    db.engines.get(Login.OWNER, db.engine).connect() as connection,
):
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        # A table that is rebuilt is dropped for a moment, while others reference it. The keys are checked at the end.
        connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")
    try:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            transactional_ddl=True,
            transaction_per_migration=True,
        )
        try:
            with context.begin_transaction():
                context.run_migrations()
        except CommandError:
            if tables_of(connection, str(current_app.extensions["migrate"].directory)) is Tables.NEWER:
                raise SystemExit("The database is of a newer release: its tables stay as they are.") from None
            raise
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all() if is_sqlite else []
        if broken:
            raise SystemExit(f"Rows without what they refer to, after migrating: {broken[:5]}")
        if not is_sqlite and is_set_up(connection):
            grant_rights(connection)  # on what is new as well
        connection.commit()
    finally:
        if is_sqlite:
            connection.rollback()
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=ON")
