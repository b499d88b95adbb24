"""Signing in, in one step or several, and out."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import EmailField, PasswordField, StringField
from wtforms.validators import InputRequired

from portal.accounts import second_factor
from portal.accounts import sign_in as signing_in
from portal.accounts.models import UserSession
from portal.accounts.passwords import MIN_LENGTH
from portal.accounts.sign_in import Started, Step
from portal.foundation.access import Permission, public, requires
from portal.foundation.refusals import NotSignedIn
from portal.html import confirmation as confirming
from portal.html.addresses import local_address
from portal.html.forms import Form, refused
from portal.html.qr import as_image
from portal.http import identity
from portal.http.gate import current_actor
from portal.web.blueprint import web

_PAGES = {
    Step.SHOW_FACTOR: "web.second_step",
    Step.SET_UP_FACTOR: "web.set_up",
    Step.CHOOSE_PASSWORD: "web.own_password",
}


class SignInForm(Form):
    """Who one is, and how one proves it."""

    email = EmailField("E-mail address", [InputRequired("Type your e-mail address.")])
    password = PasswordField("Password", [InputRequired("Type your password.")])


class CodeForm(Form):
    """A code of an app, or a recovery code."""

    code = StringField("Code", [InputRequired("Type the code that your app shows now.")])


class NewPasswordForm(Form):
    """A password that nobody else knows."""

    password = PasswordField(
        "New password",
        [InputRequired("Type a password.")],
        description=f"{MIN_LENGTH} characters or more.",
        render_kw={"autocomplete": "new-password"},
    )


@web.get("/login")
@public
def sign_in() -> ResponseReturnValue:
    """The form; somebody who is signed in is sent on, and somebody half signed in to the next step."""
    row = identity.here()
    if row is not None and _onward(row):
        return redirect(_onward(row))
    return render_template("web/session/sign_in.html", form=SignInForm())


@web.post("/login")
@public
def start_session() -> ResponseReturnValue:
    """Sign in. Whatever is wrong with address and password, the answer is the same."""
    form = SignInForm()
    if form.validate():
        started = signing_in.by_password(form.email.data, form.password.data, place=identity.place())
        if started is not None:
            identity.begin(started.session, started.cookies)
            return redirect(_onward(started.session), 303)
        form.form_errors.append("The e-mail address or the password is wrong. Check both, and try again.")
    return render_template("web/session/sign_in.html", form=form), form.status


@web.get("/login/code")
@public
def second_step() -> ResponseReturnValue:
    """Ask for the second factor."""
    _at(Step.SHOW_FACTOR)
    return render_template("web/session/code.html", form=CodeForm())


@web.post("/login/code")
@public
def finish_session() -> ResponseReturnValue:
    """Sign in: the second step."""
    row, form = _at(Step.SHOW_FACTOR), CodeForm()
    if form.validate():
        with refused(form):
            started = signing_in.by_code(row, form.code.data, place=identity.place())
            identity.begin(started.session, started.cookies)
            if started.by_recovery_code:
                _say_what_is_left(row)
            return redirect(_onward(row), 303)
    return render_template("web/session/code.html", form=form), form.status


@web.get("/login/set-up")
@public
def set_up() -> ResponseReturnValue:
    """Show the second factor that has to be set up before anything else."""
    return _set_up_page(_at(Step.SET_UP_FACTOR), CodeForm())


@web.post("/login/set-up")
@public
def finish_set_up() -> ResponseReturnValue:
    """Set it up, and sign in. The recovery codes stand on this one answer and nowhere else."""
    row, form = _at(Step.SET_UP_FACTOR), CodeForm()
    if form.validate():
        with refused(form):
            started = signing_in.by_set_up(row, form.code.data, place=identity.place())
            identity.begin(started.session, started.cookies)
            return _codes_page(started, _onward(row)), 201
    return _set_up_page(row, form)


@web.get("/login/password")
@public
def own_password() -> ResponseReturnValue:
    """Ask for another password than the one that somebody else chose."""
    return _own_password_page(_at(Step.CHOOSE_PASSWORD), NewPasswordForm())


@web.post("/login/password")
@public
def choose_own_password() -> ResponseReturnValue:
    """Choose it, and sign in."""
    row, form = _at(Step.CHOOSE_PASSWORD), NewPasswordForm()
    if form.validate():
        with refused(form):
            started = signing_in.by_own_password(row, form.password.data, place=identity.place())
            identity.begin(started.session, started.cookies)
            flash("Your password is changed. Nobody else knows it.", "good")
            return redirect(_onward(row), 303)
    return _own_password_page(row, form)


@web.route("/confirmation", methods=["GET", "POST"])
@requires(Permission.PROFILE)
def confirmation() -> ResponseReturnValue:
    """Show the second factor again, ahead of what asks for it; the code is read before this view."""
    actor = current_actor()
    return confirming.page() if actor.needs_confirmation else redirect(_next() or _home(is_staff=actor.is_staff), 303)


@web.post("/logout")
@public
def sign_out() -> ResponseReturnValue:
    """End the session, also one that is only half begun."""
    identity.sign_out()
    flash("You are signed out.")
    return redirect(url_for("web.sign_in"), 303)


def _at(step: Step) -> UserSession:
    """The session of somebody who has come as far as this step. Raises NotSignedIn: signing in leads to theirs."""
    row = identity.half_signed_in()
    if signing_in.next_step(row) is not step:
        raise NotSignedIn("not_signed_in", "Sign in first.")
    return row


def _onward(row: UserSession) -> str:
    """Where somebody goes who has come this far in signing in; empty where only signing in anew helps."""
    step = signing_in.next_step(row)
    if step is Step.NOTHING:
        return _next() or _home(is_staff=row.user.is_staff)
    return url_for(_PAGES[step], next=_next()) if step in _PAGES else ""


def _next() -> str | None:
    """Where to go on to; not to where one signs in, which would lead back here."""
    address = local_address(request.args.get("next"))
    return None if address and address.split("?")[0].rstrip("/").startswith(("/login", "/confirmation")) else address


def _home(*, is_staff: bool) -> str:
    return url_for("admin.approval_queue" if is_staff else "web.overview")


def _set_up_page(row: UserSession, form: CodeForm) -> ResponseReturnValue:
    offered = second_factor.live_offer(row)
    if offered is None:
        return redirect(url_for("web.sign_in", next=_next()))
    address, secret = second_factor.readable_secret(row.user, offered)
    page = render_template("web/session/set_up.html", form=form, qr=as_image(address), secret=secret)
    return page, form.status


def _own_password_page(row: UserSession, form: NewPasswordForm) -> ResponseReturnValue:
    return render_template("web/session/own_password.html", form=form, email=row.user.email), form.status


def _say_what_is_left(row: UserSession) -> None:
    left = second_factor.recovery_codes_left(row.user_id)
    flash(f"You used a recovery code; {left} are left. Is the phone lost? Set up another on your profile.", "warn")


def _codes_page(started: Started, onward: str) -> str:
    return render_template("web/session/recovery_codes.html", codes=started.recovery_codes, onward=onward)
