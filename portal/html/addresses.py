"""Addresses that came from outside, such as where to go after signing in."""

import re
from urllib.parse import urlsplit

# A path of ours: one slash, then nothing that a browser would read as another host or drop.
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f-\x9f]*")


def local_address(address: str | None) -> str | None:
    """The address when it leads to a page of this portal, else None. Browsers read ``//x``, ``/\\x`` as other hosts."""
    if not address or not _LOCAL.fullmatch(address):
        return None
    parts = urlsplit(address)
    return None if parts.scheme or parts.netloc else address
