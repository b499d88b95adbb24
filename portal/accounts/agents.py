"""Which browser it is, from what it says of itself: a few words that people recognise, nothing that tells more."""

import re

MOST = 60
_BROWSERS = (
    ("Edge", "Edg/"), ("Edge", "EdgA/"), ("Opera", "OPR/"), ("Samsung Internet", "SamsungBrowser/"),
    ("Firefox", "Firefox/"), ("Firefox", "FxiOS/"), ("Chrome", "CriOS/"), ("Chrome", "Chrome/"), ("Safari", "Safari/"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("ChromeOS", "CrOS"),
    ("macOS", "Mac OS X"), ("Linux", "Linux"),
)  # fmt: skip


def device_name(user_agent: str) -> str:
    """Such as “Firefox on Linux”. Of a program that is no known browser, what it calls itself, cleaned."""
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    if browser:
        return f"{browser} on {system}" if system else browser
    program = re.match(r"[A-Za-z][A-Za-z0-9 ._-]*", user_agent)
    return program.group().strip()[:MOST] if program else "An unknown browser"


def _first(known: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for name, sign in known if sign in user_agent), "")
