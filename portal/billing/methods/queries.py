"""Which methods an account may use."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from portal.accounts.models import Account
from portal.billing.methods.models import EVERYWHERE, MANUAL_METHODS, AccountPaymentMethod, PaymentMethodConfig
from portal.foundation.db import session
from portal.foundation.money import Money
from portal.foundation.refusals import NotFound


@dataclass(frozen=True, slots=True)
class AvailableMethod:
    """A method as one account may use it. ``name`` is the account's own label, or else the configured name."""

    method: str
    name: str
    instructions: str
    details: Sequence[Sequence[str]]
    currencies: Sequence[str]
    minimum: Money | None
    maximum: Money | None
    is_default: bool

    @property
    def is_manual(self) -> bool:
        """Whether the customer reports such a payment by hand."""
        return self.method in MANUAL_METHODS

    def takes(self, amount: Money) -> bool:
        """Whether the method takes this amount: its currency, and within the limits of that currency."""
        return (
            (not self.currencies or amount.currency in self.currencies)
            and not (self.minimum and self.minimum.currency == amount.currency and amount < self.minimum)
            and not (self.maximum and self.maximum.currency == amount.currency and self.maximum < amount)
        )


def get_available_payment_methods(account: Account) -> list[AvailableMethod]:
    """The methods that the account may use, in the configured order, its default marked.

    Enabled rows of its country, and those of ``*`` for methods that the country has no row for (its disabled row hides
    the one of ``*``), without what the account's own rows forbid.
    """
    configs = session.scalars(
        select(PaymentMethodConfig).where(PaymentMethodConfig.country.in_((account.country, EVERYWHERE)))
    ).all()
    own = account_methods(account)
    local = {config.method for config in configs if config.country == account.country}
    chosen = [
        config
        for config in configs
        if config.is_enabled
        and (config.country == account.country or config.method not in local)
        and (config.method not in own or own[config.method].is_allowed)
    ]
    chosen.sort(key=lambda config: (config.position, config.method))
    return [_available(config, own.get(config.method)) for config in chosen]


def all_methods() -> Sequence[PaymentMethodConfig]:
    """All configured methods, by country and order, ``*`` first."""
    order = (PaymentMethodConfig.country, PaymentMethodConfig.position, PaymentMethodConfig.method)
    return session.scalars(select(PaymentMethodConfig).order_by(*order)).all()


def get_method(method_id: UUID) -> PaymentMethodConfig:
    """The configured method. Raises NotFound."""
    config = session.get(PaymentMethodConfig, method_id)
    if config is None:
        raise NotFound()
    return config


def account_methods(account: Account) -> dict[str, AccountPaymentMethod]:
    """What the account deviates in, by method."""
    rows = session.scalars(select(AccountPaymentMethod).where(AccountPaymentMethod.account_id == account.id))
    return {row.method: row for row in rows}


def _available(config: PaymentMethodConfig, own: AccountPaymentMethod | None) -> AvailableMethod:
    return AvailableMethod(
        method=config.method,
        name=(own.label if own else "") or config.display_name,
        instructions=config.instructions,
        details=config.details,
        currencies=config.currencies,
        minimum=config.minimum,
        maximum=config.maximum,
        is_default=own is not None and own.is_default,
    )
