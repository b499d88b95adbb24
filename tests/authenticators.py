"""The phones of the tests' users: each set up as people do it, and showing a code when asked."""

from datetime import timedelta
from uuid import UUID

import pyotp

from portal.accounts import second_factor
from portal.accounts.models import User
from portal.accounts.sessions import Place, start_session
from portal.foundation import clock

_secrets: dict[UUID, str] = {}
_shown: dict[UUID, int] = {}
"""The last time step whose code was typed: the portal takes none twice."""


def set_up(user: User) -> list[str]:
    """Give the user a second factor, an hour ago; its recovery codes."""
    here = Place(address="", agent="test")
    with clock.set_to(clock.now() - timedelta(hours=1)):
        offered = second_factor.new_secret(user)
        row, _ = start_session(user, place=here, authenticated=False, offered_secret=offered)
        hold(user, second_factor.readable_secret(user, offered)[1])
        codes = second_factor.accept(row, code(user), by=here.actor(user))
    assert codes is not None
    return codes


def hold(user: User, secret: str) -> None:
    """The user's phone has this secret from now on."""
    _secrets[user.id] = secret
    _shown.pop(user.id, None)


def phones() -> dict[UUID, str]:
    """All of them, as they are now."""
    return dict(_secrets)


def lay_out(phones: dict[UUID, str]) -> None:
    """Have them as they were, for another database, which has seen no code yet."""
    _secrets.update(phones)
    _shown.clear()


def code(user: User) -> str:
    """A code of now that was not shown yet; the next one, if it was: the portal lets clocks differ by a step."""
    now = int(clock.now().timestamp()) // second_factor.STEP_SECONDS
    step = max(now, _shown.get(user.id, 0) + 1)
    assert step <= now + 1, "more than two codes in half a minute: let time pass by clock.set_to"
    _shown[user.id] = step
    return pyotp.TOTP(_secrets[user.id]).generate_otp(step)
