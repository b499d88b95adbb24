"""Commands about accounts, users and their tokens."""

import sys
from datetime import timedelta
from uuid import UUID

import click

from portal.accounts import second_factor, service, tokens
from portal.accounts.models import ApiToken, User
from portal.accounts.queries import find_account, find_user, token_page
from portal.cli.speaking import OPERATOR, speaking
from portal.foundation.access import Role, Scope
from portal.foundation.ids import parse_id
from portal.foundation.keyset import MAX_PAGE_SIZE
from portal.foundation.refusals import NotFound

ROLES = [role.value for role in Role if role is not Role.SYSTEM]


@click.group("accounts")
def account_commands() -> None:
    """Accounts: the customers."""


@account_commands.command("create")
@click.option("--number", required=True, help="What people call it by on paper, such as C-1001.")
@click.option("--name", required=True)
@click.option("--country", required=True, help="Two letters, such as DE.")
@click.option("--currency", required=True, help="Three letters, such as EUR.")
@click.option("--locale", default="en", show_default=True)
@click.option("--timezone", default="UTC", show_default=True)
@speaking
def create_account(number: str, name: str, country: str, currency: str, locale: str, timezone: str) -> None:
    """Add an account."""
    account = service.create_account(
        by=OPERATOR, number=number, name=name, country=country, currency=currency, locale=locale, timezone=timezone
    )
    click.echo(f"Account {account.number} is added: {account.name}.")


@click.group("users")
def user_commands() -> None:
    """Users: who signs in."""


@user_commands.command("create")
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--account", "account_number", help="The account's number; none for staff.")
@speaking
def create_user(email: str, name: str, role: str, account_number: str | None) -> None:
    """Add a user. The password is asked for, or read from a pipe."""
    account = find_account(account_number) if account_number else None
    if account_number and account is None:
        raise NotFound("unknown_account", f"There is no account {account_number}.")
    account_id = account.id if account else None
    user = service.create_user(
        by=OPERATOR, email=email, name=name, role=Role(role), account_id=account_id, password=_ask_password()
    )
    click.echo(f"{user.email} can sign in.")


@user_commands.command("disable")
@click.argument("email")
@speaking
def disable_user(email: str) -> None:
    """Lock a user out at once: sessions and tokens end."""
    service.set_enabled(_user(email).id, by=OPERATOR, enabled=False)
    click.echo(f"{email} is locked out.")


@user_commands.command("enable")
@click.argument("email")
@speaking
def enable_user(email: str) -> None:
    """Let a user in again."""
    service.set_enabled(_user(email).id, by=OPERATOR, enabled=True)
    click.echo(f"{email} may sign in again.")


@user_commands.command("reset-second-factor")
@click.argument("email")
@speaking
def reset_second_factor(email: str) -> None:
    """Take a lost second factor off a user. Sessions end; staff set up another when they sign in."""
    second_factor.reset(_user(email).id, by=OPERATOR)
    click.echo(f"{email} has no second factor any more.")


@click.group("tokens")
def token_commands() -> None:
    """Tokens: by which programs use the API."""


@token_commands.command("issue")
@click.option("--email", required=True, help="Whose token it is.")
@click.option("--name", default="command line", show_default=True, help="The program that will use it.")
@click.option("--days", type=int, help="How long it lives; for good if left out.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice([scope.value for scope in Scope]),
    help="What it may do, once for each; all that its user may if left out.",
)  # fmt: skip
@speaking
def issue_token(email: str, name: str, days: int | None, scopes: tuple[str, ...]) -> None:
    """Issue a token. It is printed once, alone on the last line."""
    user = _user(email)
    token, secret = tokens.issue_token(user.id, by=OPERATOR, name=name, days=days, scopes=scopes or None)
    _show_once(token, secret)


@token_commands.command("list")
@click.option("--email", required=True)
@speaking
def list_tokens(email: str) -> None:
    """List a user's newest hundred tokens, without their secrets."""
    for token in token_page(_user(email).id, page_size=MAX_PAGE_SIZE).rows:
        state, scopes = "live" if token.is_live else "ended", token.scopes or "everything"
        hint = f"…{token.hint}" if token.hint else "older"
        click.echo(f"{token.id}  {state}  {hint}  {token.name} ({scopes})")


@token_commands.command("rotate")
@click.argument("token_id")
@click.option("--overlap-hours", type=click.IntRange(0, 168), default=24, show_default=True,
              help="How long the old token goes on.")  # fmt: skip
@speaking
def rotate_token(token_id: str, overlap_hours: int) -> None:
    """Issue a token's successor. It is printed once, alone on the last line."""
    token, secret = tokens.rotate_token(_token_id(token_id), by=OPERATOR, overlap=timedelta(hours=overlap_hours))
    _show_once(token, secret)


@token_commands.command("revoke")
@click.argument("token_id")
@speaking
def revoke_token(token_id: str) -> None:
    """End a token at once. TOKEN_ID is what `tokens list` shows."""
    token = tokens.revoke_token(_token_id(token_id), by=OPERATOR)
    click.echo(f"The token “{token.name}” is revoked.")


def _show_once(token: ApiToken, secret: str) -> None:
    until = f", until {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else ""
    click.echo(f"Token {token.id} of {token.user.email}{until}. Keep it now: only its hash is stored.")
    click.echo(secret)


def _token_id(text: str) -> UUID:
    parsed = parse_id(text)
    if parsed is None:
        raise NotFound("not_found", "This is not the id of a token. See: tokens list --email …")
    return parsed


def _user(email: str) -> User:
    user = find_user(email)
    if user is None:
        raise NotFound("unknown_user", f"Nobody signs in as {email}.")
    return user


def _ask_password() -> str:
    """The password from a hidden prompt, or the first line of a pipe. Never an argument: process lists show those."""
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return password
    return sys.stdin.readline().rstrip("\n")
