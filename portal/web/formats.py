"""The form for one's own formats: how dates and numbers are written, and in which time zone."""

from functools import cache

from babel import Locale
from wtforms import SelectField

from portal.accounts.models import User
from portal.foundation import places
from portal.html.forms import Form

# Those that most readers ask for. What an account has beside them is offered to its users too.
_LOCALES = (
    "en", "en-GB", "en-US", "en-AU", "en-CA", "en-CH", "en-DE", "en-IN", "en-IE", "en-PK", "en-ZA", "ar-AE", "ar-KW",
    "cs-CZ", "da-DK", "de-AT", "de-CH", "de-DE", "es-ES", "es-MX", "fi-FI", "fr-CA", "fr-CH", "fr-FR", "hi-IN",
    "it-IT", "ja-JP", "ko-KR", "nb-NO", "nl-NL", "pl-PL", "pt-BR", "pt-PT", "sv-SE", "tr-TR", "uk-UA", "ur-PK",
    "zh-CN", "zh-TW",
)  # fmt: skip


class FormatsForm(Form):
    """A locale and a time zone; empty, those of the account."""

    locale = SelectField("Dates and numbers", validate_choice=False)
    timezone = SelectField("Time zone", validate_choice=False)

    def offer(self, user: User) -> "FormatsForm":
        """Let the user choose; what they have chosen stays on offer."""
        account = user.account
        locale, timezone = (account.locale, account.timezone) if account else ("en", "UTC")
        whose = "Account default" if account else "Default"
        locales = dict.fromkeys((*_LOCALES, locale, user.locale or locale))
        zones = dict.fromkeys((*places.timezone_names(), user.timezone or timezone))
        self.locale.choices = {"": f"{whose}: {_called(locale)}"} | {one: _called(one) for one in locales}
        self.timezone.choices = {"": f"{whose}: {timezone}"} | {one: one.replace("_", " ") for one in zones}
        return self


@cache
def _called(name: str) -> str:
    """What English calls the locale: ``German (Switzerland)``. To write examples would load all their data: seconds."""
    english, (language, *more) = Locale("en"), name.split("-")
    place = english.territories.get(more[-1]) if more else None
    return f"{english.languages.get(language, language)}{f' ({place})' if place else ''}"
