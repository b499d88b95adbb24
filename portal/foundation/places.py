"""Countries, time zones and locales: the lists of the time zone database and of Unicode's CLDR, not our own."""

from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError

from portal.foundation.refusals import Invalid


@cache
def country_names() -> dict[str, str]:
    """English names by ISO 3166-1 alpha-2 code, in the order of the names."""
    table = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return dict(sorted(((code, name) for code, name in rows), key=lambda row: row[1]))


def check_country(code: str) -> str:
    """The code, or Invalid where ISO 3166-1 has none such."""
    if code not in country_names():
        raise Invalid(
            "unknown_country", f"“{code[:10]}” is not a two-letter country code, such as DE.", field="country"
        )
    return code


def check_timezone(name: str) -> str:
    """The name, or Invalid where the time zone database has none such."""
    if name not in _timezones():
        raise Invalid("unknown_timezone", f"“{name[:40]}” is not a time zone, such as Europe/Berlin.", field="timezone")
    return name


@cache
def _timezones() -> set[str]:
    """The names of all time zones: the library looks for them in the file system, each time that it is asked."""
    return available_timezones()


@cache
def timezone_names() -> list[str]:
    """The zones that people live in, by name: of each set of zones with one history the first, and UTC."""
    table = files("tzdata.zoneinfo").joinpath("zone1970.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return ["UTC", *sorted(row[2] for row in rows)]


def check_locale(name: str) -> str:
    """The locale in its canonical form (``en-GB``), or Invalid where CLDR has none such.

    One with a POSIX modifier is none: Babel takes whatever stands behind an @.
    """
    try:
        return _canonical_locale(name)
    except (UnknownLocaleError, ValueError, TypeError):
        raise Invalid("unknown_locale", f"“{name[:20]}” is not a locale, such as de-DE.", field="locale") from None


@lru_cache(maxsize=1000)
def _canonical_locale(name: str) -> str:
    if "@" in name:
        raise ValueError(name)
    return str(Locale.parse(name, sep="-" if "-" in name else "_")).replace("_", "-")
