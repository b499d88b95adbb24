"""Account, User, ApiToken."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.foundation import clock
from portal.foundation.access import STAFF_ROLES, Role
from portal.foundation.db import Model, UtcDateTime
from portal.foundation.ids import new_id

_STAFF = ", ".join(f"'{role.value}'" for role in sorted(STAFF_ROLES))
UQ_ACCOUNT_NUMBER = "uq_accounts_number"
UQ_USER_EMAIL = "uq_users_email"


class Account(Model):
    """The tenant: a customer organisation. Its number is what people call it by on paper."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("length(country) = 2", name="country"),
        CheckConstraint("length(currency) = 3", name="currency"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    country: Mapped[str] = mapped_column(String(2))
    currency: Mapped[str] = mapped_column(String(3))
    locale: Mapped[str] = mapped_column(String(20))
    timezone: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class User(Model):
    """Somebody who signs in: of one account, or of staff (no account)."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(f"(role IN ({_STAFF})) = (account_id IS NULL)", name="staff_have_no_account"),
        CheckConstraint("role IN ('owner', 'member', 'viewer', 'reviewer', 'admin')", name="role"),
        Index(None, "account_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    session_epoch: Mapped[int] = mapped_column(Integer, default=1)
    """Grows whenever all sessions of the user end: another password, another role, disabled."""
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    account: Mapped[Account | None] = relationship(lazy="joined")

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    @property
    def is_staff(self) -> bool:
        return Role(self.role).is_staff


class ApiToken(Model):
    """A bearer token of a user. Only the hash of its secret is kept."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index(None, "user_id", "id"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(100))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined")

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > clock.now())


class PortalFact(Model):
    """What is true of this database as a whole, such as that it holds the demo."""

    __tablename__ = "portal_facts"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
