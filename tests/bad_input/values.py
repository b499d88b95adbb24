"""Bad input: a fixed choice of what has broken software before, and as much more of the same kinds as is asked for."""

import string
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

NASTY = (
    "", " \t ", "x" * 10_000, "a\x00b", "\x00", "\x1b[31m\r\nSet-Cookie: x=1", "\u202eevil\u2066", "🧾👩‍👩‍👧", "٣²１",
    "9" * 5000, "-1", "-0", "0", "NaN", "Infinity", "1e3", "1e999", "0x10", "1,000", "1.000,00", "0.005", "1.5.5",
    "+1", "１２", "2147483648", "9223372036854775808", "true", "null", "undefined", "None", "[]", "{}", "' OR 1=1 --",
    "'; DROP TABLE payments; --", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)",
    "%s%n{0}{{7*7}}${7*7}", "../../../../etc/passwd", "\\\\host\\share", "=1+1", "@SUM(1)", "-2+3", "\ufeff", "\u200b",
    "e\u0301", "\ufffe\uffff", "018f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f", "{018f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f}",
    "018F2C6E7B1A7C3D9E4F5A6B7C8D9E0F", "2026-13-45", "2026-02-30T25:61:61Z", "0000-00-00", "9999-12-31T23:59:60+99:99",
    "4111 1111 1111 1111", "\r\n", "a\r\nb", "ﬀ", "ß" * 200, "ı", "İ", "\U0001f600" * 300, "a" * 281, "//evil.example",
)  # fmt: skip
_ALPHABETS = (
    string.printable,
    string.digits + ".,-+eE ", "01234567-abcdefT:Z+", "'\";-- /*", "<>&\"'=/", "\x00\x01\x1b\x7f\u0085",
    "\u200b\u200c\u202e\u2066\ufeff\u00ad", "äöüßıİſ", "アイウ漢字", "🙂👍🏽🇩🇪", "%$#{}[]()\\", "٠١٢²³１２",
)  # fmt: skip


def bad_texts(number: int, seed: int = 1) -> Iterator[str]:
    """So many texts, the nasty ones first, beginning at another one for each seed; the same for the same seed."""
    return islice(_texts(Random(seed), seed), number)


def bad_values(number: int, seed: int = 1) -> Iterator[Any]:
    """So many values as JSON has them, of every type."""
    return islice(_values(Random(seed)), number)


def _texts(random: Random, start: int = 0) -> Iterator[str]:
    yield from NASTY[start % len(NASTY) :]
    yield from NASTY[: start % len(NASTY)]
    while True:
        kind = random.randrange(4)
        if kind == 0:
            yield "".join(random.choices(random.choice(_ALPHABETS), k=random.choice((1, 2, 5, 20, 150, 3000))))
        elif kind == 1:
            yield "".join(chr(_code_point(random)) for _ in range(random.randrange(1, 40)))
        elif kind == 2:
            yield random.choice(NASTY[1:])[:500] + random.choice(NASTY[1:])[:500]
        else:
            yield str(random.choice((-1, 1)) * random.getrandbits(random.choice((1, 8, 31, 32, 63, 64, 200))))


def _values(random: Random) -> Iterator[Any]:
    yield from (None, True, False, 0, 1, -1, 1.5, -0.0, 1e308, 2**63, 2**70, [], {}, [1], [None], {"a": {"b": []}})
    texts = _texts(random)
    while True:
        kind = random.randrange(6)
        if kind == 0:
            yield random.choice(
                (random.random(), random.getrandbits(64), -random.getrandbits(40), random.gauss(0, 1e9))
            )
        elif kind == 1:
            yield [next(texts) for _ in range(random.randrange(4))]
        elif kind == 2:
            yield {next(texts)[:50]: next(texts)}
        else:
            yield next(texts)


def _code_point(random: Random) -> int:
    """Any character but the halves of a pair, which no text holds."""
    point = random.choice((random.randrange(0x80), random.randrange(0x3000), random.randrange(0x110000)))
    return point if not 0xD800 <= point <= 0xDFFF else 0xFFFD
