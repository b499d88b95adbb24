"""Everybody who may come: each role by session and by token, and those whose time is over."""

import re
from dataclasses import dataclass
from sqlite3 import connect
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, event, select, update
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.accounts import service as accounts
from portal.accounts import sessions, tokens
from portal.accounts.models import ApiToken, User
from portal.accounts.queries import live_tokens
from portal.accounts.sessions import Place
from portal.accounts.token_format import new_secret
from portal.foundation import clock
from portal.foundation.access import Permission, Role, scopes_of
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session, transaction
from portal.foundation.ids import new_id, parse_id
from portal.foundation.tenancy import across_accounts
from portal.webhooks import service as webhooks
from tests.engines import engines_of
from tests.factories import SYSTEM, Factory, acting
from tests.pages import Pages

API_PATH, HERE = "/api/", "127.0.0.1"
FORM = {
    "version": "1", "reason": "not found", "payment_method": "bank_transfer", "transaction_reference": "T-1",
    "name": "Somebody", "email": "somebody@portal.example", "locale": "de", "timezone": "UTC", "role": "viewer",
    "password": "a new password of theirs", "display_name": "Bank", "position": "1", "number": "N-1",
    "lines-0-description": "Support", "lines-0-quantity": "1", "lines-0-unit_price": "10.00", "currency": "EUR",
    "is_allowed": "y", "country": "DE", "method": "bank_transfer", "url": "https://hooks.example/",
    "event_types": "payment.approved",
}  # fmt: skip
"""What all forms ask for, so that a form is in order and the id decides."""
_INVOICE = {"number": "N-1", "lines": [{"description": "Support", "unit_price": "10.00"}]}
_ACCOUNT = {"number": "N-1", "name": "Somebody", "country": "DE", "currency": "EUR"}
_USER = {"name": "Somebody", "email": "else@portal.example", "password": FORM["password"]}  # not who FORM signs in as
BODIES: dict[str, dict[str, Any]] = {
    "approval": {"version": 1}, "rejection": {"version": 1, "reason": "not found"},
    "refund": {"version": 1, "reason": "twice"}, "cancellation": {"version": 1},
    "voiding": {"reason": "by mistake"}, "role": {"role": "viewer"}, "password": {"password": FORM["password"]},
    "POST accounts": _ACCOUNT, "PATCH accounts": {"name": "Somebody"}, "PUT by-external-id/X-1": _ACCOUNT,
    "PUT payment-methods/bank_transfer": {"is_allowed": True},
    "POST invoices": _INVOICE, "PUT invoices/by-external-id/X-1": _INVOICE, "POST users": _USER | {"role": "viewer"},
    "POST payment-method-configs": {"country": "DE", "method": "local_wallet", "display_name": "Wallet"},
    "PUT payment-method-configs": {"display_name": "Bank transfer", "is_enabled": True},
    "bulk": {"items": [_INVOICE | {"account_external_id": "X-1"}]},
    "webhook-endpoints": {"url": "https://hooks.example/", "event_types": ["payment.approved"]},
}  # fmt: skip
"""JSON bodies by how the address ends, but for ids; with the method where one address has several."""


def body_of(method: str, path: str) -> dict[str, Any]:
    """A body that is in order for this address of the API; an empty one where nothing needs to be said."""
    words = [word for word in path.strip("/").split("/") if parse_id(word) is None]
    ends = ["/".join(words[-number:]) for number in (3, 2, 1)]
    return next((BODIES[key] for end in ends for key in (f"{method} {end}", end) if key in BODIES), {})


@dataclass
class Visitor:
    """Somebody who sends requests. ``role`` is whose rights they have: ``nobody`` where they are nobody (any more)."""

    name: str
    role: str
    pages: Pages
    token: str = ""
    scope: str = ""
    """What the token is confined to; empty where it is not."""

    def send(self, method: str, path: str) -> TestResponse:
        """A request as this visitor would send it, in order in all but what is asked for."""
        if method not in ("POST", "PUT", "PATCH", "DELETE"):
            return self.pages.send(method, path, headers=self._bearer())
        if not path.startswith(API_PATH):
            return self.pages.send(method, path, data=FORM | {"csrf_token": self.pages.csrf_token})
        headers = self._bearer() or {"X-CSRFToken": self.pages.csrf_token}
        return self.pages.send(method, path, json=body_of(method, path), headers=headers)

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


