"""The second wall: what is secret by its shape or its name does not leave, and what is not stays readable."""

import pytest

from portal.foundation.redaction import is_secret_name, mask_ibans, redact

TOKEN = "bp_Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6"
NEWER = "bp_live_" + "0123456789" * 4 + "nosuchone"
SIGNED = "eyJjc3JmX3Rva2VuIjoiZmExZmQ4In0.awcGDQ.0QO3Px9u2SOtTLK2YtBgiYf-148"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token {TOKEN}!", "token bp_***!"),
        (f"token {NEWER}!", "token bp_***!"),
        (f"token=x{NEWER}&y", "token=xbp_***&y"),
        (f"signed by whsec_{'A1+/' * 10}=", "signed by whsec_***"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("authorization: basic dXNlcjpwYXNz", "authorization: basic ***"),
        (f"cookie {SIGNED}", "cookie [signed]"),
        (f"cookie .{SIGNED}", "cookie [signed]"),
        ("portal_session=abc; other=1", "portal_session=***; other=1"),
        ("__Host-portal_session=abc", "__Host-portal_session=***"),
        ("csrf_token=abc&new_password=def&q=1", "csrf_token=***&new_password=***&q=1"),
        ("postgresql+psycopg://portal:pa55@db/portal", "postgresql+psycopg://portal:***@db/portal"),
        ("host=db password=pa55 user=x", "host=db password=*** user=x"),
        ("otpauth://totp/Portal:x?secret=ABC", "otpauth://***"),
        ("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "$argon2***"),
        ("paid with 4111 1111 1111 1111 today", "paid with •••• •••• •••• •••• today"),
        ("from DE02120300000000202051, thanks", "from ••••••••••••••••••2051, thanks"),
        ("nothing secret: INV-2026-00012, 49.00 EUR", "nothing secret: INV-2026-00012, 49.00 EUR"),
        ("Bearer of good news", "Bearer of good news"),
    ],
)
def test_shapes(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GB33 BUKB 2020 1555 5555 55", "•••• •••• •••• •••• ••55 55"),
        ("gb33bukb20201555555555", "••••••••••••••••••5555"),
        ("NO93-8601-1117-947", "••••-••••-•••7-947"),
        ("(IBAN:NO9386011117947)", "(IBAN:•••••••••••7947)"),
        ("NO9386011117948", "NO9386011117948"),  # wrong check digits
        ("NO93860111179471", "NO93860111179471"),  # too long
        ("XNO9386011117947", "XNO9386011117947"),
        ("ZZ9386011117947", "ZZ9386011117947"),
        ("NO93", "NO93"),
        ("two: NO9386011117947 BE68539007547034", "two: •••••••••••7947 ••••••••••••7034"),
    ],
)
def test_ibans(text: str, shown: str) -> None:
    assert mask_ibans(text) == shown


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True), ("new_password", True), ("token", True), ("X-CSRFToken", True), ("Authorization", True),
        ("cookie", True), ("session_id", True), ("otp", True), ("api_key", True), ("SECRET_KEY", True),
        ("recovery_codes", True), ("iban", True), ("token_id", False), ("request_id", False), ("status", False),
        ("role", False), ("account_id", False),
    ],
)  # fmt: skip
def test_names(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret
