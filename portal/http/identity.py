"""Who asks: a browser session, or on the API a bearer token."""

from uuid import UUID

from flask import Flask, Request, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from portal.accounts.models import User
from portal.accounts.queries import find_user_by_id
from portal.accounts.tokens import find_live_token
from portal.foundation.access import Role
from portal.foundation.actor import Actor
from portal.foundation.ids import parse_id
from portal.foundation.refusals import NotSignedIn

API_PREFIX = "/api/v1/billing/"


class SignedIn(UserMixin):
    """A user as Flask-Login keeps one: their id, and the epoch in which their sessions count."""

    def __init__(self, user: User) -> None:
        self.user = user

    def get_id(self) -> str:
        return f"{self.user.id}:{self.user.session_epoch}"


def init_identity(app: Flask) -> None:
    """Teach the app to read its sessions."""
    manager = LoginManager(app, add_context_processor=False)  # pages of errors must not ask who is there
    manager.session_protection = None  # addresses of phones change; the epoch ends sessions
    manager.user_loader(_load)


def sign_in(user: User) -> None:
    """Begin a session of the user. Whatever the browser carried before is dropped."""
    session.clear()
    login_user(SignedIn(user))
    session.permanent = True


def sign_out() -> None:
    """End the session."""
    logout_user()
    session.clear()


def identify() -> Actor | None:
    """Who makes this request, or None. Raises NotSignedIn for an Authorization header without a live token."""
    if is_api(request):
        header = request.headers.get("Authorization")
        if header is not None:
            return _actor(_bearer(header), "api")
        return _session_actor("api")
    return _session_actor("admin" if request.path.startswith("/admin/") else "web")


def is_api(asked: Request) -> bool:
    """Whether the request is for the JSON face."""
    return f"{asked.path}/".startswith(API_PREFIX)


def comes_by_token() -> bool:
    """Whether the caller showed a token, so that no browser could have been tricked into the request."""
    return is_api(request) and "Authorization" in request.headers


def _session_actor(face: str) -> Actor | None:
    return _actor(current_user.user, face) if current_user.is_authenticated else None


def _bearer(header: str) -> User:
    scheme, _, secret = header.partition(" ")
    token = find_live_token(secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        message = "This token is not known, expired or revoked. Issue another on your profile page."
        raise NotSignedIn("invalid_token", message)
    return token.user


def _actor(user: User, face: str) -> Actor:
    g.account = user.account
    return Actor(
        user_id=user.id,
        account_id=user.account_id,
        role=Role(user.role),
        label=user.name,
        face=face,
        request_id=g.request_id,
        address=request.remote_addr or "",
    )


def _load(session_id: str) -> SignedIn | None:
    user_id, _, epoch = session_id.partition(":")
    parsed: UUID | None = parse_id(user_id)
    user = find_user_by_id(parsed) if parsed else None
    if user is None or not user.is_enabled or str(user.session_epoch) != epoch:
        return None
    return SignedIn(user)
