"""Another password for somebody who forgot theirs: by a link in a mail. The second factor is asked for all the same.

Whoever asks learns nothing: for an address that nobody has the same rows are written, and the mail goes nowhere.
"""

from datetime import timedelta

from portal.accounts import throttle
from portal.accounts.links import find_users_link, make_link, take_users_link
from portal.accounts.models import LinkPurpose, User
from portal.accounts.passwords import passwords
from portal.accounts.queries import find_user
from portal.accounts.recipients import recipient_of
from portal.accounts.service import keep_password, typed_address
from portal.accounts.sessions import Place
from portal.accounts.sign_in import neighbourhood
from portal.accounts.throttle import Limit
from portal.accounts.tokens import revoke_tokens
from portal.foundation import audit
from portal.foundation.db import transaction
from portal.foundation.row_security import as_user_of
from portal.mail import outbox
from portal.mail.kinds import Kind

OF_ADDRESS = Limit("password reset, of an address", 3, timedelta(minutes=20))
FROM_CLIENT = Limit("password reset, from a client", 10, timedelta(minutes=6))
_SAID = "A new password was asked for too often."


def ask(email: str, *, place: Place) -> None:
    """Send the link, if somebody signs in with the address. Raises TooManyAttempts, whether somebody does or not."""
    typed = typed_address(email)
    by = place.actor()

    def note(limit: str) -> None:
        audit.record(by, "password_reset.throttled", "user", audit.NOBODY, limit=limit)

    throttle.take(OF_ADDRESS.of(typed), FROM_CLIENT.of(neighbourhood(place.address)), note=note, said=_SAID)
    found = find_user(typed)
    user = found if found and found.is_enabled else None
    with transaction():
        link, secret = make_link(LinkPurpose.PASSWORD_RESET, email=user.email if user else "", user=user)
        to = recipient_of(user) if user else outbox.NOBODY
        outbox.post(Kind.PASSWORD_RESET, to, subject_id=link.id, data={}, secret=secret)
        account_id = user.account_id if user else None
        audit.record(by, "password_reset.asked", "user", user.id if user else audit.NOBODY, account_id=account_id)


def find(secret: str) -> User:
    """Whose password the link changes. Raises LinkOver."""
    return find_users_link(LinkPurpose.PASSWORD_RESET, secret)[1]


def reset(secret: str, *, password: str, place: Place) -> User:
    """Give the link's user this password, and end all their sessions and tokens: whoever had the old one may have made
    some. Raises LinkOver, and Invalid for a bad password.
    """
    link, known = find_users_link(LinkPurpose.PASSWORD_RESET, secret)
    hashed = passwords.hash(password, about=(known.name, known.email))  # before the unit: others wait for the lock
    by = place.actor(known)
    with as_user_of(known.account_id), transaction():
        _, user = take_users_link(link.id)
        keep_password(user, hashed, by=by)
        revoke_tokens(user, by=by)
        outbox.post(Kind.PASSWORD_CHANGED, recipient_of(user), subject_id=user.id, data={})
    return user
