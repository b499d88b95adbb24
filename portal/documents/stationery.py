"""Whose documents they are: the seller."""

from collections.abc import Mapping
from dataclasses import dataclass

MOST = 200
"""Characters of one setting."""


@dataclass(frozen=True, slots=True)
class Stationery:
    """What the settings say."""

    name: str = "Billing Portal"
    address: tuple[str, ...] = ()
    tax_id: str = ""
    email: str = ""
    bank: str = ""


DEMO = Stationery(
    "Portal Billing GmbH",
    ("Musterstraße 12", "60311 Frankfurt am Main", "Germany"),
    "DE 999 999 999",
    "billing@portal.example",
    "Musterbank Frankfurt, IBAN DE32 9994 0000 1234 5678 01, BIC DEMODEFFXXX",
)


def read_stationery(environment: Mapping[str, str], *, demo: bool = False) -> Stationery:
    """The stationery that the variables describe; the demo has one where they say nothing. Raises SystemExit."""
    name = _line(environment, "NAME")
    if demo and not name:
        return DEMO
    address = _line(environment, "ADDRESS").split(";")
    return Stationery(
        name=name or Stationery().name,
        address=tuple(part.strip() for part in address if part.strip()),
        tax_id=_line(environment, "TAX_ID"),
        email=_line(environment, "EMAIL"),
        bank=_line(environment, "BANK"),
    )


def _line(environment: Mapping[str, str], what: str) -> str:
    text = environment.get(f"PORTAL_SELLER_{what}", "").strip()
    if len(text) > MOST or not text.isprintable():
        raise SystemExit(f"PORTAL_SELLER_{what} is one line of at most {MOST} characters.")
    return text
