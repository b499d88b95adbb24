"""The form for one's own formats: how dates and numbers are written, and in which time zone."""

from wtforms import SelectField

from portal.accounts.models import User
from portal.html.formats import called, locale_choices, timezone_choices
from portal.html.forms import Form


class FormatsForm(Form):
    """A locale and a time zone; empty, those of the account."""

    locale = SelectField("Dates and numbers", validate_choice=False)
    timezone = SelectField("Time zone", validate_choice=False)

    def offer(self, user: User) -> "FormatsForm":
        """Let the user choose; what they have chosen stays on offer."""
        account = user.account
        locale, timezone = (account.locale, account.timezone) if account else ("en", "UTC")
        self.locale.choices = {"": f"Default: {called(locale)}"} | locale_choices(locale, user.locale or locale)
        self.timezone.choices = {"": f"Default: {timezone}"} | timezone_choices(timezone, user.timezone or timezone)
        return self
