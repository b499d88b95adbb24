"""Rules that the database keeps by triggers, written once for SQLite and PostgreSQL and called the same in both."""

from collections.abc import Sequence

from alembic import op


def is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def forbid(name: str, table: str, change: str, condition: str) -> None:
    """Refuse each change of a row of which the condition on NEW and OLD holds.

    A change is ``INSERT``, ``UPDATE``, ``UPDATE OF column`` or ``DELETE``. The refusal is named as the trigger is.
    Both databases understand the same condition.
    """
    if is_sqlite():
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {change} ON {table} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{name}'); END"
        )
        return
    _forbid_on_postgresql(name, table, change, condition)


def forbid_truncation(name: str, table: str) -> None:
    """Refuse TRUNCATE, which looks at no row, and which SQLite does not have."""
    if not is_sqlite():
        _forbid_on_postgresql(name, table, "TRUNCATE", "true", each="STATEMENT")


def _forbid_on_postgresql(name: str, table: str, change: str, condition: str, *, each: str = "ROW") -> None:
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF ({condition}) THEN RAISE EXCEPTION '{name}' USING ERRCODE = 'check_violation', CONSTRAINT = '{name}'; "
        f"END IF; RETURN COALESCE(NEW, OLD); END $$"
    )
    op.execute(f"CREATE TRIGGER {name} BEFORE {change} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()")


def hold_types(name: str, table: str, change: str, *, numbers: Sequence[str] = (), days: Sequence[str] = ()) -> None:
    """Refuse a whole number or a day that is none. SQLite alone keeps anything in any column.

    A change is ``INSERT`` or ``UPDATE``; the latter is looked at where it is of one of the columns.
    """
    if not is_sqlite():
        return
    columns = f" OF {', '.join([*numbers, *days])}" if change == "UPDATE" else ""
    wrong = [f"typeof(NEW.{column}) NOT IN ('integer', 'null')" for column in numbers]
    wrong += [f"NEW.{column} IS NOT date(NEW.{column}, '+0 days')" for column in days]
    forbid(name, table, change + columns, " OR ".join(wrong))


def allow(name: str, table: str) -> None:
    """Drop what one of the above made."""
    if is_sqlite():
        op.execute(f"DROP TRIGGER IF EXISTS {name}")
    else:
        op.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        op.execute(f"DROP FUNCTION IF EXISTS {name}()")


def make_append_only(table: str, *, columns: Sequence[str] = ()) -> None:
    """No row of the table can be changed or deleted; where columns are named, these cannot be changed."""
    update = f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"
    if is_sqlite():
        for name, change in (("update", update), ("delete", "DELETE")):
            op.execute(
                f"CREATE TRIGGER {table}_no_{name} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only' "
        f"USING ERRCODE = 'check_violation', CONSTRAINT = '{table}_is_append_only'; END $$"
    )
    for name, change, each in (
        ("update", update, "ROW"),
        ("delete", "DELETE", "ROW"),
        ("truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {table}_no_{name} BEFORE {change} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION {table}_is_append_only()"
        )


def make_changeable(table: str) -> None:
    """Undo ``make_append_only``, for a migration that rewrites the table."""
    for change in ("UPDATE", "DELETE", "TRUNCATE"):
        if not is_sqlite():
            op.execute(f"DROP TRIGGER IF EXISTS {table}_no_{change.lower()} ON {table}")
        elif change != "TRUNCATE":
            op.execute(f"DROP TRIGGER IF EXISTS {table}_no_{change.lower()}")
    if not is_sqlite():
        op.execute(f"DROP FUNCTION IF EXISTS {table}_is_append_only()")
