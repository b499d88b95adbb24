"""What the service itself says to SQLite, written down as it says it."""

import shutil
import sqlite3
from itertools import pairwise
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event

from portal.foundation.db import db
from tests.factories import Factory

PRAGMAS = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")


class Workload:
    """Payments reported, approved, rejected, withdrawn and refunded, one after the other.

    ``before`` is the database without them, ``transactions`` the statements of each unit with their values in them,
    ``pragmas`` how the portal sets SQLite up.
    """

    def __init__(self, app: Flask, make: Factory, folder: Path, *, rounds: int) -> None:
        self._said: list[str] = []
        account = make.account()
        make.method()
        owner, reviewer, admin = make.user("owner", account), make.user("reviewer"), make.user("admin")
        invoices = [make.invoice(account, credits=5) for _ in range(2 * rounds)]
        with app.app_context():
            self.pragmas = _pragmas()
            db.engine.dispose()
            event.listen(db.engine, "connect", self._listen)
            self.before = folder / "before.db"
            shutil.copy(str(db.engine.url.database), self.before)
        for first, second in zip(invoices[::2], invoices[1::2], strict=True):
            approved = make.approved(make.payment(first, owner), reviewer)
            make.rejected(make.payment(second, owner), reviewer)
            make.refunded(approved, admin)
        self.transactions = self._units()

    def _listen(self, connection: Any, _record: object) -> None:
        connection.set_trace_callback(self._said.append)

    def _units(self) -> list[list[str]]:
        """The statements of each unit that wrote. A statement is told once more for each trigger that it sets off."""
        units: list[list[str]] = []
        for before, statement in pairwise(["", *self._said]):
            if statement == before:
                continue
            if statement.startswith("BEGIN"):
                units.append([])
            if units and units[-1][-1:] not in (["COMMIT"], ["ROLLBACK"]):
                units[-1].append(statement)
        return [unit for unit in units if unit[0] == "BEGIN IMMEDIATE" and unit[-1] == "COMMIT"]


def _pragmas() -> dict[str, str]:
    connection = db.engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return {name: str(driver.execute(f"PRAGMA {name}").fetchone()[0]) for name in PRAGMAS}
    finally:
        connection.close()
