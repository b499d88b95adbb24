"""Users of accounts and of staff."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired

from portal.accounts import second_factor, service
from portal.accounts.models import User
from portal.accounts.passwords import MIN_LENGTH
from portal.accounts.queries import account_named, get_user, user_page
from portal.accounts.sessions import end_sessions_of, sessions_of
from portal.admin.blueprint import admin
from portal.foundation.access import CUSTOMER_ROLES, STAFF_ROLES, Permission, Role, requires
from portal.foundation.keyset import Page
from portal.html.exports import export
from portal.html.forms import Form, refused
from portal.html.lists import FilterForm, TextFilter
from portal.http.gate import current_actor

ROLES: dict[str, str] = {
    Role.OWNER.value: "Owner: sees the account’s billing, reports and withdraws payments",
    Role.MEMBER.value: "Member: pays",
    Role.VIEWER.value: "Viewer: sees everything, changes nothing",
    Role.REVIEWER.value: "Reviewer (staff): decides on payments",
    Role.ADMIN.value: "Admin (staff): decides and manages",
}
_COLUMNS = ("id", "email", "name", "role", "account_id", "account_name", "created_at", "disabled_at")


class UserFilter(FilterForm):
    """Which users to list."""

    q = TextFilter("Search", description="Name or e-mail")
    account = TextFilter("Account number")
    staff = BooleanField("Staff only")

    def wanted(self) -> dict[str, Any]:
        """What ``user_page`` takes. Raises Invalid for an account that there is not."""
        account = account_named(self.account.data)
        return {"q": self.q.data, "account_id": account.id if account else None, "staff": self.staff.data}


class PasswordForm(Form):
    """Another password of a user."""

    password = PasswordField(
        "Password",
        id="new-password",
        validators=[InputRequired("Give a password.")],
        default="",
        description=f"At least {MIN_LENGTH} characters. Hand it over in person; the first sign-in asks for another.",
        render_kw={"autocomplete": "new-password"},
    )


class RoleForm(Form):
    """Another role of a user, of the same side."""

    role = SelectField("Role", [InputRequired("Choose a role.")], default="")

    def offer(self, user: User) -> "RoleForm":
        fitting = STAFF_ROLES if user.is_staff else CUSTOMER_ROLES
        self.role.choices = {role: text for role, text in ROLES.items() if role in fitting}
        return self


class UserForm(PasswordForm):
    """A new user."""

    name = StringField("Name", validators=[InputRequired("Give the person's name.")], default="")
    email = StringField("E-mail address", validators=[InputRequired("Give the address to sign in with.")], default="")
    account = StringField("Account number", default="", description="Leave empty for staff")
    role = SelectField("Role", [InputRequired("Choose a role.")], choices={"": "Choose a role"} | ROLES, default="")


@admin.get("/users/")
@requires(Permission.USER_MANAGE)
def user_list() -> ResponseReturnValue:
    form = UserFilter()
    page: Page[Any] = Page([], None, None, 0)
    if form.validate():
        with refused(form):
            page = user_page(**form.wanted(), cursor=request.args.get("cursor"))
    return render_template("admin/users/list.html", filter=form, page=page), form.http_status


@admin.post("/users/export")
@requires(Permission.USER_MANAGE)
def user_export() -> ResponseReturnValue:
    form = UserFilter()
    return export(form, "users", _COLUMNS, lambda: partial(user_page, **form.wanted()), listed="admin.user_list")


@admin.route("/users/new", methods=["GET", "POST"])
@requires(Permission.USER_MANAGE)
def user_new() -> ResponseReturnValue:
    form = UserForm()
    if request.method == "GET":
        form.account.data = request.args.get("account", "")
    if form.validate_on_submit():
        with refused(form):
            account = account_named(form.account.data)
            made = service.create_user(
                by=current_actor(),
                email=form.email.data,
                name=form.name.data,
                role=Role(form.role.data),
                account_id=account.id if account else None,
                password=form.password.data,
            )
            flash(f"{made.name} can sign in as {made.email}.", "good")
            return redirect(url_for("admin.user", user_id=made.id), 303)
    return render_template("admin/users/new.html", form=form), form.status


@admin.get("/users/<id:user_id>/")
@requires(Permission.USER_MANAGE)
def user(user_id: UUID) -> ResponseReturnValue:
    return _show(user_id)


@admin.post("/users/<id:user_id>/role")
@requires(Permission.USER_MANAGE)
def user_role(user_id: UUID) -> ResponseReturnValue:
    form = RoleForm().offer(get_user(user_id))
    return _change(user_id, "role", form, lambda: service.change_role(
        user_id, by=current_actor(), role=Role(form.role.data)
    ), "{} has a new role, and has to sign in again.")  # fmt: skip


@admin.post("/users/<id:user_id>/password")
@requires(Permission.USER_MANAGE)
def user_password(user_id: UUID) -> ResponseReturnValue:
    form = PasswordForm()
    return _change(user_id, "password", form, lambda: service.reset_password(
        user_id, by=current_actor(), password=form.password.data
    ), "{} has a new password; all their sessions have ended.")  # fmt: skip


@admin.post("/users/<id:user_id>/deactivation")
@requires(Permission.USER_MANAGE)
def user_deactivation(user_id: UUID) -> ResponseReturnValue:
    return _change(user_id, "enabled", Form(), lambda: service.set_enabled(
        user_id, by=current_actor(), enabled=False
    ), "{} is locked out; sessions and tokens have ended.")  # fmt: skip


@admin.post("/users/<id:user_id>/activation")
@requires(Permission.USER_MANAGE)
def user_activation(user_id: UUID) -> ResponseReturnValue:
    return _change(user_id, "enabled", Form(), lambda: service.set_enabled(
        user_id, by=current_actor(), enabled=True
    ), "{} can sign in again.")  # fmt: skip


@admin.post("/users/<id:user_id>/sessions/end")
@requires(Permission.USER_MANAGE)
def user_sessions_end(user_id: UUID) -> ResponseReturnValue:
    def carry_out() -> User:
        end_sessions_of(user_id, by=current_actor())
        return get_user(user_id)

    return _change(user_id, "sessions", Form(), carry_out, "{} is signed out everywhere.")


@admin.post("/users/<id:user_id>/second-factor/reset")
@requires(Permission.USER_MANAGE)
def user_second_factor_reset(user_id: UUID) -> ResponseReturnValue:
    return _change(user_id, "factor", Form(), lambda: second_factor.reset(
        user_id, by=current_actor()
    ), "{} no longer has a second factor, and is signed out everywhere.")  # fmt: skip


def _change(user_id: UUID, what: str, form: Form, carry_out: Callable[[], User], told: str) -> ResponseReturnValue:
    """Carry the change out, or show the user with why not."""
    if form.validate_on_submit():
        with refused(form):
            flash(told.format(carry_out().name), "good")
            return redirect(url_for("admin.user", user_id=user_id), 303)
    return _show(user_id, what, form)


def _show(user_id: UUID, sent: str = "", form: Form | None = None) -> ResponseReturnValue:
    shown = get_user(user_id)
    forms: dict[str, Form] = {
        "role": RoleForm(formdata=None, role=shown.role).offer(shown),
        "password": PasswordForm(formdata=None),
        "enabled": Form(formdata=None),
        "sessions": Form(formdata=None),
        "factor": Form(formdata=None),
    }
    if form is not None:
        forms[sent] = form
    page = render_template(
        "admin/users/user.html",
        user=shown,
        account=shown.account,
        forms=forms,
        sessions=sessions_of(shown.id),
        codes_left=second_factor.recovery_codes_left(shown.id),
        is_obligatory=second_factor.is_obligatory(shown),
        is_self=shown.id == current_actor().user_id,
    )
    return page, form.status if form else 200
