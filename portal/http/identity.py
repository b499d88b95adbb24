"""Who asks: a browser session, or on the API a bearer token."""

from dataclasses import replace

from flask import Flask, Request, after_this_request, current_app, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from werkzeug.wrappers import Response

from portal.accounts import sessions, sign_in, unsent
from portal.accounts.agents import device_name
from portal.accounts.models import ApiToken, User, UserSession
from portal.accounts.sessions import Cookies, Lifetimes, Place
from portal.accounts.tokens import find_live_token
from portal.foundation.access import Role
from portal.foundation.actor import Actor
from portal.foundation.refusals import NotSignedIn
from portal.http.unattended import asks_by_itself

API_PREFIX = "/api/v1/billing/"
_DEVICE_COOKIE, _DEVICE_PATH = "portal_device", "/login"  # where it counts; no other request carries it


class SignedIn(UserMixin):
    """A session as Flask-Login keeps one: the cookie holds its secret and nothing else about anybody."""

    def __init__(self, row: UserSession, secret: str) -> None:
        self.row = row
        self._secret = secret

    @property
    def is_authenticated(self) -> bool:
        """False while only the password was shown."""
        return self.row.is_authenticated

    def get_id(self) -> str:
        return self._secret


def init_identity(app: Flask) -> None:
    """Teach the app to read its sessions."""
    manager = LoginManager(app, add_context_processor=False)  # pages of errors must not ask who is there
    manager.session_protection = None  # addresses of phones change; sessions end by their row
    manager.user_loader(_load)


def begin(row: UserSession, cookies: Cookies) -> None:
    """Give the browser its session. Whatever it carried before is dropped, and ends."""
    before, shown = here(), shown_secret()
    if shown is not None:
        unsent.hand_on(shown, row)
    if before is not None and before.id != row.id:
        sessions.end_session(before.id, by=place().actor(before.user, session_id=before.id))
    session.clear()
    g.pop("csrf_token", None)  # of the session before: a form of this very answer must fit the new one
    login_user(SignedIn(row, cookies.session))
    session.permanent = True
    if cookies.device is not None:
        _remember_browser(cookies.device)


def renew() -> None:
    """Another secret for this session, so that a copy of its cookie dies."""
    row = here()
    if row is not None:
        begin(row, Cookies(sessions.renew_session(row.id)))


def sign_out() -> None:
    """End the session, on the server too."""
    row = here()
    if row is not None:
        sessions.end_session(row.id, by=place().actor(row.user, session_id=row.id))
    logout_user()
    session.clear()
    g.signed_out = True  # the answer has the browser drop what it keeps of the portal


def here() -> UserSession | None:
    """The browser's session, whole or half; None where it has none."""
    row: UserSession | None = getattr(current_user, "row", None)
    return row


def shown_secret() -> str | None:
    """The secret in the browser's cookie, which is signed; its session may have ended."""
    secret = session.get("_user_id")
    return secret if isinstance(secret, str) else None


def half_signed_in() -> UserSession:
    """The session of somebody who has shown the password only. Raises NotSignedIn where there is none."""
    row = here()
    if row is None or row.is_authenticated:
        raise NotSignedIn("not_signed_in", "Sign in first.")
    return row


def place() -> Place:
    """Where the request comes from."""
    settings = current_app.config
    return Place(
        address=request.remote_addr or "",
        agent=device_name(request.user_agent.string),
        device=request.cookies.get(_device_cookie()[0], ""),
        request_id=g.request_id,
        lifetimes=Lifetimes(
            settings["SESSION_STAFF_IDLE"],
            settings["SESSION_STAFF"],
            settings["SESSION_CUSTOMER_IDLE"],
            settings["SESSION_CUSTOMER"],
        ),
    )


def confirm(code: str) -> None:
    """Show the second factor once more. Raises Invalid where the code does not fit, and TooManyAttempts."""
    row = here()
    if row is None or g.actor is None:
        raise NotSignedIn("not_signed_in", "Sign in first.")
    sign_in.confirm(row, code, by=g.actor)
    login_user(SignedIn(row, sessions.renew_session(row.id)))  # forms in other tabs stay valid: their token is kept
    g.actor = _session_actor(g.actor.face)


def identify() -> Actor | None:
    """Who makes this request, or None. Raises NotSignedIn for an Authorization header without a live token."""
    if is_api(request):
        header = request.headers.get("Authorization")
        if header is not None:
            return _token_actor(header)
        return _session_actor("api")
    return _session_actor("admin" if request.path.startswith("/admin/") else "web")


def is_api(asked: Request) -> bool:
    """Whether the request is for the JSON face."""
    return f"{asked.path}/".startswith(API_PREFIX)


def comes_by_token() -> bool:
    """Whether the caller showed a token, so that no browser could have been tricked into the request."""
    return is_api(request) and "Authorization" in request.headers


def _session_actor(face: str) -> Actor | None:
    return _actor(current_user.row.user, face, current_user.row) if current_user.is_authenticated else None


def _token_actor(header: str) -> Actor:
    token = _bearer(header)
    return replace(_actor(token.user, "api"), scopes=token.granted, token_id=token.id)


def _bearer(header: str) -> ApiToken:
    scheme, _, secret = header.partition(" ")
    is_bearer = scheme.lower() == "bearer"
    token = find_live_token(secret.strip(), address=request.remote_addr or "") if is_bearer else None
    if token is None:
        message = "This token is not known, expired or revoked. Issue another on your profile page."
        raise NotSignedIn("invalid_token", message)
    return token


def _actor(user: User, face: str, row: UserSession | None = None) -> Actor:
    g.account, g.formats = user.account, user.formats
    return Actor(
        user_id=user.id,
        account_id=user.account_id,
        role=Role(user.role),
        label=user.name,
        face=face,
        request_id=g.request_id,
        address=request.remote_addr or "",
        session_id=row.id if row else None,
        needs_confirmation=sessions.needs_confirmation(row) if row else False,
    )


def _remember_browser(device: str) -> None:
    @after_this_request
    def set_cookie(response: Response) -> Response:
        name, path = _device_cookie()
        response.set_cookie(
            name,
            device,
            max_age=sessions.KNOWN_BROWSER_LIFE,
            path=path,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Strict",
        )
        return response


def _device_cookie() -> tuple[str, str]:
    """Name and path. Over HTTPS it is like the session's: no sister site can plant one, but each request carries it."""
    https: bool = current_app.config["SESSION_COOKIE_SECURE"]
    return (f"__Host-{_DEVICE_COOKIE}", "/") if https else (_DEVICE_COOKIE, _DEVICE_PATH)


def _load(secret: str) -> SignedIn | None:
    row = sessions.find_session(secret, is_use=not asks_by_itself())
    return SignedIn(row, secret) if row else None
