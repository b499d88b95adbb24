"""The actor: who does something, by which face, in which request. Passed along, never taken from a global."""

from dataclasses import dataclass
from uuid import UUID

from portal.foundation.access import PERMISSIONS, SCOPES, Permission, Role, Scope
from portal.foundation.refusals import ConfirmationRequired, Forbidden


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts. ``account_id`` is None for staff and for the system."""

    user_id: UUID | None
    account_id: UUID | None
    role: Role
    label: str
    """A name for people who read the history: the user's, or the system part's."""
    face: str
    """How they came: ``web``, ``api``, ``admin`` or ``cli``."""
    request_id: str = ""
    address: str = ""
    """Where the request came from, as text; empty on the command line."""
    session_id: UUID | None = None
    """The browser's session; None for tokens and the command line."""
    needs_confirmation: bool = False
    """Whether a browser's session has to show the second factor again before it does something weighty."""
    scopes: frozenset[Scope] | None = None
    """What the token is confined to; None where it is not, or where nobody came by a token."""
    token_id: UUID | None = None
    """The token by which they came; None for sessions and the command line."""

    @classmethod
    def system(cls, part: str) -> "Actor":
        """The portal itself, acting through one of its parts, such as ``"import"``."""
        return cls(user_id=None, account_id=None, role=Role.SYSTEM, label=part, face="cli")

    @property
    def is_staff(self) -> bool:
        return self.role.is_staff

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it and, for a confined token, the scopes too."""
        return permission in PERMISSIONS[self.role] and self._reaches(SCOPES[permission])

    def must(self, permission: Permission) -> None:
        """Raise Forbidden unless the actor has the permission, and the scope of it."""
        if permission not in PERMISSIONS[self.role]:
            raise Forbidden("forbidden", f"Your role ({self.role}) does not allow this. Ask somebody whose role does.")
        scope = SCOPES[permission]
        if not self._reaches(scope):
            message = f"This token is not for that: it lacks the scope {scope}. Use another, or issue one with it."
            raise Forbidden("scope_missing", message, scope=scope.value)

    def _reaches(self, scope: Scope) -> bool:
        return self.scopes is None or scope in self.scopes

    def must_confirm(self) -> None:
        """Raise ConfirmationRequired where the second factor has to be shown again first."""
        if self.needs_confirmation:
            raise ConfirmationRequired
