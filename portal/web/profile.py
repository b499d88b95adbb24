"""The profile: who one is, one's password and sessions. Staff have one too."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from portal.accounts import email_changes, second_factor
from portal.accounts.formats import choose_formats
from portal.accounts.mail_choices import choose_mails
from portal.accounts.queries import get_user, live_tokens
from portal.accounts.sessions import end_other_sessions, end_session, sessions_of
from portal.accounts.sign_in import change_own_password
from portal.foundation.access import Permission, requires
from portal.foundation.refusals import TooManyAttempts
from portal.html.forms import Form, refused
from portal.http import identity
from portal.http.gate import current_actor
from portal.web.blueprint import web
from portal.web.formats import FormatsForm
from portal.web.mail_choices import MailsForm, shown_hours, wanted_by


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


class EmailForm(Form):
    """Another address to sign in with."""

    email = EmailField("New e-mail address", [InputRequired("Type the new address.")])
    password = PasswordField(
        "Your password",
        [InputRequired("Type your password.")],
        id="email-password",
        render_kw={"autocomplete": "current-password"},
    )


@web.get("/profile/")
@requires(Permission.PROFILE)
def profile() -> ResponseReturnValue:
    """One's own data."""
    return profile_page()


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
    return profile_page(password_form=form)


@web.post("/profile/formats")
@requires(Permission.PROFILE)
def change_formats() -> ResponseReturnValue:
    """Choose one's formats: they hold at once, in every browser."""
    form = FormatsForm().offer(get_user(current_actor().user_id))
    if form.validate():
        with refused(form):
            choose_formats(by=current_actor(), locale=form.locale.data or "", timezone=form.timezone.data or "")
            flash("Your formats are saved.")
            return redirect(url_for("web.profile"), 303)
    return profile_page(formats_form=form)


@web.post("/profile/mails")
@requires(Permission.PROFILE)
def change_mails() -> ResponseReturnValue:
    """Choose one's mails."""
    form = MailsForm().offer(get_user(current_actor().user_id))
    if form.validate():
        with refused(form):
            choose_mails(by=current_actor(), wanted=form.chosen, digest_hours=form.typed_hours)
            flash("Your choice of mails is saved.")
            return redirect(url_for("web.profile"), 303)
    return profile_page(mails_form=form)


@web.post("/profile/email")
@requires(Permission.PROFILE)
def change_email() -> ResponseReturnValue:
    """Mail a link to the new address; nothing changes before it is opened there."""
    form = EmailForm()
    if form.validate():
        with refused(form, TooManyAttempts):
            address = email_changes.ask(form.email.data, form.password.data, by=current_actor())
            flash(f"We sent a link to {address}. Nothing changes until you open it and confirm.")
            return redirect(url_for("web.profile"), 303)
    return profile_page(email_form=form)


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


def profile_page(**sent: Form) -> ResponseReturnValue:
    """The profile, with the form that was sent and is not done yet, if one was."""
    user = get_user(current_actor().user_id)
    of_formats = FormatsForm(formdata=None, locale=user.locale, timezone=user.timezone).offer(user)
    of_mails = MailsForm(formdata=None, mails=wanted_by(user), digest_hours=shown_hours(user)).offer(user)
    empty = {"password_form": PasswordForm(formdata=None), "email_form": EmailForm(formdata=None)}
    forms = empty | {"formats_form": of_formats, "mails_form": of_mails} | sent
    page = render_template(
        "web/profile/profile.html",
        user=user,
        tokens=live_tokens(user.id),
        sessions=sorted(sessions_of(user.id), key=lambda row: row.id != current_actor().session_id),
        codes_left=second_factor.recovery_codes_left(user.id),
        **forms,
    )
    return page, next((form.status for form in sent.values()), 200)
