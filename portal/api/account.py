"""The caller's own account: what it is, what it may pay with, its credits."""

from typing import Any

from flask import g

from portal.accounts.models import Account
from portal.api.blueprint import api, paged
from portal.api.schemas.accounts import AccountOut, CreditTransactionOut, MethodsOut
from portal.api.schemas.values import PageQuery
from portal.billing.credits.queries import balance, ledger_page
from portal.billing.methods.queries import get_available_payment_methods
from portal.foundation.access import Permission, requires


@api.get("/account/")
@api.response(200, AccountOut)
@requires(Permission.OWN_ACCOUNT)
def account() -> dict[str, Any]:
    """The account and its balance of credits."""
    mine: Account = g.account
    names = ("id", "number", "name", "country", "currency", "locale", "timezone")
    return {name: getattr(mine, name) for name in names} | {"credit_balance": balance(mine.id)}


@api.get("/payment-methods/available/")
@api.response(200, MethodsOut)
@requires(Permission.OWN_ACCOUNT)
def available_methods() -> dict[str, Any]:
    """The methods that the account may use, in the order to show them."""
    mine: Account = g.account
    methods = get_available_payment_methods(mine)
    return {
        "methods": methods,
        "country": mine.country,
        "currency": mine.currency,
        "default_method": next((found.method for found in methods if found.is_default), None),
        "count": len(methods),
    }


@api.get("/credit-transactions/")
@api.arguments(PageQuery, location="query")
@api.response(200, CreditTransactionOut(many=True))
@requires(Permission.OWN_ACCOUNT)
def credit_transactions(query: dict[str, Any]) -> list[Any]:
    """The ledger of credits, newest first."""
    return paged(ledger_page(**query))
