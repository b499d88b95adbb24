"""Who may do what: roles, permissions, and the mark by which a route declares the one that it needs."""

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
    """See one's own profile, and issue and revoke one's own tokens."""
    OWN_ACCOUNT = "own_account"
    """See what belongs to one's own account. Staff have none."""
    BILLING_READ = "billing_read"
    """Read invoices, payments and credits: customers their account's, staff everybody's."""
    PAYMENT_SUBMIT = "payment_submit"
    PAYMENT_CANCEL = "payment_cancel"
    PAYMENT_DECIDE = "payment_decide"
    PAYMENT_REFUND = "payment_refund"
    PAYMENT_SETTLE = "payment_settle"
    """Carry out what a gateway reports; nobody who signs in."""
    STAFF_READ = "staff_read"
    ACCOUNT_MANAGE = "account_manage"
    USER_MANAGE = "user_manage"
    INVOICE_MANAGE = "invoice_manage"
    METHOD_MANAGE = "method_manage"
    WEBHOOK_MANAGE = "webhook_manage"
    """Say where webhooks go: owners for their account, admins for staff's, which hear of all accounts."""
    AUDIT_READ = "audit_read"


_CUSTOMER = {Permission.PROFILE, Permission.OWN_ACCOUNT, Permission.BILLING_READ}
_PAYER = _CUSTOMER | {Permission.PAYMENT_SUBMIT, Permission.PAYMENT_CANCEL}
_REVIEWER = {
    Permission.PROFILE,
    Permission.BILLING_READ,
    Permission.STAFF_READ,
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
