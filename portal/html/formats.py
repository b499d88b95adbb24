"""Which locales and time zones forms offer, by their English names."""

from functools import cache

from babel import Locale

from portal.foundation import places

# Those that most readers ask for. What somebody has beside them stays on offer to them.
_LOCALES = (
    "en", "en-GB", "en-US", "en-AU", "en-CA", "en-CH", "en-DE", "en-IN", "en-IE", "en-PK", "en-ZA", "ar-AE", "ar-KW",
    "cs-CZ", "da-DK", "de-AT", "de-CH", "de-DE", "es-ES", "es-MX", "fi-FI", "fr-CA", "fr-CH", "fr-FR", "hi-IN",
    "it-IT", "ja-JP", "ko-KR", "nb-NO", "nl-NL", "pl-PL", "pt-BR", "pt-PT", "sv-SE", "tr-TR", "uk-UA", "ur-PK",
    "zh-CN", "zh-TW",
)  # fmt: skip


def locale_choices(*chosen: str) -> dict[str, str]:
    """Locales to choose from, by their codes; those that are chosen already are among them."""
    return {code: called(code) for code in (*_LOCALES, *chosen)}


def timezone_choices(*chosen: str) -> dict[str, str]:
    """Likewise time zones."""
    return {name: name.replace("_", " ") for name in (*places.timezone_names(), *chosen)}


@cache
def called(code: str) -> str:
    """What English calls the locale: ``German (Switzerland)``. To write examples would load all their data: seconds."""
    english, (language, *more) = Locale("en"), code.split("-")
    place = english.territories.get(more[-1]) if more else None
    return f"{english.languages.get(language, language)}{f' ({place})' if place else ''}"
