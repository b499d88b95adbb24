"""What must never be read in a log, recognised by its shape and taken out.

This is the second wall. The first is that no line is given a body, a form, a header or a statement's values; this one
stands at the only way out, for what slips through: in an error's message, in a library's line.
"""

import re

from stdnum.iso7064 import mod_97_10

from portal.foundation.freetext import mask_card_numbers

GONE = "[redacted]"

# What is never shown, whatever it holds, by the name that it goes by. A token's id is no secret.
_SECRET_NAMES = re.compile(
    r"(?!token_id$).*(pass|secret|token|authori[sz]ation|cookie|csrf|session|otp|recovery|credential|api.?key|iban)",
    re.IGNORECASE | re.DOTALL,
)
_SHAPES = (
    (re.compile(r"\bbp_[A-Za-z0-9_-]{16,}|bp_live_[0-9A-Za-z]{16,}"), "bp_***"),  # our own tokens, the older ones too
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=]{16,}"), "whsec_***"),  # secrets of webhooks
    (re.compile(r"\b(bearer|basic) +[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), r"\1 ***"),
    # Whatever itsdangerous signs: sessions and CSRF tokens. Payload, moment, signature.
    (re.compile(r"\.?[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{6,8}\.[A-Za-z0-9_-]{27,86}"), "[signed]"),
    (re.compile(r"\b((?:__Host-)?portal_\w+|csrf_token|\w*password)=[^;&\s]+", re.IGNORECASE), r"\1=***"),
    (re.compile(r"(\w://[^\s:/@]*):[^\s/@]+@"), r"\1:***@"),  # the password in a database's address
    (re.compile(r"\bpassword[=:] *\S+", re.IGNORECASE), "password=***"),  # the same, as libpq writes it
    (re.compile(r"\botpauth://\S+", re.IGNORECASE), "otpauth://***"),
    (re.compile(r"\$argon2\w*\$\S+"), "$argon2***"),
)
# SWIFT's IBAN registry: how long an IBAN is, by country.
_IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})([0-9]{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
        "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
        "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
        "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
        "YE30",
    )
}
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ -]?[0-9]{2}")


def is_secret_name(name: str) -> bool:
    """Whether a value of this name is never shown."""
    return _SECRET_NAMES.match(name) is not None


def redact(text: str) -> str:
    """The text without tokens, sessions, passwords in addresses, card numbers, and IBANs but for their last four."""
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return mask_ibans(mask_card_numbers(text))


def mask_ibans(text: str) -> str:
    """The text with a dot for each character of an IBAN (ISO 13616, with its check digits) but the last four."""
    for start in [match.start() for match in _IBAN_START.finditer(text)]:
        places = _iban_at(text, start)
        for place in places[:-4]:
            text = f"{text[:place]}•{text[place + 1 :]}"
    return text


def _iban_at(text: str, start: int) -> list[int]:
    """Where the characters of the IBAN stand that begins here, written in one piece or in groups; none if none does."""
    length = _IBAN_LENGTHS.get(text[start : start + 2].upper(), 0)
    places: list[int] = []
    for place in range(start, len(text)):
        if len(places) == length:
            break
        if text[place].isascii() and text[place].isalnum():
            places.append(place)
        elif text[place] not in " -":
            return []
    end = places[-1] + 1 if places else start
    if len(places) < length or not length or (text[end : end + 1].isalnum()):
        return []
    compact = "".join(text[place] for place in places).upper()
    return places if mod_97_10.is_valid(compact[4:] + compact[:4]) else []
