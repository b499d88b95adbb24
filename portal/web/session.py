"""Signing in and out."""

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired

from portal.accounts.models import User
from portal.accounts.service import authenticate
from portal.foundation import audit
from portal.foundation.access import Permission, Role, public, requires
from portal.foundation.actor import Actor
from portal.html.addresses import local_address
from portal.html.forms import Form
from portal.http import identity
from portal.web.blueprint import web


class SignInForm(Form):
    """Who one is, and how one proves it."""

    email = EmailField("E-mail address", [InputRequired("Type your e-mail address.")])
    password = PasswordField("Password", [InputRequired("Type your password.")])


@web.get("/login")
@public
def sign_in() -> ResponseReturnValue:
    """The form; somebody who is signed in is sent on."""
    if g.actor is not None:
        return redirect(_home(g.actor.is_staff))
    return render_template("web/session/sign_in.html", form=SignInForm())


@web.post("/login")
@public
def start_session() -> ResponseReturnValue:
    """Sign in. Whatever is wrong with address and password, the answer is the same."""
    form = SignInForm()
    if form.validate():
        user = authenticate(form.email.data, form.password.data)
        if user is not None:
            identity.sign_in(user)
            _note("session.started", user)
            return redirect(local_address(request.args.get("next")) or _home(user.is_staff), 303)
        form.form_errors.append("Address and password do not fit. Check both, and try again.")
    return render_template("web/session/sign_in.html", form=form), form.status


@web.post("/logout")
@requires(Permission.PROFILE)
def sign_out() -> ResponseReturnValue:
    """End the session."""
    identity.sign_out()
    flash("You are signed out.")
    return redirect(url_for("web.sign_in"), 303)


def _home(is_staff: bool) -> str:
    return url_for("admin.approval_queue" if is_staff else "web.overview")


def _note(action: str, user: User) -> None:
    """Sign-ins stand in the audit log."""
    actor = Actor(user.id, user.account_id, Role(user.role), user.name, "web", g.request_id, request.remote_addr or "")
    audit.record(actor, action, "user", user.id, account_id=user.account_id)
