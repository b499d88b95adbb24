"""Whether the database's tables are those of this release."""

from enum import Enum, auto
from functools import cache

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


class Tables(Enum):
    """Of which release they are, seen from this one."""

    OLDER = auto()
    """Or none at all."""
    OURS = auto()
    NEWER = auto()
    """A later release migrated already: it only added what servers of before do not mind (docs/operations.md)."""


def tables_of(connection: Connection, migrations: str) -> Tables:
    """Compare the tables with the folder of migrations. A revision that it does not know is of a newer release."""
    found = revisions_of(connection)
    heads, known = _known(migrations)
    if not found <= known:
        return Tables.NEWER
    return Tables.OURS if found == heads else Tables.OLDER


def revisions_of(connection: Connection) -> frozenset[str]:
    """What the database says of its tables; nothing where there are none."""
    return frozenset(MigrationContext.configure(connection).get_current_heads())


@cache
def _known(migrations: str) -> tuple[frozenset[str], frozenset[str]]:
    scripts = ScriptDirectory(migrations)
    return frozenset(scripts.get_heads()), frozenset(script.revision for script in scripts.walk_revisions())
