"""PaymentMethodConfig: what is offered where. AccountPaymentMethod: what one account deviates in."""

from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.foundation.db import Model
from portal.foundation.ids import new_id
from portal.foundation.money import Money
from portal.foundation.tenancy import AccountScoped

EVERYWHERE = "*"
MANUAL_METHODS = {"bank_transfer": "Bank transfer", "local_wallet": "Mobile wallet"}
"""Methods that a customer reports by hand, by the word that programs use."""
METHOD_NAMES = MANUAL_METHODS | {"card": "Card"}
"""What people call each method, where nobody gave it a name of its own."""
UQ_METHOD = "uq_payment_method_configs_country_method"


class PaymentMethodConfig(Model):
    """A method offered in a country, or everywhere (``*``) where the country has no row of its own for it."""

    __tablename__ = "payment_method_configs"
    __table_args__ = (
        UniqueConstraint("country", "method", name=UQ_METHOD),
        CheckConstraint("length(country) = 2 OR country = '*'", name="country"),
        CheckConstraint(
            "(min_minor IS NULL AND max_minor IS NULL) OR limit_currency IS NOT NULL", name="limits_have_currency"
        ),
        CheckConstraint("min_minor IS NULL OR max_minor IS NULL OR min_minor <= max_minor", name="limits"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    country: Mapped[str] = mapped_column(String(2))
    method: Mapped[str] = mapped_column(String(40))
    display_name: Mapped[str] = mapped_column(String(100))
    instructions: Mapped[str] = mapped_column(Text)
    details: Mapped[list[list[str]]] = mapped_column(JSON)
    """Bank or wallet details as pairs of label and value, in the order that people read them."""
    currencies: Mapped[list[str]] = mapped_column(JSON)
    """ISO 4217 codes that the method takes; none: all."""
    limit_currency: Mapped[str | None] = mapped_column(String(3))
    min_minor: Mapped[int | None] = mapped_column(BigInteger)
    max_minor: Mapped[int | None] = mapped_column(BigInteger)
    is_enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    position: Mapped[int] = mapped_column(Integer, default=0)

    @property
    def minimum(self) -> Money | None:
        return self._limit(self.min_minor)

    @property
    def maximum(self) -> Money | None:
        return self._limit(self.max_minor)

    def _limit(self, minor: int | None) -> Money | None:
        return None if minor is None or self.limit_currency is None else Money(minor, self.limit_currency)


class AccountPaymentMethod(AccountScoped, Model):
    """What one account deviates in for a method. Never a card or bank secret."""

    __tablename__ = "account_payment_methods"
    __table_args__ = (
        UniqueConstraint("account_id", "method"),
        CheckConstraint("is_allowed OR NOT is_default", name="default_is_allowed"),
        Index(
            "uq_account_payment_methods_default",
            "account_id",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    method: Mapped[str] = mapped_column(String(40))
    is_allowed: Mapped[bool] = mapped_column(Boolean, default=True)
    is_default: Mapped[bool] = mapped_column(Boolean, default=False)
    label: Mapped[str] = mapped_column(String(100), default="")