class House:
    """Two accounts with one of everything each, and all visitors."""

    def __init__(self, app: Flask, make: Factory) -> None:
        self.app, self.make = app, make
        self.acme, self.globex = make.account(external_id="X-1"), make.account("Globex")
        self.method = make.method()
        self.users = {role: make.user(role, self.acme) for role in ("owner", "member", "viewer")}
        self.users |= {role: make.user(role) for role in ("reviewer", "admin")}
        self.users["stranger"] = make.user("owner", self.globex)
        self.visitors = [self._by_session(role, user) for role, user in self.users.items()]
        self.visitors += [Visitor("nobody", "nobody", Pages(app))]
        self.visitors += [self._disabled(), self._signed_out()]
        self.callers = [self._by_token(role, user) for role, user in self.users.items()]
        self.callers += [self._by_bad_token(kind) for kind in ("disabled", "revoked", "expired", "guessed")]
        self.confined = [self._by_scope(role, scope) for role in ("owner", "admin") for scope in scopes_of(Role(role))]
        self.own, self.foreign = self._ids("acme"), self._ids("globex")
        self.of_users = {role: self._of(user) for role, user in self.users.items()}

    def everybody(self, endpoint: str) -> list[Visitor]:
        """Who asks for this route: on the API tokens too."""
        return self.visitors + (self.callers if endpoint.startswith("api.") else [])

    def visitor(self, name: str) -> Visitor:
        return next(visitor for visitor in self.visitors if visitor.name == name)

    def path(self, rule: Rule, ids: dict[str, Any]) -> str:
        """The rule's address with these ids."""
        with self.app.test_request_context():
            built = rule.build({name: ids[name] for name in rule.arguments})
        assert built is not None
        return built[1]

    def absent(self) -> dict[str, Any]:
        """Ids that nothing has."""
        return {name: new_id() if isinstance(value, UUID) else value for name, value in self.own.items()}

    def ids_of(self, visitor: Visitor) -> dict[str, Any]:
        """Ids of the visitor's account and, where only oneself may, of the visitor; of Acme for those of none."""
        ids = self.foreign if visitor.role == "stranger" else self.own
        return ids | self.of_users.get(visitor.role, {})

    def entries(self, request_id: str) -> set[tuple[Any, ...]]:
        """Who the audit log says made the request, in what role, by which face, and from where."""
        columns = (AuditEntry.actor_id, AuditEntry.actor_role, AuditEntry.face, AuditEntry.address)
        with self.app.app_context(), across_accounts():
            rows = session.execute(select(*columns).where(AuditEntry.request_id == request_id))
            return {tuple(row) for row in rows}

    def as_written(self, role: str, endpoint: str) -> tuple[Any, ...]:
        """What it should say there of who comes as this role."""
        face = endpoint.partition(".")[0]
        if role == "nobody":
            return None, Role.SYSTEM.value, face, HERE
        user = self.users[role]
        return user.id, user.role, face, HERE

    def _of(self, user: User) -> dict[str, Any]:
        """A token and a session beside those that are used; for who manages webhooks, an endpoint and a delivery."""
        with self.app.app_context():
            token_id = tokens.issue_token(user.id, by=acting(user), name="x")[0].id
            row, _ = sessions.start_session(user, place=Place("", agent="x"), authenticated=True)
            return {"token_id": token_id, "session_id": row.id} | self._webhook(user)

    def _webhook(self, user: User) -> dict[str, Any]:
        if not acting(user).may(Permission.WEBHOOK_MANAGE):
            return {}
        with across_accounts():
            endpoint = webhooks.create_endpoint(
                by=acting(user), url="https://hooks.example/", event_types=["payment.approved"]
            )
            delivery = webhooks.send_test(endpoint.id, by=acting(user))
            return {"endpoint_id": endpoint.id, "delivery_id": delivery.id}

    def _ids(self, whose: str) -> dict[str, Any]:
        make = self.make
        account, user = (self.acme, "owner") if whose == "acme" else (self.globex, "stranger")
        owner = self.users[user]
        payment, invoice = make.payment(make.invoice(account), owner), make.invoice(account, external_id="X-1")
        return self._of(owner) | {
            "account_id": account.id, "invoice_id": invoice.id, "payment_id": payment.id,
            "user_id": make.user("viewer", account).id, "method_id": self.method.id,
            "invitation_id": make.invitation(account).id,
            "method": "bank_transfer", "filename": "css/base.css", "external_id": "X-1",
            "proof_id": make.proof(payment, owner).id,
        }  # fmt: skip

    def _by_session(self, role: str, user: User) -> Visitor:
        visitor = Visitor(role, role, Pages(self.app).sign_in(user))
        visitor.pages.get("/profile/")  # which has a form, with the session's token in it
        return visitor

    def _by_token(self, role: str, user: User) -> Visitor:
        return Visitor(f"token of {role}", role, Pages(self.app), self.make.token(user))

    def _by_scope(self, role: str, scope: str) -> Visitor:
        user = self.users[role]
        token = self.make.token(user, scopes=[scope])
        return Visitor(f"token of {role} for {scope}", role, Pages(self.app), token, scope)

    def _disabled(self) -> Visitor:
        user = self.make.user("owner", self.acme)
        visitor = Visitor("disabled", "nobody", Pages(self.app).sign_in(user))
        self._disable(user)
        return visitor

    def _signed_out(self) -> Visitor:
        """Somebody who kept a copy of the cookie from before they signed out."""
        user = self.make.user("owner", self.acme)
        pages = Pages(self.app).sign_in(user)
        kept = pages.cookies()
        pages.post("/logout")
        pages.set_cookies(kept)
        return Visitor("signed out", "nobody", pages)

    def _by_bad_token(self, kind: str) -> Visitor:
        user = self.make.user("owner", self.acme)
        secret = self.make.token(user, days=1)
        with self.app.app_context(), across_accounts():
            (token,) = live_tokens(user.id)
            if kind == "disabled":
                self._disable(user)
            elif kind == "revoked":
                tokens.revoke_token(token.id, by=acting(user))
            elif kind == "expired":
                with transaction() as unit:
                    unit.execute(update(ApiToken).where(ApiToken.id == token.id).values(expires_at=clock.now()))
            else:
                secret = new_secret()
        return Visitor(f"{kind} token", "nobody", Pages(self.app), secret)

    def _disable(self, user: User) -> None:
        with self.app.app_context(), across_accounts():
            accounts.set_enabled(user.id, by=SYSTEM, enabled=False)


