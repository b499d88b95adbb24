"""The digest of an audit entry: SHA-256 over all its fields, one of which is the digest of the entry before it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any


def digest(entry: Mapping[str, Any]) -> bytes:
    """The digest of the entry's fields, given by column; ``hash`` itself is left out.

    They are written as JSON with sorted names, without blanks and in ASCII; moments in UTC to the microsecond, bytes in
    hexadecimal. A field that is empty (None) is left out, so that a column that comes later changes no older digest.
    """
    fields = {name: _plain(value) for name, value in entry.items() if value is not None and name != "hash"}
    return sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")).digest()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, (int, str, dict)) else str(value)
