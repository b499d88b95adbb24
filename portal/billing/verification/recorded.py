"""Methods, users, accounts and invoices: each says what the last change of it in the audit log says.

Nothing else tells that a bank account, a role or a due date was changed past the portal.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from portal.accounts.models import Account, User
from portal.billing.methods.models import PaymentMethodConfig
from portal.billing.methods.service import AUDITED as OF_METHOD
from portal.foundation.audit import AuditEntry, plain
from portal.foundation.findings import Finding
from portal.foundation.reading import AnyRow, Ordered, Reading
from portal.foundation.redaction import mask_ibans

_NOTHING = object()
"""What stood in a field before its row was there."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the audit log tells of, by the word that entries have for it."""

    noun: str
    made: Mapping[str, Mapping[str, object]]
    """The actions that make one, each with what it is then where the entry does not say."""
    changed: Sequence[str]
    """The other actions that change what is compared."""


_UNDATED: dict[str, object] = dict.fromkeys(("external_id", "issue_date", "due_date"))
INVOICE = Recorded(
    "invoice",
    {"invoice.created": _UNDATED | {"status": "draft"}, "invoice.imported": _UNDATED | {"status": "open"}},
    ("invoice.updated", "invoice.issued", "invoice.paid", "invoice.reopened", "invoice.voided"),
)
_METHOD = Recorded(
    "method",
    {"method.created": dict.fromkeys(("limit_currency", "min_minor", "max_minor"))},
    ("method.updated",),
)
_USER = Recorded(
    "user",
    {"user.created": {"is_enabled": True}},
    ("user.role_changed", "user.enabled", "user.disabled", "email_change.confirmed"),
)
_ACCOUNT = Recorded("account", {"account.created": {"external_id": None}}, ("account.updated",))


def check_methods(reading: Reading) -> Iterator[Finding]:
    """Walk through all payment methods: what is offered where, and to which bank account customers pay."""
    columns = [getattr(PaymentMethodConfig, name) for name in ("id", "country", "method", *OF_METHOD)]
    yield from _check(reading, _METHOD, columns, named=lambda row: f"{row.method} in {row.country}")


def check_users(reading: Reading) -> Iterator[Finding]:
    """Walk through all users: their addresses and roles, and who is locked out."""
    columns = [User.id, User.email, User.name, User.role, User.disabled_at.is_(None).label("is_enabled")]
    yield from _check(reading, _USER, columns, named=lambda row: row.email)


def check_accounts(reading: Reading) -> Iterator[Finding]:
    """Walk through all accounts."""
    names = ("id", "number", "name", "country", "currency", "locale", "timezone", "external_id")
    columns = [getattr(Account, name) for name in names]
    yield from _check(reading, _ACCOUNT, columns, named=lambda row: row.number)


def _check(
    reading: Reading, what: Recorded, columns: Sequence[Any], *, named: Callable[[AnyRow], str]
) -> Iterator[Finding]:
    """Compare the columns of every row, the first of which is its id."""
    entries = entries_of(reading, what)
    for row in reading.rows(select(*columns).order_by(columns[0]), f"{what.noun}s"):
        says = row._asdict()
        subject = f"{what.noun} {says.pop('id')} ({named(row)})"
        yield from compare_with_log(what, subject, says, entries.at(row.id))
        yield from gone(what, entries.passed_over())
    yield from gone(what, entries.rest())


def entries_of(reading: Reading, what: Recorded) -> Ordered:
    """The entries that tell of them, to be read beside their rows."""
    told = (AuditEntry.subject_type == what.noun, AuditEntry.action.in_([*what.made, *what.changed]))
    statement = select(AuditEntry.subject_id, AuditEntry.action, AuditEntry.changes).where(*told)
    return Ordered(reading.rows(statement.order_by(AuditEntry.subject_id, AuditEntry.id)), "subject_id")


def gone(what: Recorded, entries: Iterable[AnyRow]) -> Iterator[Finding]:
    """What the audit log speaks of and is not there: it was taken away."""
    for subject_id in dict.fromkeys(entry.subject_id for entry in entries):
        yield Finding(_rule(what), f"{what.noun} {subject_id}", f"one {what.noun}", "none, but the audit log has it")


def compare_with_log(
    what: Recorded, subject: str, says: Mapping[str, object], entries: Sequence[AnyRow]
) -> Iterator[Finding]:
    """Whether what the row says by field is what its entries say. Of what they do not speak nothing is said."""
    if not entries:
        yield Finding(_rule(what), subject, "entries of the audit log", "none")
    steps = [(entry.action in what.made, _told(what, entry, says)) for entry in entries]
    for name, value in says.items():
        changes = [_step(told[name], begins=begins) for begins, told in steps if name in told]
        expected, found = _end(changes) if changes else plain(value), plain(value)
        if expected != found:
            yield Finding(_rule(what), subject, f"{name} {mask_ibans(str(expected))}", mask_ibans(str(found)))


def _told(what: Recorded, entry: AnyRow, fields: Collection[str]) -> Mapping[str, Any]:
    """What an entry says by field. That something began empty follows from an entry that says all the rest: not those
    of early times."""
    changes: dict[str, Any] = dict(entry.changes)
    first = what.made.get(entry.action, {})
    is_whole = all(name in changes for name in fields if name not in first)
    return {**first, **changes} if is_whole else changes


def _step(change: Any, *, begins: bool) -> tuple[object, object]:
    before, after = change if isinstance(change, list) else (_NOTHING, change)
    return _NOTHING if begins else before, after


def _end(changes: Sequence[tuple[object, object]]) -> object:
    """Where the changes lead: each begins where another ended, and the end is where none begins.

    So the order does not come from the clocks of several servers. It does where that does not settle it.
    """
    ends = [after for _, after in changes]
    for before, _ in changes:
        if before in ends:
            ends.remove(before)
    return ends[-1] if ends else changes[-1][1]


def _rule(what: Recorded) -> str:
    return f"audit_of_{what.noun}"
