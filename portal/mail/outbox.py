"""The outbox: a mail is written down in the unit of what it tells, so that there is both or neither."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from portal.foundation import clock
from portal.foundation.db import transaction
from portal.foundation.ids import new_id
from portal.foundation.money import Money
from portal.foundation.sealing import sealer
from portal.mail.kinds import Kind
from portal.mail.models import Mail, MailState


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a mail goes to. ``locale`` is how they read numbers and dates."""

    address: str
    name: str = ""
    user_id: UUID | None = None
    account_id: UUID | None = None
    locale: str = "en"


NOBODY = Recipient("")
"""For a mail that is written and goes nowhere: to ask for one takes as long for an address that nobody has."""


def post(kind: Kind, *recipients: Recipient, subject_id: UUID, data: Mapping[str, object], secret: str = "") -> None:
    """Write to each of them, in the unit of the change. ``secret`` is the link's, and is kept sealed."""
    post_all([mail_values(kind, to, subject_id=subject_id, data=data, secret=secret) for to in recipients])


def post_all(mails: list[dict[str, Any]]) -> None:
    """Write many mails at once, each made by ``mail_values``."""
    if mails:
        with transaction() as unit:
            unit.execute(insert(Mail), mails)


def mail_values(
    kind: Kind, to: Recipient, *, subject_id: UUID, data: Mapping[str, object], secret: str = ""
) -> dict[str, Any]:
    """A mail's values by column."""
    mail_id, now, goes = new_id(), clock.now(), to is not NOBODY
    return {
        "id": mail_id,
        "account_id": to.account_id,
        "kind": kind.value,
        "user_id": to.user_id,
        "address": to.address,
        "name": to.name,
        "locale": to.locale,
        "subject_id": subject_id,
        "data": _plain(data),
        "sealed": sealer.seal(secret, bound_to=mail_id) if secret and goes else None,
        "state": (MailState.PENDING if goes else MailState.DROPPED).value,
        "due_at": now,
        "created_at": now,
    }


def _plain(value: Any) -> Any:
    """As JSON can hold it: money beside its currency, a day and an id as text."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, Money):
        return [value.minor, value.currency]
    if isinstance(value, (date, UUID)):
        return str(value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    return value
