"""Who may do what: roles, permissions, what a token may be confined to, and the mark by which a route declares the
permission that it needs."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar


class Role(StrEnum):
    """What a user is. The first three belong to an account, the next two to staff."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    SYSTEM = "system"

    @property
    def is_staff(self) -> bool:
        return self in STAFF_ROLES


CUSTOMER_ROLES = frozenset({Role.OWNER, Role.MEMBER, Role.VIEWER})
STAFF_ROLES = frozenset({Role.REVIEWER, Role.ADMIN})


class Permission(StrEnum):
    """One thing that somebody may be allowed to do."""

    PROFILE = "profile"
    """See one's own profile; one's own password, sessions and second factor."""
    OWN_TOKENS = "own_tokens"
    """See, issue, rotate and revoke one's own tokens."""
    OWN_ACCOUNT = "own_account"
    """See what belongs to one's own account. Staff have none."""
    INVOICE_READ = "invoice_read"
    """Read invoices: customers their account's, staff everybody's. Likewise payments."""
    PAYMENT_READ = "payment_read"
    PAYMENT_SUBMIT = "payment_submit"
    PAYMENT_CANCEL = "payment_cancel"
    PAYMENT_DECIDE = "payment_decide"
    PAYMENT_REFUND = "payment_refund"
    PAYMENT_SETTLE = "payment_settle"
    """Carry out what a gateway reports; nobody who signs in."""
    STAFF_READ = "staff_read"
    INVOICE_LOOK_UP = "invoice_look_up"
    """Read the invoices of an account that one names. Likewise payments. For staff."""
    PAYMENT_LOOK_UP = "payment_look_up"
    ACCOUNT_MANAGE = "account_manage"
    USER_MANAGE = "user_manage"
    INVOICE_MANAGE = "invoice_manage"
    METHOD_MANAGE = "method_manage"
    WEBHOOK_MANAGE = "webhook_manage"
    """Say where webhooks go: owners for their account, admins for staff's, which hear of all accounts."""
    AUDIT_READ = "audit_read"


_ONESELF = {Permission.PROFILE, Permission.OWN_TOKENS}
_CUSTOMER = _ONESELF | {Permission.OWN_ACCOUNT, Permission.INVOICE_READ, Permission.PAYMENT_READ}
_PAYER = _CUSTOMER | {Permission.PAYMENT_SUBMIT, Permission.PAYMENT_CANCEL}
_REVIEWER = _ONESELF | {
    Permission.INVOICE_READ,
    Permission.PAYMENT_READ,
    Permission.STAFF_READ,
    Permission.INVOICE_LOOK_UP,
    Permission.PAYMENT_LOOK_UP,
    Permission.PAYMENT_CANCEL,
    Permission.PAYMENT_DECIDE,
}
_CONFIGURATION = {
    Permission.ACCOUNT_MANAGE,
    Permission.USER_MANAGE,
    Permission.INVOICE_MANAGE,
    Permission.METHOD_MANAGE,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(_PAYER | {Permission.WEBHOOK_MANAGE}),
    Role.MEMBER: frozenset(_PAYER),
    Role.VIEWER: frozenset(_CUSTOMER),
    Role.REVIEWER: frozenset(_REVIEWER),
    Role.ADMIN: frozenset(
        _REVIEWER | _CONFIGURATION | {Permission.PAYMENT_REFUND, Permission.WEBHOOK_MANAGE, Permission.AUDIT_READ}
    ),
    Role.SYSTEM: frozenset(_CONFIGURATION | {Permission.PAYMENT_SETTLE}),
}


class Scope(StrEnum):
    """What a token may be confined to. Whatever its scopes, a token does no more than its user may."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    PAYMENTS_DECIDE = "payments:decide"
    INVOICES_READ = "invoices:read"
    INVOICES_WRITE = "invoices:write"
    ACCOUNT_READ = "account:read"
    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_WRITE = "accounts:write"
    USERS_WRITE = "users:write"
    """Apart from accounts: whoever adds users and sets passwords may become anybody."""
    CONFIG_WRITE = "config:write"
    AUDIT_READ = "audit:read"
    WEBHOOKS_WRITE = "webhooks:write"
    TOKENS_WRITE = "tokens:write"


SCOPES: dict[Permission, Scope] = {
    Permission.PROFILE: Scope.ACCOUNT_READ,
    Permission.OWN_TOKENS: Scope.TOKENS_WRITE,
    Permission.OWN_ACCOUNT: Scope.ACCOUNT_READ,
    Permission.INVOICE_READ: Scope.INVOICES_READ,
    Permission.PAYMENT_READ: Scope.PAYMENTS_READ,
    Permission.PAYMENT_SUBMIT: Scope.PAYMENTS_WRITE,
    Permission.PAYMENT_CANCEL: Scope.PAYMENTS_WRITE,
    Permission.PAYMENT_DECIDE: Scope.PAYMENTS_DECIDE,
    Permission.PAYMENT_REFUND: Scope.PAYMENTS_DECIDE,
    Permission.PAYMENT_SETTLE: Scope.PAYMENTS_DECIDE,
    Permission.STAFF_READ: Scope.ACCOUNTS_READ,
    Permission.INVOICE_LOOK_UP: Scope.INVOICES_READ,
    Permission.PAYMENT_LOOK_UP: Scope.PAYMENTS_READ,
    Permission.ACCOUNT_MANAGE: Scope.ACCOUNTS_WRITE,
    Permission.USER_MANAGE: Scope.USERS_WRITE,
    Permission.INVOICE_MANAGE: Scope.INVOICES_WRITE,
    Permission.METHOD_MANAGE: Scope.CONFIG_WRITE,
    Permission.AUDIT_READ: Scope.AUDIT_READ,
    Permission.WEBHOOK_MANAGE: Scope.WEBHOOKS_WRITE,
}
"""The scope that a confined token needs for each permission, beside the role of its user. None implies another."""


def scopes_of(role: Role) -> list[Scope]:
    """The scopes that are of any use to the role, in their order."""
    useful = {SCOPES[permission] for permission in PERMISSIONS[role]}
    return [scope for scope in Scope if scope in useful]


View = TypeVar("View", bound=Callable[..., object])
_MARK = "declared_access"


def requires(permission: Permission) -> Callable[[View], View]:
    """Declare the permission that a route needs. It goes next to the function, below the route's own decorator."""

    def mark(view: View) -> View:
        setattr(view, _MARK, permission)
        return view

    return mark


def public(view: View) -> View:
    """Declare that a route is open to everybody."""
    setattr(view, _MARK, None)
    return view


def is_declared(view: Callable[..., object]) -> bool:
    """Whether the route says who may use it."""
    return hasattr(view, _MARK)


def declared(view: Callable[..., object]) -> Permission | None:
    """The permission that the route needs; None for a public one. Raises AttributeError for an undeclared one."""
    permission: Permission | None = getattr(view, _MARK)
    return permission