LOG = {"audit_entries", "audit_chains", "attempt_limits"}
"""What a refused request may write to: that it came, and what was tried."""
_USE = re.compile(r"UPDATE (api_tokens|user_sessions) SET (last_(used_at|used_address|seen_at)=[^=,]+,? ?)+WHERE ")


class Written:
    """The tables in which the app changed something while this listens, but for when what one came by was used."""

    def __init__(self, app: Flask) -> None:
        self.tables: set[str] = set()
        for engine in engines_of(app):
            event.listen(engine, "after_cursor_execute", self._note)
            event.listen(engine, "commit", lambda on: self.tables.update(on.info.pop("written", ())))
            event.listen(engine, "rollback", lambda on: on.info.pop("written", None))

    def _note(self, on: Connection, cursor: Any, statement: str, *_: object) -> None:
        words = statement.split(None, 3)
        is_change = words[0] == "INSERT" or (words[0] in ("DELETE", "UPDATE") and cursor.rowcount)
        if is_change and not _USE.match(statement):
            on.info.setdefault("written", set()).add(words[1 if words[0] == "UPDATE" else 2])


class Beginning:
    """What the app's SQLite file held when this was made."""

    def __init__(self, app: Flask) -> None:
        self._file, self._kept = connect(app.config["DATA_DIR"] / "portal.db"), connect(":memory:")
        self._file.backup(self._kept)

    def bring_back(self) -> None:
        self._kept.backup(self._file)
