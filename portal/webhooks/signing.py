"""Signatures by Standard Webhooks 1.0: HMAC-SHA-256 over id, timestamp and body, by each secret that counts."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hmac import digest

PREFIX = "whsec_"


def new_secret() -> str:
    """256 random bits, as consumers' libraries take them."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode("ascii")


def headers(message_id: str, timestamp: int, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The headers that go with a message. ``timestamp`` is of this attempt, in seconds since 1970."""
    signed = b".".join((message_id.encode("ascii"), str(timestamp).encode("ascii"), body))
    digests = [digest(b64decode(key.removeprefix(PREFIX)), signed, "sha256") for key in keys]
    signatures = [f"v1,{b64encode(each).decode('ascii')}" for each in digests]
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(signatures)}
