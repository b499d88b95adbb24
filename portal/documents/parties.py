"""Who the document is from and to, as sheets read it."""

from typing import Any

from portal.accounts.models import Account
from portal.documents.stationery import Stationery
from portal.foundation.places import country_names


def seller(stationery: Stationery) -> dict[str, Any]:
    return {
        "name": stationery.name,
        "address": list(stationery.address),
        "tax_id": stationery.tax_id,
        "email": stationery.email,
        "bank": stationery.bank,
    }


def customer(account: Account) -> dict[str, str]:
    return {
        "name": account.name,
        "number": account.number,
        "country": country_names().get(account.country, account.country),
    }
