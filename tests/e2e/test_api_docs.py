"""The examples of docs/api.md, run as they are printed."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.serving import ROOT

pytestmark = pytest.mark.xdist_group("e2e")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END = "-- end of an example --"


def examples() -> list[tuple[str, str]]:
    """The commands, and what they print: ``…`` stands for anything."""
    blocks = _BLOCK.findall((ROOT / "docs/api.md").read_text("utf-8"))
    return [
        (commands, printed)
        for (kind, commands), (_, printed) in zip(blocks, [*blocks[1:], ("", "")], strict=True)
        if kind == "sh"
    ]


def test_every_example_prints_what_the_page_says(server: str, folder: Path) -> None:
    script = "".join(f"{commands}\necho '\n{END}'\n" for commands, _ in examples())
    ran = subprocess.run(
        ["bash", "-eu", "-c", script.replace("http://127.0.0.1:8000", server)],
        cwd=ROOT, env=os.environ | {"PORTAL_DATA_DIR": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    printed = [part.strip() for part in ran.stdout.split(END)]
    assert len(printed) == len(examples()) + 1 > 5
    for (commands, expected), found in zip(examples(), printed, strict=False):
        pattern = ".*?".join(re.escape(part) for part in expected.strip().split("…"))
        assert re.fullmatch(pattern, found), f"{commands}\nprinted\n{found}\nand not\n{expected}"
