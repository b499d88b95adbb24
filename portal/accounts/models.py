"""Account, User with sessions and second factor, ApiToken."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.foundation import clock
from portal.foundation.access import PERMISSIONS, STAFF_ROLES, Permission, Role, Scope
from portal.foundation.db import Model, UtcDateTime
from portal.foundation.ids import new_id
from portal.mail.kinds import Kind

_STAFF = ", ".join(f"'{role.value}'" for role in sorted(STAFF_ROLES))
UQ_ACCOUNT_NUMBER = "uq_accounts_number"
UQ_ACCOUNT_EXTERNAL_ID = "uq_accounts_external_id"
UQ_USER_EMAIL = "uq_users_email"


class Account(Model):
    """The tenant: a customer organisation. Its number is what people call it by on paper."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("length(country) = 2", name="country"),
        CheckConstraint("length(currency) = 3", name="currency"),
        CheckConstraint("length(external_id) BETWEEN 1 AND 100", name="external_id"),
        Index(
            UQ_ACCOUNT_EXTERNAL_ID,
            "external_id",
            unique=True,
            sqlite_where=text("external_id IS NOT NULL"),
            postgresql_where=text("external_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    country: Mapped[str] = mapped_column(String(2))
    currency: Mapped[str] = mapped_column(String(3))
    locale: Mapped[str] = mapped_column(String(20))
    timezone: Mapped[str] = mapped_column(String(60))
    external_id: Mapped[str | None] = mapped_column(String(100))
    """What the back office's own system calls it."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class User(Model):
    """Somebody who signs in: of one account, or of staff (no account)."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(f"(role IN ({_STAFF})) = (account_id IS NULL)", name="staff_have_no_account"),
        CheckConstraint("role IN ('owner', 'member', 'viewer', 'reviewer', 'admin')", name="role"),
        CheckConstraint("digest_hours IS NULL OR account_id IS NULL", name="only_staff_have_digests"),
        Index(None, "account_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    must_choose_password: Mapped[bool] = mapped_column(default=False)
    """Whether somebody else chose the password: it opens nothing but the choice of one's own."""
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    locale: Mapped[str | None] = mapped_column(String(20))
    """How dates and numbers are written for this user; None: as for the account. So is the time zone."""
    timezone: Mapped[str | None] = mapped_column(String(60))
    unwanted_mails: Mapped[str | None] = mapped_column(String(200))
    """The kinds of mails that the user does not get, sorted, with blanks between."""
    digest_hours: Mapped[str | None] = mapped_column(String(80))
    """The hours of the user's day at which a digest comes, in order, with blanks between; None: never."""
    digested_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """The last of these hours that is done with; it never goes back, by a trigger."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)

    account: Mapped[Account | None] = relationship(lazy="joined")
    second_factor: Mapped["SecondFactor | None"] = relationship(lazy="joined", viewonly=True)

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    @property
    def is_staff(self) -> bool:
        return Role(self.role).is_staff

    @property
    def may_invite(self) -> bool:
        return self.is_enabled and Permission.USER_MANAGE in PERMISSIONS[Role(self.role)]

    @property
    def formats(self) -> tuple[str, str]:
        """Locale and time zone in which the user reads: their own choice, else the account's, else English and UTC."""
        account = self.account
        locale, timezone = (account.locale, account.timezone) if account else ("en", "UTC")
        return self.locale or locale, self.timezone or timezone

    def wants(self, kind: Kind) -> bool:
        """Whether the user gets mails of this kind."""
        return kind not in (self.unwanted_mails or "").split()


class UserSession(Model):
    """A browser in which a user signs in or is signed in. Its cookie holds a secret of which only the hash is kept."""

    __tablename__ = "user_sessions"
    __table_args__ = (Index(None, "user_id", "id"), Index(None, "device_hash"))

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    device_hash: Mapped[str | None] = mapped_column(String(64))
    """Which browser, by a cookie that outlives the session: one that signed in before is not slowed by a stranger."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """To the minute: reading a page writes once a minute at most."""
    idle_seconds: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(60))
    agent: Mapped[str] = mapped_column(String(60))
    """Browser and system, such as “Firefox on Linux”."""
    authenticated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """None while a step of signing in is left: such a session opens nothing but that."""
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the second factor was shown in it last."""
    offered_secret: Mapped[str | None] = mapped_column(String(200))
    """A new factor's secret, sealed, until a first code shows that an app has it."""
    offered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sealed_form: Mapped[str | None] = mapped_column(Text, deferred=True)
    """What was typed into a form that came when the session had ended; see ``unsent``."""

    user: Mapped[User] = relationship(lazy="joined")

    @property
    def is_live(self) -> bool:
        now = clock.now()
        idle = timedelta(seconds=self.idle_seconds)
        return self.ended_at is None and now < self.expires_at and now - self.last_seen_at < idle

    @property
    def is_authenticated(self) -> bool:
        return self.authenticated_at is not None


class SecondFactor(Model):
    """What a user has beside the password: an app that shows a code of six digits, another one every 30 seconds."""

    __tablename__ = "second_factors"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    sealed_secret: Mapped[str] = mapped_column(String(200))
    last_step: Mapped[int] = mapped_column(BigInteger)
    """The time step of the last code that was taken. No code of it or of an earlier one is taken again."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecoveryCode(Model):
    """What stands in for a lost second factor, once. The selector finds it; the hash is of the whole code."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "selector"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    selector: Mapped[str] = mapped_column(String(2))
    code_hash: Mapped[str] = mapped_column(String(200))
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AttemptLimit(Model):
    """How many attempts somebody, or an address, has used up. Rows of the past mean the same as none."""

    __tablename__ = "attempt_limits"
    __table_args__ = (Index(None, "free_at"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A fingerprint: the table names neither addresses nor people."""
    free_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When all attempts are free again."""
    noted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the audit log was last told of a refusal."""


class ApiToken(Model):
    """A bearer token of a user. Only the hash of its secret is kept, and what was granted never grows: by a trigger."""

    __tablename__ = "api_tokens"
    __table_args__ = (
        CheckConstraint("scopes LIKE '%_:_%'", name="scopes"),
        Index(None, "user_id", "id"),
        Index("uq_api_tokens_rotated_from", "rotated_from", unique=True),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(100))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str | None] = mapped_column(String(4))
    """The secret's last characters, to tell tokens apart; older tokens have none."""
    scopes: Mapped[str | None] = mapped_column(String(400))
    """What it is confined to, sorted, with blanks between; None: it may do all that its user may."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_address: Mapped[str | None] = mapped_column(String(60))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rotated_from: Mapped[UUID | None] = mapped_column(Uuid)
    """The token whose successor it is: one of the same user, by a trigger."""

    user: Mapped[User] = relationship(lazy="joined")

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > clock.now())

    @property
    def granted(self) -> frozenset[Scope] | None:
        """Its scopes; None where it is not confined. A word that this release does not know grants nothing."""
        if self.scopes is None:
            return None
        words = self.scopes.split()
        return frozenset(scope for scope in Scope if scope in words)

    @property
    def sorted_scopes(self) -> list[Scope] | None:
        """Its scopes in their order; None where it is not confined."""
        granted = self.granted
        return None if granted is None else [scope for scope in Scope if scope in granted]


class LinkPurpose(StrEnum):
    """What a mailed link is for."""

    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105  (no password)
    EMAIL_CHANGE = "email_change"


class MailedLink(Model):
    """A link in a mail, that does one thing once. Only the hash of its secret is kept."""

    __tablename__ = "mailed_links"
    __table_args__ = (
        CheckConstraint("purpose IN ('invitation', 'password_reset', 'email_change')", name="purpose"),
        CheckConstraint("(purpose = 'invitation') = (role IS NOT NULL)", name="only_invitations_have_a_role"),
        Index(None, "purpose", "id"),
        Index(None, "created_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """Whose it is; None for an invitation, and where somebody asked for a password of an address that nobody has."""
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    email: Mapped[str] = mapped_column(String(254))
    """The address that it was sent to."""
    name: Mapped[str] = mapped_column(String(200), default="")
    role: Mapped[str | None] = mapped_column(String(20))
    stands_for: Mapped[str] = mapped_column(String(64))
    """A fingerprint of its user's password and address: with others it is over."""
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    """Who made the invitation: once they may not any more, it is over. None where it was the system."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was used, withdrawn or replaced."""

    account: Mapped[Account | None] = relationship(lazy="joined")
    inviter: Mapped[User | None] = relationship(foreign_keys=invited_by)

    @property
    def is_live(self) -> bool:
        stands = self.inviter is None or self.inviter.may_invite
        return stands and self.ended_at is None and clock.now() < self.expires_at


class PortalFact(Model):
    """What is true of this database as a whole, such as that it holds the demo."""

    __tablename__ = "portal_facts"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
