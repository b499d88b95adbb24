"""What can be done to accounts and users."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select

from portal.accounts.external_ids import external_id_taken, read_external_id
from portal.accounts.models import UQ_ACCOUNT_EXTERNAL_ID, UQ_ACCOUNT_NUMBER, UQ_USER_EMAIL, Account, User
from portal.accounts.passwords import passwords
from portal.accounts.queries import find_account_by_external_id, get_user
from portal.accounts.sessions import end_sessions, must_be_signed_in
from portal.accounts.tokens import revoke_tokens
from portal.foundation import audit, clock, freetext, places
from portal.foundation.access import CUSTOMER_ROLES, STAFF_ROLES, Permission, Role
from portal.foundation.actor import Actor
from portal.foundation.db import flush_or_refuse, lock_or_refuse, session, transaction
from portal.foundation.money import check_currency
from portal.foundation.refusals import Conflict, FieldError, Invalid, read_together
from portal.foundation.retries import again_if_overtaken
from portal.foundation.row_security import as_user_of

MAX_ADDRESS = 254


def create_account(
    *, by: Actor, number: str, name: str, country: str, currency: str, locale: str = "en", timezone: str = "UTC",
    external_id: str | None = None,
) -> Account:  # fmt: skip
    """Add an account. Raises Invalid, and Conflict where the number or the external id is taken."""
    by.must(Permission.ACCOUNT_MANAGE)
    read = read_together(
        account=lambda: read_account(
            number=number, name=name, country=country, currency=currency, locale=locale, timezone=timezone
        ),
        external_id=lambda: None if external_id is None else read_external_id(external_id),
    )
    values = read["account"] | {"external_id": read["external_id"]}
    account = Account(**values)
    taken = Conflict("account_number_taken", f"There is an account {account.number} already.", field="number")
    with transaction() as unit:
        if unit.scalar(select(Account.id).where(Account.number == account.number)):
            raise taken
        _refuse_taken_external_id(account)
        unit.add(account)
        flush_or_refuse({UQ_ACCOUNT_NUMBER: taken, UQ_ACCOUNT_EXTERNAL_ID: external_id_taken("account")})
        _record(by, "account.created", account, **audit.differences({}, values))
    return account


def read_account(*, number: str, name: str, country: str, currency: str, locale: str, timezone: str) -> dict[str, str]:
    """What a new account holds, by field. Raises Invalid."""
    return read_together(
        number=lambda: freetext.required(number, field="number", most=40, label="The account number"),
        name=lambda: freetext.required(name, field="name", most=200, label="The name"),
        country=lambda: places.check_country(country),
        currency=lambda: check_currency(currency),
        locale=lambda: places.check_locale(locale),
        timezone=lambda: places.check_timezone(timezone),
    )


def update_account(
    account_id: UUID, *, by: Actor, name: str | None = None, locale: str | None = None, timezone: str | None = None,
    external_id: str | None = None,
) -> Account:  # fmt: skip
    """Change what may change of an account: country and currency may not, invoices hang on them. None: it stays."""
    by.must(Permission.ACCOUNT_MANAGE)
    new = _read_changes(name=name, locale=locale, timezone=timezone, external_id=external_id)
    with transaction():
        account = lock_or_refuse(Account, account_id)
        changes = audit.differences({key: getattr(account, key) for key in new}, new)
        for key, value in new.items():
            setattr(account, key, value)
        if "external_id" in changes:
            _refuse_taken_external_id(account)
        if changes:
            flush_or_refuse({UQ_ACCOUNT_EXTERNAL_ID: external_id_taken("account")})
            _record(by, "account.updated", account, **changes)
    return account


def put_account(
    external_id: str, *, by: Actor, number: str, name: str, country: str, currency: str, locale: str | None = None,
    timezone: str | None = None,
) -> tuple[Account, bool]:  # fmt: skip
    """See to it that there is this account, by the id that the back office calls it; and whether it is new.

    Locale and time zone that are not given stay. Raises Invalid, and Conflict where a part differs that stays for good.
    """
    by.must(Permission.ACCOUNT_MANAGE)
    external_id = read_external_id(external_id)
    given = {name: value for name, value in (("locale", locale), ("timezone", timezone)) if value is not None}
    values = {"number": number, "name": name, "country": country, "currency": currency}

    def unit() -> tuple[Account, bool]:
        with transaction():
            found = find_account_by_external_id(external_id)
            if found is None:
                return create_account(by=by, external_id=external_id, **values, **given), True
            wanted = read_account(**values | {"locale": found.locale, "timezone": found.timezone} | given)
            _refuse_another_identity(found, wanted)
            return update_account(found.id, by=by, name=name, **given), False

    return again_if_overtaken(unit, lambda: find_account_by_external_id(external_id))


def _read_changes(**changes: str | None) -> dict[str, str]:
    read: dict[str, Callable[[str], str]] = {
        "name": lambda name: freetext.required(name, field="name", most=200, label="The name"),
        "locale": places.check_locale,
        "timezone": places.check_timezone,
        "external_id": read_external_id,
    }
    given = {field: value for field, value in changes.items() if value is not None}
    return read_together(**{field: partial(read[field], value) for field, value in given.items()})


def _refuse_taken_external_id(account: Account) -> None:
    if account.external_id is None:
        return
    with session.no_autoflush:
        other = find_account_by_external_id(account.external_id)
    if other is not None and other.id != account.id:
        raise external_id_taken("account")


def _refuse_another_identity(account: Account, wanted: dict[str, str]) -> None:
    """Number, country and currency stay for good."""
    fixed = {name: getattr(account, name) for name in ("number", "country", "currency")}
    differing = [name for name, value in fixed.items() if wanted[name] != value]
    if differing:
        refusal = Conflict("account_differs", "An account keeps its number, country and currency for good.")
        refusal.errors = [FieldError(name, "account_differs", f"This account has {fixed[name]}.") for name in differing]
        raise refusal


def create_user(*, by: Actor, email: str, name: str, role: Role, account_id: UUID | None, password: str) -> User:
    """Add a user of an account, or of staff (no account). Raises Invalid, and Conflict where the address is taken.

    Whoever adds one shows their second factor: another user must be no way around it, of staff or of an account.
    """
    by.must(Permission.USER_MANAGE)
    check_role(role, account_id)
    by.must_confirm()
    values = read_together(
        email=lambda: normalized_email(email),
        name=lambda: freetext.required(name, field="name", most=200, label="The name"),
        password_hash=lambda: passwords.hash(password, about=(name, email)),
    )
    return add_user(by=by, role=role, account_id=account_id, must_choose_password=_hands_over(by, None), **values)


def check_role(role: Role, account_id: UUID | None) -> None:
    """Raise Invalid for a role that users of the account, or of staff, do not have."""
    if role not in (STAFF_ROLES if account_id is None else CUSTOMER_ROLES):
        whose = "staff, who have no account" if account_id is None else "an account's users"
        raise Invalid("role_does_not_fit", f"“{role}” is not a role of {whose}.", field="role")


def add_user(
    *, by: Actor, role: Role, account_id: UUID | None, email: str, name: str, password_hash: str,
    must_choose_password: bool,
) -> User:  # fmt: skip
    """Add a user whose values were read before. Raises Conflict where the address is taken."""
    by.must(Permission.USER_MANAGE)
    user = User(
        role=role.value, account_id=account_id, email=email, name=name, password_hash=password_hash,
        must_choose_password=must_choose_password,
    )  # fmt: skip
    taken = Conflict("email_taken", "Somebody signs in with this address already.", field="email")
    with transaction() as unit:
        if account_id is not None and unit.get(Account, account_id) is None:
            raise Invalid("unknown_account", "There is no such account.", field="account_id")
        if unit.scalar(select(User.id).where(User.email == user.email)):
            raise taken
        unit.add(user)
        flush_or_refuse({UQ_USER_EMAIL: taken})
        told = {"email": user.email, "name": user.name, "role": user.role}
        _record(by, "user.created", user, **audit.differences({}, told))
    return user


def set_password(user_id: UUID, *, by: Actor, password: str) -> User:
    """Give the user another password, by themselves or by an admin. All their sessions end but the one that asks.

    An admin shows the second factor first: whoever stole a session must not get into somebody else's. Then the user's
    tokens end as well, and signing in asks for a password of their own; who changes their own looks after their tokens.
    """
    if by.user_id != user_id:
        by.must(Permission.USER_MANAGE)
        by.must_confirm()
    about = get_user(user_id)
    hashed = passwords.hash(password, about=(about.name, about.email))  # before the unit: others wait for the lock
    with transaction():
        user = lock_or_refuse(User, user_id)
        must_be_signed_in(by)
        keep_password(user, hashed, by=by)
        if by.user_id != user_id:
            revoke_tokens(user, by=by)
    return user


def renew_hash(user: User, password: str, fitted: str | None) -> None:
    """Keep the password by argon2's present parameters, unless the user has another hash by now than the one that it
    fitted. It is the same password: no session ends and nobody is told; but links that were mailed before are over, as
    they hang on the hash.
    """
    renewed = passwords.renewed(password, fitted) if fitted else None
    if renewed is None:
        return
    with as_user_of(user.account_id), transaction():
        current = lock_or_refuse(User, user.id)
        if current.password_hash == fitted:
            current.password_hash = renewed


def keep_password(user: User, hashed: str, *, by: Actor) -> None:
    """Another password, in the caller's unit, and what goes with it: the entry, and the end of all sessions but the one
    that asks.
    """
    user.password_hash, user.must_choose_password = hashed, _hands_over(by, user.id)
    _record(by, "user.password_changed", user)
    end_sessions(user, by=by, why="another password", spare=by.session_id)


def _hands_over(by: Actor, user_id: UUID | None) -> bool:
    """Whether the user's password is known to somebody else. The operator counts as the user: the first one of all is
    added by who will sign in.
    """
    return by.user_id not in (None, user_id)


def reset_password(user_id: UUID, *, by: Actor, password: str) -> User:
    """Give somebody else another password. Raises Conflict for one's own, which is changed by who knows it."""
    by.must(Permission.USER_MANAGE)
    if by.user_id == user_id:
        raise Conflict("own_user", "Change your own password on your profile: it asks for the one that you have.")
    return set_password(user_id, by=by, password=password)


