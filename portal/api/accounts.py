"""Staff's accounts: the list, one of them with what hangs on it, and what changes it."""

from typing import Any
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue

from portal.accounts import service
from portal.accounts.models import Account
from portal.accounts.queries import account_page, get_account, get_account_by_external_id
from portal.api.blueprint import api, paged
from portal.api.problems import OF_ACCOUNTS, TEXTS, refuses
from portal.api.schemas.accounts import (
    AccountByExternalId,
    AccountChange,
    AccountForStaffOut,
    AccountMethodChange,
    AccountMethodOut,
    AccountMethodsOut,
    AccountQuery,
    AccountRowOut,
    CreditTransactionOut,
    NewAccount,
)
from portal.api.schemas.values import PageQuery
from portal.billing.credits.queries import balance, ledger_page
from portal.billing.methods.models import MANUAL_METHODS, AccountPaymentMethod
from portal.billing.methods.queries import account_methods, get_available_payment_methods
from portal.billing.methods.service import set_account_method
from portal.foundation.access import Permission, requires
from portal.foundation.refusals import NotFound
from portal.http.gate import current_actor

_SHOWN = ("id", "number", "external_id", "name", "country", "currency", "locale", "timezone", "created_at")


@api.get("/accounts/")
@api.arguments(AccountQuery, location="query")
@api.response(200, AccountRowOut(many=True))
@requires(Permission.STAFF_READ)
def account_list(query: dict[str, Any]) -> list[Any]:
    """All accounts, newest first."""
    return paged(account_page(**query))


@api.post("/accounts/")
@api.arguments(NewAccount)
@api.response(201, AccountForStaffOut)
@requires(Permission.ACCOUNT_MANAGE)
@refuses(*OF_ACCOUNTS)
def create_account(body: dict[str, Any]) -> ResponseReturnValue:
    """Add an account."""
    return _created(service.create_account(by=current_actor(), **body))


@api.get("/accounts/<id:account_id>/")
@api.response(200, AccountForStaffOut)
@requires(Permission.STAFF_READ)
def account_of_staff(account_id: UUID) -> dict[str, Any]:
    """One account with its balance of credits."""
    return _told(get_account(account_id))


@api.patch("/accounts/<id:account_id>/")
@api.arguments(AccountChange)
@api.response(200, AccountForStaffOut)
@requires(Permission.ACCOUNT_MANAGE)
@refuses(*OF_ACCOUNTS)
def update_account(body: dict[str, Any], account_id: UUID) -> dict[str, Any]:
    """Change what may change of an account."""
    return _told(service.update_account(account_id, by=current_actor(), **body))


@api.get("/accounts/by-external-id/<external_id>/")
@api.response(200, AccountForStaffOut)
@requires(Permission.STAFF_READ)
@refuses(*TEXTS, "invalid_external_id")
def account_by_external_id(external_id: str) -> dict[str, Any]:
    """One account, by the id that the back office calls it."""
    return _told(get_account_by_external_id(external_id))


@api.put("/accounts/by-external-id/<external_id>/")
@api.arguments(AccountByExternalId)
@api.response(200, AccountForStaffOut)
@api.alt_response(201, schema=AccountForStaffOut, success=True)
@requires(Permission.ACCOUNT_MANAGE)
@refuses(*OF_ACCOUNTS, "account_differs")
def put_account(body: dict[str, Any], external_id: str) -> ResponseReturnValue:
    """See to it that there is this account, by the id that the back office calls it."""
    account, is_new = service.put_account(external_id, by=current_actor(), **body)
    return _created(account) if is_new else _told(account)


@api.get("/accounts/<id:account_id>/payment-methods/")
@api.response(200, AccountMethodsOut)
@requires(Permission.STAFF_READ)
def account_method_list(account_id: UUID) -> dict[str, Any]:
    """In what the account deviates, and what it may pay with."""
    account = get_account(account_id)
    own = account_methods(account)
    usual = {method: AccountPaymentMethod(method=method, is_allowed=True, is_default=False, label="")
             for method in MANUAL_METHODS}  # fmt: skip
    return {"methods": list((usual | own).values()), "available": get_available_payment_methods(account)}


@api.put("/accounts/<id:account_id>/payment-methods/<method>/")
@api.arguments(AccountMethodChange)
@api.response(200, AccountMethodOut)
@requires(Permission.METHOD_MANAGE)
@refuses(*TEXTS, "default_not_allowed", "confirmation_required")
def put_account_method(body: dict[str, Any], account_id: UUID, method: str) -> AccountPaymentMethod:
    """Say in what the account deviates for a method."""
    if method not in MANUAL_METHODS:
        raise NotFound()
    return set_account_method(account_id, method, by=current_actor(), **body)


@api.get("/accounts/<id:account_id>/credit-transactions/")
@api.arguments(PageQuery, location="query")
@api.response(200, CreditTransactionOut(many=True))
@requires(Permission.STAFF_READ)
def account_ledger(query: dict[str, Any], account_id: UUID) -> list[Any]:
    """The account's ledger of credits, newest first."""
    return paged(ledger_page(account_id=get_account(account_id).id, **query))


def _told(account: Account) -> dict[str, Any]:
    return {name: getattr(account, name) for name in _SHOWN} | {"credit_balance": balance(account.id)}


def _created(account: Account) -> ResponseReturnValue:
    address = url_for("api.account_of_staff", account_id=account.id)
    return _told(account), 201, {"Location": address}
