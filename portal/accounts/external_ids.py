"""External ids: what the back office's own system calls an account or an invoice (``docs/decisions/0018``)."""

from portal.foundation import freetext
from portal.foundation.refusals import Conflict, Invalid

MAX_LENGTH = 100
_UNREADABLE = "\ufffd"  # what an address holds where its bytes are no text


def read_external_id(text: str, *, field: str = "external_id") -> str:
    """The id as it is kept, and compared to the letter. Raises Invalid, also for what cannot stand in an address."""
    found = freetext.required(text, field=field, most=MAX_LENGTH, label="The external id")
    if "/" in found or _UNREADABLE in found or found in (".", ".."):
        message = "An external id stands in addresses: it holds no slash, and is more than dots."
        raise Invalid("invalid_external_id", message, field=field)
    return found


def external_id_taken(what: str) -> Conflict:
    """For an id that another account, or another invoice of the account, has."""
    return Conflict("external_id_taken", f"Another {what} has this external id already.", field="external_id")
