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
from portal.billing.methods.queries import account_methods
from portal.foundation import audit, freetext, places
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import flush_or_refuse, lock_or_refuse, transaction
from portal.foundation.money import Money, check_currency
from portal.foundation.refusals import Conflict, Invalid, read_together

MAX_DETAILS = 20
MAX_INSTRUCTIONS = 4000
"""Characters."""
MAX_POSITION = 10_000
AUDITED = (
    "display_name", "instructions", "details", "currencies", "limit_currency", "min_minor", "max_minor", "is_enabled",
    "position",
)  # fmt: skip
"""What the audit log says of a method, beside where it is offered."""


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
        config = lock_or_refuse(PaymentMethodConfig, method_id)
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
        config = lock_or_refuse(PaymentMethodConfig, method_id)
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
    with transaction() as unit:
        rows = account_methods(lock_or_refuse(Account, account_id))
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
    name, text, limits_in = settings.display_name, settings.instructions, settings.limit_currency or None
    values = read_together(
        display_name=lambda: freetext.required(name, field="display_name", most=100, label="The name"),
        instructions=lambda: freetext.clean(
            text, field="instructions", most=MAX_INSTRUCTIONS, label="The instructions", lines=True
        ),
        details=lambda: _checked_details(settings.details),
        currencies=lambda: sorted({check_currency(code, field="currencies") for code in settings.currencies}),
        limit_currency=lambda: limits_in and check_currency(limits_in, field="limit_currency"),
        position=lambda: _checked_position(settings.position),
    )
    for column, value in (values | _checked_limits(settings, limits_in)).items():
        setattr(config, column, value)
    config.is_enabled = settings.is_enabled


def _checked_position(position: int) -> int:
    if not 0 <= position <= MAX_POSITION:
        raise Invalid("invalid_position", f"The order is a number from 0 to {MAX_POSITION}.", field="position")
    return position


def _checked_limits(settings: MethodSettings, currency: str | None) -> dict[str, int | None]:
    limits = read_together(
        min_minor=lambda: _limit(settings.minimum, currency, "minimum"),
        max_minor=lambda: _limit(settings.maximum, currency, "maximum"),
    )
    least, most = limits["min_minor"], limits["max_minor"]
    if most == 0:
        told = "Nothing could be paid with this method then. Switch it off instead."
        raise Invalid("invalid_limits", told, field="maximum")
    if least is not None and most is not None and most < least:
        raise Invalid("invalid_limits", "The largest amount is smaller than the smallest.", field="maximum")
    return limits


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


def _limit(text: str, currency: str | None, field: str) -> int | None:
    if not text:
        return None
    if currency is None:
        raise Invalid("limit_currency_missing", "Say in which currency the limits are.", field="limit_currency")
    limit = Money.parse(text, currency, field=field).minor
    if text.startswith("-"):  # before a zero too, where it says that something else was meant
        raise Invalid("invalid_amount", "A limit is zero or more, without a sign.", field=field)
    return limit


def _figures(config: PaymentMethodConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in AUDITED}
