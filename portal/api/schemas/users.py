"""Users, field by field. A password is read and never written."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from portal.api.schemas.values import Id, Moment, PageQuery
from portal.foundation.access import CUSTOMER_ROLES, STAFF_ROLES, Role


class RoleWord(fields.Field[Role]):
    """A role that a user can have."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Role:
        known = sorted(CUSTOMER_ROLES | STAFF_ROLES)
        if not isinstance(value, str) or value not in known:
            raise ValidationError(f"This is not a role. Roles are: {', '.join(known)}.")
        return Role(value)


class UserQuery(PageQuery):
    """Which users. ``q`` looks into name and address; ``staff=true`` leaves those of accounts out."""

    q = fields.String(load_default="", validate=validate.Length(max=200))
    account_id = Id(load_default=None)
    staff = fields.Boolean(load_default=False, truthy={"true"}, falsy={"false"})


class Password(Schema):
    """Another password."""

    password = fields.String(required=True, load_only=True)


class RoleChange(Schema):
    """Another role."""

    role = RoleWord(required=True)


class NewUser(Password, RoleChange):
    """Somebody new."""

    email = fields.String(required=True)
    name = fields.String(required=True)


class UserRowOut(Schema):
    """A user as the list shows them. Staff have no account."""

    id = Id()
    account_id = Id()
    email = fields.String()
    name = fields.String()
    role = fields.String()
    is_enabled = fields.Function(lambda user: user.disabled_at is None)
    created_at = Moment()


class UserOut(UserRowOut):
    """A user."""

    has_second_factor = fields.Function(lambda user: user.second_factor is not None)