def change_role(user_id: UUID, *, by: Actor, role: Role) -> User:
    """Give the user another role of the same side (account or staff), and end all their sessions."""
    by.must(Permission.USER_MANAGE)
    by.must_confirm()
    with transaction():
        user = lock_or_refuse(User, user_id)
        if by.user_id == user_id:
            raise Conflict("own_user", "Nobody changes their own role. Ask another admin.", field="role")
        if role not in (STAFF_ROLES if user.is_staff else CUSTOMER_ROLES):
            raise Invalid("role_does_not_fit", f"“{role}” is not a role that this user can have.", field="role")
        if user.role != role.value:
            _record(by, "user.role_changed", user, role=(user.role, role.value))
            user.role = role.value
            end_sessions(user, by=by, why="another role")
    return user


def set_enabled(user_id: UUID, *, by: Actor, enabled: bool) -> User:
    """Let the user in, or lock them out: their sessions and tokens end at once, and for good."""
    by.must(Permission.USER_MANAGE)
    by.must_confirm()
    with transaction():
        user = lock_or_refuse(User, user_id)
        if by.user_id == user_id:
            raise Conflict("own_user", "Nobody disables themselves. Ask another admin.")
        if user.is_enabled != enabled:
            _record(by, "user.enabled" if enabled else "user.disabled", user, is_enabled=(user.is_enabled, enabled))
            user.disabled_at = None if enabled else clock.now()
            end_sessions(user, by=by, why="locked out")
            revoke_tokens(user, by=by)
    return user


