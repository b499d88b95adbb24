"""What can be done to payment methods."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.accounts.models import Account
from portal.billing.methods.models import (
    EVERYWHERE,
    MANUAL_METHODS,
    UQ_METHOD,
    AccountPaymentMethod,
    PaymentMethodConfig,
)
from portal.foundation import audit, freetext, places
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import flush_or_refuse, locked, transaction
from portal.foundation.money import MAX_MINOR, Money, exponent
from portal.foundation.refusals import Conflict, Invalid, NotFound

MAX_DETAILS = 20
MAX_POSITION = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSettings:
    """Everything about a method but where it is offered. Limits are in ``limit_currency``."""

    display_name: str
    instructions: str
    details: Sequence[Sequence[str]] = ()
    currencies: Sequence[str] = ()
    limit_currency: str = ""
    minimum: str = ""
    maximum: str = ""
    is_enabled: bool = True
    position: int = 0


def create_method(*, by: Actor, country: str, method: str, settings: MethodSettings) -> PaymentMethodConfig:
    """Offer a method in a country, or everywhere (``*``). Raises Invalid, and Conflict where there is a row already."""
    by.must(Permission.METHOD_MANAGE)
    by.must_confirm()
    if country != EVERYWHERE:
        places.check_country(country)
    if method not in MANUAL_METHODS:
        raise Invalid("unknown_method", f"Methods are: {', '.join(MANUAL_METHODS)}.", field="method")
    config = PaymentMethodConfig(country=country, method=method)
    _apply(config, settings)
    taken = Conflict("method_exists", f"{method} has a row for {country} already. Change that one.", field="method")
    same = select(PaymentMethodConfig.id).where(
        PaymentMethodConfig.country == country, PaymentMethodConfig.method == method
    )
    with transaction() as unit:
        if unit.scalar(same):
            raise taken
        unit.add(config)
        flush_or_refuse({UQ_METHOD: taken})
        values = {"country": country, "method": method} | _figures(config)
        audit.record(by, "method.created", "method", config.id, **audit.differences({}, values))
    return config


def update_method(method_id: UUID, *, by: Actor, settings: MethodSettings) -> PaymentMethodConfig:
    """Change a method from now on. Raises Invalid and NotFound."""
    by.must(Permission.METHOD_MANAGE)
    by.must_confirm()
    with transaction() as unit:
        config = _locked(method_id)
        before = _figures(config)
        _apply(config, settings)
        changes = audit.differences(before, _figures(config))
        if changes:
            unit.flush()
            audit.record(by, "method.updated", "method", config.id, **changes)
    return config


def set_method_enabled(method_id: UUID, *, by: Actor, enabled: bool) -> PaymentMethodConfig:
    """Switch a method on or off. A country's row that is off hides the one of ``*``."""
    by.must(Permission.METHOD_MANAGE)
    by.must_confirm()
    with transaction():
        config = _locked(method_id)
        if config.is_enabled != enabled:
            audit.record(by, "method.updated", "method", config.id, is_enabled=(config.is_enabled, enabled))
            config.is_enabled = enabled
    return config


def set_account_method(
    account_id: UUID, method: str, *, by: Actor, is_allowed: bool, is_default: bool, label: str = ""
) -> AccountPaymentMethod:
    """Say in what an account deviates for a method. Making it the default takes that from any other."""
    by.must(Permission.METHOD_MANAGE)
    by.must_confirm()
    label = freetext.clean(label, field="label", most=100, label="The label")
    if method not in MANUAL_METHODS:
        raise Invalid("unknown_method", f"Methods are: {', '.join(MANUAL_METHODS)}.", field="method")
    if is_default and not is_allowed:
        raise Invalid("default_not_allowed", "What an account may not use cannot be its default.", field="is_default")
    mine = AccountPaymentMethod.account_id == account_id
    with transaction() as unit:
        if locked(Account, account_id) is None:
            raise NotFound()
        rows = {row.method: row for row in unit.scalars(select(AccountPaymentMethod).where(mine))}
        if is_default:
            for other in rows.values():
                if other.is_default and other.method != method:
                    _deviate(other, by, is_default=False)
            unit.flush()  # there may be one default only, at any moment
        row = rows.get(method) or AccountPaymentMethod(account_id=account_id, method=method)
        unit.add(row)
        _deviate(row, by, is_allowed=is_allowed, is_default=is_default, label=label)
    return row


def _deviate(row: AccountPaymentMethod, by: Actor, **values: object) -> None:
    changes = audit.differences({name: getattr(row, name) for name in values}, values)
    for name, value in values.items():
        setattr(row, name, value)
    if changes:
        changes["method"] = row.method
        audit.record(by, "account_method.set", "account", row.account_id, account_id=row.account_id, **changes)


def _apply(config: PaymentMethodConfig, settings: MethodSettings) -> None:
    config.display_name = freetext.required(settings.display_name, field="display_name", most=100, label="The name")
    config.instructions = freetext.clean(
        settings.instructions, field="instructions", most=4000, label="The instructions", lines=True
    )
    config.details = _checked_details(settings.details)
    config.currencies = sorted({_checked_currency(currency, "currencies") for currency in settings.currencies})
    config.limit_currency = (
        _checked_currency(settings.limit_currency, "limit_currency") if settings.limit_currency else None
    )
    config.min_minor = _limit(settings.minimum, config.limit_currency, "minimum")
    config.max_minor = _limit(settings.maximum, config.limit_currency, "maximum")
    if config.min_minor is not None and config.max_minor is not None and config.max_minor < config.min_minor:
        raise Invalid("invalid_limits", "The largest amount is smaller than the smallest.", field="maximum")
    if not 0 <= settings.position <= MAX_POSITION:
        raise Invalid("invalid_position", f"The order is a number from 0 to {MAX_POSITION}.", field="position")
    config.position = settings.position
    config.is_enabled = settings.is_enabled


def _checked_details(pairs: Sequence[Sequence[str]]) -> list[list[str]]:
    if len(pairs) > MAX_DETAILS:
        raise Invalid("too_many_details", f"There may be {MAX_DETAILS} details at most.", field="details")
    return [
        [
            freetext.required(label, field="details", most=60, label="A detail's label"),
            freetext.required(value, field="details", most=200, label="A detail's value"),
        ]
        for label, value in pairs
    ]


def _checked_currency(currency: str, field: str) -> str:
    try:
        exponent(currency)
    except Invalid as refusal:
        raise Invalid(refusal.code, refusal.message, field=field) from None
    return currency


def _limit(text: str, currency: str | None, field: str) -> int | None:
    if not text:
        return None
    if currency is None:
        raise Invalid("limit_currency_missing", "Say in which currency the limits are.", field="limit_currency")
    limit = Money.parse(text, currency, field=field).minor
    if not 0 <= limit <= MAX_MINOR:
        raise Invalid("invalid_amount", "A limit is zero or more.", field=field)
    return limit


def _figures(config: PaymentMethodConfig) -> dict[str, Any]:
    names = (
        "display_name", "instructions", "details", "currencies", "limit_currency", "min_minor", "max_minor",
        "is_enabled", "position",
    )  # fmt: skip
    return {name: getattr(config, name) for name in names}


def _locked(method_id: UUID) -> PaymentMethodConfig:
    config = locked(PaymentMethodConfig, method_id)
    if config is None:
        raise NotFound()
    return config
