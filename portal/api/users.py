"""Users of accounts and of staff: the list, one of them, and what changes them."""

from typing import Any
from uuid import UUID

from flask import url_for
from flask.typing import ResponseReturnValue

from portal.accounts import second_factor, service
from portal.accounts.models import User
from portal.accounts.queries import get_account, get_user, user_page
from portal.accounts.sessions import end_sessions_of
from portal.api.blueprint import api, paged
from portal.api.problems import OF_PASSWORDS, TEXTS, refuses
from portal.api.schemas.users import NewUser, Password, RoleChange, UserOut, UserQuery, UserRowOut
from portal.api.schemas.values import Nothing
from portal.foundation.access import Permission, requires
from portal.http.gate import current_actor


@api.get("/users/")
@api.arguments(UserQuery, location="query")
@api.response(200, UserRowOut(many=True))
@requires(Permission.USER_MANAGE)
def user_list(query: dict[str, Any]) -> list[Any]:
    """All users, newest first."""
    return paged(user_page(**query))


@api.post("/users/")
@api.arguments(NewUser)
@api.response(201, UserOut)
@requires(Permission.USER_MANAGE)
@refuses(*TEXTS, *OF_PASSWORDS, "invalid_email", "role_does_not_fit", "email_taken")
def create_staff_user(body: dict[str, Any]) -> ResponseReturnValue:
    """Add somebody to staff."""
    return _created(service.create_user(by=current_actor(), account_id=None, **body))


@api.post("/accounts/<id:account_id>/users/")
@api.arguments(NewUser)
@api.response(201, UserOut)
@requires(Permission.USER_MANAGE)
@refuses(*TEXTS, *OF_PASSWORDS, "invalid_email", "role_does_not_fit", "email_taken")
def create_user_of_account(body: dict[str, Any], account_id: UUID) -> ResponseReturnValue:
    """Add somebody to an account."""
    return _created(service.create_user(by=current_actor(), account_id=get_account(account_id).id, **body))


@api.get("/users/<id:user_id>/")
@api.response(200, UserOut)
@requires(Permission.USER_MANAGE)
def user(user_id: UUID) -> User:
    """One user."""
    return get_user(user_id)


@api.put("/users/<id:user_id>/role/")
@api.arguments(RoleChange)
@api.response(200, UserOut)
@requires(Permission.USER_MANAGE)
@refuses("role_does_not_fit", "own_user", "confirmation_required")
def change_role(body: dict[str, Any], user_id: UUID) -> User:
    """Give a user another role of the same side."""
    return service.change_role(user_id, by=current_actor(), **body)


@api.put("/users/<id:user_id>/password/")
@api.arguments(Password)
@api.response(200, UserOut)
@requires(Permission.USER_MANAGE)
@refuses(*OF_PASSWORDS, "own_user")
def set_password(body: dict[str, Any], user_id: UUID) -> User:
    """Give a user another password."""
    return service.reset_password(user_id, by=current_actor(), **body)


@api.post("/users/<id:user_id>/activation/")
@api.arguments(Nothing)
@api.response(200, UserOut)
@requires(Permission.USER_MANAGE)
@refuses("own_user", "confirmation_required")
def activate_user(_body: dict[str, Any], user_id: UUID) -> User:
    """Let a user in again."""
    return service.set_enabled(user_id, by=current_actor(), enabled=True)


@api.post("/users/<id:user_id>/deactivation/")
@api.arguments(Nothing)
@api.response(200, UserOut)
@requires(Permission.USER_MANAGE)
@refuses("own_user", "confirmation_required")
def deactivate_user(_body: dict[str, Any], user_id: UUID) -> User:
    """Lock a user out: sessions and tokens end."""
    return service.set_enabled(user_id, by=current_actor(), enabled=False)


@api.post("/users/<id:user_id>/sessions/end/")
@api.arguments(Nothing)
@api.response(200, UserOut)
@requires(Permission.USER_MANAGE)
def end_sessions(_body: dict[str, Any], user_id: UUID) -> User:
    """Sign a user out everywhere."""
    end_sessions_of(user_id, by=current_actor())
    return get_user(user_id)


@api.post("/users/<id:user_id>/second-factor/reset/")
@api.arguments(Nothing)
@api.response(200, UserOut)
@requires(Permission.USER_MANAGE)
@refuses("no_second_factor", "own_user", "confirmation_required")
def reset_second_factor(_body: dict[str, Any], user_id: UUID) -> User:
    """Take a user's second factor off."""
    return second_factor.reset(user_id, by=current_actor())


def _created(made: User) -> ResponseReturnValue:
    return made, 201, {"Location": url_for("api.user", user_id=made.id)}  # type: ignore[return-value]