def authenticate(email: str, password: str) -> User | None:
    """The enabled user with this address and password, or None. Takes the same time whatever is wrong."""
    user = session.scalar(select(User).where(User.email == typed_address(email)))
    fits = passwords.fits(password, user.password_hash if user else None)
    return user if user and fits and user.is_enabled else None


def typed_address(text: str) -> str:
    """The address to look for: whatever somebody typed where an address is asked for. Typed again, it is the same.

    Limits count by it, so that each user has one: what is too long for an address is none, and not its beginning.
    """
    plain = text.replace("\x00", "").strip().lower()  # NUL, which PostgreSQL takes in no text
    return plain if len(plain) <= MAX_ADDRESS else ""


def normalized_email(email: str) -> str:
    """The address in lower case. Raises Invalid for what is no address, or one that few servers take: other than ASCII
    before the @. After it a name of any letters has a form in ASCII.
    """
    try:
        return validate_email(email.strip(), check_deliverability=False, allow_smtputf8=False).normalized.lower()
    except EmailNotValidError:
        raise Invalid("invalid_email", "This is not an e-mail address.", field="email") from None


def _record(by: Actor, action: str, subject: Account | User, **changes: object) -> None:
    is_account = isinstance(subject, Account)
    audit.record(
        by,
        action,
        "account" if is_account else "user",
        subject.id,
        account_id=subject.id if isinstance(subject, Account) else subject.account_id,
        **changes,
    )
