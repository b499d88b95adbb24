"""Invitations: who may become a user, and has not yet."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from portal.accounts import invitations
from portal.accounts.queries import account_named
from portal.admin.blueprint import admin
from portal.admin.users import ROLES
from portal.foundation.access import Permission, Role, requires
from portal.html.forms import Form, refused
from portal.http.gate import current_actor


class InvitationForm(Form):
    """Whom to invite."""

    name = StringField("Name", [InputRequired("Give the person's name.")], default="")
    email = StringField("E-mail address", [InputRequired("Give the address that the mail goes to.")], default="")
    account = StringField("Account number", default="", description="Leave empty for staff")
    role = SelectField("Role", [InputRequired("Choose a role.")], choices={"": "Choose a role"} | ROLES, default="")


@admin.get("/invitations/")
@requires(Permission.USER_MANAGE)
def invitation_list() -> ResponseReturnValue:
    return render_template("admin/invitations/list.html", rows=invitations.open_invitations())


@admin.route("/invitations/new", methods=["GET", "POST"])
@requires(Permission.USER_MANAGE)
def invitation_new() -> ResponseReturnValue:
    form = InvitationForm()
    if request.method == "GET":
        form.account.data = request.args.get("account", "")
    if form.validate_on_submit():
        with refused(form):
            account = account_named(form.account.data)
            made = invitations.invite(
                by=current_actor(),
                email=form.email.data,
                name=form.name.data,
                role=Role(form.role.data),
                account_id=account.id if account else None,
            )
            flash(f"An invitation is on its way to {made.email}.", "good")
            return redirect(url_for("admin.invitation_list"), 303)
    return render_template("admin/invitations/new.html", form=form), form.status


@admin.post("/invitations/<id:invitation_id>/withdrawal")
@requires(Permission.USER_MANAGE)
def invitation_withdrawal(invitation_id: UUID) -> ResponseReturnValue:
    withdrawn = invitations.withdraw(invitation_id, by=current_actor())
    flash(f"The invitation of {withdrawn.email} no longer works.")
    return redirect(url_for("admin.invitation_list"), 303)
