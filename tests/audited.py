"""What the audit log says, and which names of actions the portal's code gives to it."""

import ast
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.foundation.audit import AuditEntry
from portal.foundation.db import session

_WRITERS = {"audit.record", "audit.values_of"}
_PORTAL = Path(__file__).parents[1] / "portal"


def entries() -> set[UUID]:
    """The ids of all entries."""
    return set(session.scalars(select(AuditEntry.id)))


def new(seen: set[UUID]) -> list[tuple[str, dict[str, Any]]]:
    """Action and changes of the entries that were not seen yet."""
    session.rollback()  # else SQLite shows what was there when the test looked first
    rows = session.execute(
        select(AuditEntry.action, AuditEntry.changes).where(AuditEntry.id.not_in(seen)).order_by(AuditEntry.id)
    )
    return [tuple(row) for row in rows]


def names_in_code() -> set[str]:
    """All names of actions, read from the code; ``*`` stands in a name for what is known only when the portal runs."""
    return {name for path in _PORTAL.rglob("*.py") for name in _Module(path).names()}


class _Module:
    def __init__(self, path: Path) -> None:
        self._nodes = list(ast.walk(ast.parse(path.read_text())))
        self._functions = [node for node in self._nodes if isinstance(node, ast.FunctionDef)]

    def names(self) -> set[str]:
        return {name for call in self._calls(_WRITERS) for name in self._values(call.args[1])}

    def _calls(self, functions: set[str]) -> list[ast.Call]:
        return [n for n in self._nodes if isinstance(n, ast.Call) and ast.unparse(n.func) in functions]

    def _values(self, node: ast.expr) -> list[str]:
        """What the expression can be. A parameter is what the module's own calls give for it."""
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.IfExp):
            return self._values(node.body) + self._values(node.orelse)
        if isinstance(node, ast.JoinedStr):
            words = [""]
            for part in node.values:
                ends = self._values(part.value if isinstance(part, ast.FormattedValue) else part)
                words = [word + end for word in words for end in ends]
            return words
        return self._given(node) or ["*"]

    def _given(self, node: ast.expr) -> list[str]:
        around = [function for function in self._functions if node in ast.walk(function)]
        names = [argument.arg for argument in around[-1].args.args] if around else []
        if not isinstance(node, ast.Name) or node.id not in names:
            return []
        place, calls = names.index(node.id), self._calls({around[-1].name})
        return [value for call in calls if len(call.args) > place for value in self._values(call.args[place])]
