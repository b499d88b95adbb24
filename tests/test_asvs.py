"""``docs/asvs.md`` is complete, names what there is, and counts right. What a test shows, only its reader can tell.

``tests/asvs_ids.txt`` holds the ids of the standard's levels 1 and 2 with their levels, and nothing else of it.
"""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/asvs.md").read_text("utf-8")
LEVELS = dict(line.split() for line in (ROOT / "tests/asvs_ids.txt").read_text("ascii").splitlines())
STATES = ("met", "not applicable", "open")
OTHER_CHAPTERS = ("V9", "V10", "V17")


class Row(NamedTuple):
    id: str
    level: str
    asked: str
    state: str
    how: str

    @property
    def ids(self) -> list[str]:
        """The requirements that the row speaks of: one, or all of a chapter."""
        return [self.id] if "." in self.id else [id for id in LEVELS if id.startswith(f"{self.id}.")]

    @property
    def named(self) -> list[str]:
        """The files and tests that it names."""
        return [word for word in re.findall(r"`([^`]+)`", self.how) if "/" in word or (ROOT / word).is_file()]


ROWS = [
    Row(*(cell.strip() for cell in line.strip("|").split("|")))
    for line in PAGE.splitlines()
    if re.match(r"\| V[0-9]", line)
]


@cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def exists(named: str) -> bool:
    """Whether the file is there, and the test in it. A parametrised test goes by its function's name."""
    name, separator, test = named.partition("::")
    path = ROOT / name
    if not separator:
        return path.is_file()
    return path.is_file() and test.startswith("test_") and test in functions_of(path)


def test_the_list_of_ids_is_that_of_the_standard() -> None:
    """As many as the standard says of itself, each once, in its order."""
    assert Counter(LEVELS.values()) == {"1": 70, "2": 183}
    ids = [tuple(map(int, id.removeprefix("V").split("."))) for id in LEVELS]
    assert ids == sorted(set(ids))
    assert all(len(id) == 3 for id in ids)


def test_every_requirement_is_there_once_with_its_level() -> None:
    assert Counter(id for row in ROWS for id in row.ids) == Counter(LEVELS.keys())
    for row in ROWS:
        assert row.level == ", ".join(sorted({LEVELS[id] for id in row.ids})), row.id
    assert tuple(row.id for row in ROWS if "." not in row.id) == OTHER_CHAPTERS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_holds_what_its_state_asks_for(row: Row) -> None:
    """A met one names a file or a test; the others say why. Whatever is named exists."""
    assert row.state in STATES
    assert 1 <= len(row.asked.split()) <= 12
    assert [named for named in row.named if not exists(named)] == []
    if row.state == "met":
        assert row.named
    else:
        assert re.match(r"[A-Z].{15,}\.$", row.how), "a sentence with the reason"


def test_a_chapter_that_is_left_out_is_not_applicable() -> None:
    assert {row.state for row in ROWS if row.id in OTHER_CHAPTERS} == {"not applicable"}


def test_the_counts_at_the_top_are_right() -> None:
    found = Counter((LEVELS[id], row.state) for row in ROWS for id in row.ids)
    for name, levels in (("1", "1"), ("2", "2"), ("both", "12")):
        counts = [sum(found[level, state] for level in levels) for state in STATES]
        assert f"\n| {name} | {' | '.join(map(str, counts))} | {sum(counts)} |\n" in PAGE
    concerned = sum(len(row.ids) for row in ROWS if row.id not in OTHER_CHAPTERS)
    assert f"Of {len(LEVELS)} requirements, {concerned} are in chapters that concern the portal." in PAGE


@pytest.mark.parametrize(
    "named",
    ["tests/test_asvs.py::test_that_is_not_there", "tests/test_asvs.py::exists", "tests/nothing.py",
     "portal/nothing.py", "tests/nothing.py::test_x", "docs"],
)  # fmt: skip
def test_what_does_not_exist_is_noticed(named: str) -> None:
    assert not exists(named)


def test_what_exists_is_found() -> None:
    assert exists("tests/test_asvs.py::test_what_exists_is_found")
    assert exists("docs/asvs.md")
