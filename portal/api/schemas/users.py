"""Users, field by field. A password is read and never written."""

from typing import Any

from marshmallow import ValidationError, fields

from portal.api.schemas.values import Id, In, Moment, Out, PageQuery, Prose, Search, Text, nothing
from portal.foundation.access import CUSTOMER_ROLES, STAFF_ROLES, Role

_ROLES = sorted(CUSTOMER_ROLES | STAFF_ROLES)


class RoleWord(fields.Field[Role]):
    """A role that a user can have."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"enum": _ROLES}, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Role:
        if not isinstance(value, str) or value not in _ROLES:
            raise ValidationError(f"This is not a role. Roles are: {', '.join(_ROLES)}.")
        return Role(value)


class UserQuery(PageQuery):
    """Which users. ``q`` looks into name and address; ``staff=true`` leaves those of accounts out."""

    q = Search("Olga", 200)
    account_id = Id(load_default=nothing)
    staff = fields.Boolean(load_default=False, truthy={"true"}, falsy={"false"})


class Password(In):
    """Another password."""

    password = Text("a long one that nobody guesses", required=True, load_only=True)


class RoleChange(In):
    """Another role."""

    role = RoleWord(required=True)


class NewUser(Password, RoleChange):
    """Somebody new."""

    email = Text("olga@hooli.example", required=True)
    name = Prose("Olga Owner", most=200, required=True)


class UserRowOut(Out):
    """A user as the list shows them. Staff have no account."""

    id = Id()
    account_id = Id(allow_none=True)
    email = Text("olga@hooli.example")
    name = Text("Olga Owner")
    role = fields.String(metadata={"enum": _ROLES})
    is_enabled = fields.Boolean()
    created_at = Moment()

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Two that follow from others."""
        if attr == "is_enabled":
            return obj.disabled_at is None
        return obj.second_factor is not None if attr == "has_second_factor" else getattr(obj, attr)


class UserOut(UserRowOut):
    """A user."""

    has_second_factor = fields.Boolean()
    must_choose_password = fields.Boolean()
    """Whether somebody else chose the password: the next sign-in asks for the user's own."""
