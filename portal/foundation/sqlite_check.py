"""What SQLite itself finds in its file: damaged pages, indexes that miss rows, values against their constraints."""

from collections import Counter
from collections.abc import Iterator

from portal.foundation.findings import Finding
from portal.foundation.reading import Reading


def check_file(reading: Reading) -> Iterator[Finding]:
    """SQLite's own checks; nothing on another database, which has its own tools."""
    connection = reading.session.connection()
    if connection.dialect.name != "sqlite":
        return
    for (said,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if said != "ok":
            yield Finding("file", "the database file", "PRAGMA integrity_check to say ok", said)
    broken = Counter((row[0], row[2]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check"))
    for (table, target), number in sorted(broken.items()):
        yield Finding("file", f"table {table}", f"all that it refers to in {target}", f"{number} rows without it")
