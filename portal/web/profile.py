"""The profile: who one is, one's password, sessions and tokens. Staff have one too."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import IntegerField, PasswordField, StringField
from wtforms.validators import InputRequired, Optional

from portal.accounts import second_factor
from portal.accounts.queries import get_user
from portal.accounts.sessions import end_other_sessions, end_session, sessions_of
from portal.accounts.sign_in import change_own_password
from portal.accounts.tokens import issue_token, revoke_token, tokens_of
from portal.foundation.access import Permission, requires
from portal.html.forms import Form, refused
from portal.http import identity
from portal.http.gate import current_actor
from portal.web.blueprint import web


class TokenForm(Form):
    """A new token."""

    card_free = ("name",)

    name = StringField("Name", [InputRequired("Name the program that will use it.")], render_kw={"maxlength": 100})
    days = IntegerField("Days until it expires", [Optional()], render_kw={"min": 1, "max": 3650})


class PasswordForm(Form):
    """Another password."""

    current_password = PasswordField(
        "Current password",
        [InputRequired("Type your current password.")],
        render_kw={"autocomplete": "current-password"},
    )
    password = PasswordField(
        "New password", [InputRequired("Type a new password.")], render_kw={"autocomplete": "new-password"}
    )


@web.get("/profile/")
@requires(Permission.PROFILE)
def profile() -> ResponseReturnValue:
    """One's own data."""
    return _profile_page()


@web.post("/profile/password")
@requires(Permission.PROFILE)
def change_password() -> ResponseReturnValue:
    """Change the password: other sessions end, this one goes on."""
    form = PasswordForm(prefix="")
    if form.validate():
        with refused(form):
            change_own_password(by=current_actor(), current=form.current_password.data, password=form.password.data)
            identity.renew()
            flash("Your password is changed. Everywhere else you are signed out.")
            return redirect(url_for("web.profile"), 303)
    return _profile_page(password_form=form)


@web.post("/profile/sessions/<id:session_id>/end")
@requires(Permission.PROFILE)
def end_one_session(session_id: UUID) -> ResponseReturnValue:
    """Sign one of one's browsers out."""
    if session_id == current_actor().session_id:
        identity.sign_out()
        return redirect(url_for("web.sign_in"), 303)
    ended = end_session(session_id, by=current_actor())
    flash(f"{ended.agent} is signed out.")
    return redirect(url_for("web.profile"), 303)


@web.post("/profile/sessions/end")
@requires(Permission.PROFILE)
def end_all_other_sessions() -> ResponseReturnValue:
    """Sign all browsers out but this one."""
    end_other_sessions(by=current_actor())
    flash("Everywhere else you are signed out.")
    return redirect(url_for("web.profile"), 303)


@web.post("/profile/tokens/")
@requires(Permission.PROFILE)
def create_token() -> ResponseReturnValue:
    """Issue a token. Its secret stands on this one answer and nowhere else."""
    form = TokenForm()
    if form.validate():
        with refused(form):
            actor = current_actor()
            user = get_user(actor.user_id)
            token, secret = issue_token(user.id, by=actor, name=form.name.data, days=form.days.data)
            return render_template("web/profile/token.html", token=token, secret=secret), 201
    return _profile_page(token_form=form)


@web.post("/profile/tokens/<id:token_id>/revocation")
@requires(Permission.PROFILE)
def end_token(token_id: UUID) -> ResponseReturnValue:
    """Revoke a token."""
    token = revoke_token(token_id, by=current_actor())
    flash(f"The token “{token.name}” is revoked.")
    return redirect(url_for("web.profile"), 303)


def _profile_page(*, token_form: Form | None = None, password_form: Form | None = None) -> ResponseReturnValue:
    user = get_user(current_actor().user_id)
    tokens = tokens_of(user.id)
    page = render_template(
        "web/profile/profile.html",
        user=user,
        live=[token for token in tokens if token.is_live],
        ended=[token for token in tokens if not token.is_live],
        sessions=sorted(sessions_of(user.id), key=lambda row: row.id != current_actor().session_id),
        codes_left=second_factor.recovery_codes_left(user.id),
        token_form=token_form or TokenForm(formdata=None),
        password_form=password_form or PasswordForm(formdata=None),
    )
    refused_form = token_form or password_form
    return page, refused_form.status if refused_form else 200
