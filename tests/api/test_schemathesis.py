"""Whatever the description allows and forbids, sent to the real server by schemathesis, with all of its checks."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import BASE, World
from tests.factories import Factory
from tests.serving import ROOT, Serving, serving
from tests.torture.scale import scaled


@pytest.mark.parametrize(("database", "who"), [("sqlite", "owner"), ("postgresql", "admin")], indirect=["database"])
def test_the_description_is_kept(
    who: str, world: World, make: Factory, tmp_path: Path, record_property: Callable[..., None]
) -> None:
    """A customer's token on one database, and staff's on the other."""
    for number in range(5):
        make.payment(make.invoice(world.account), world.users["owner"], f"TRF-{number}")
        make.invoice(world.account)
    token = make.token(world.users[who])
    seed = random.SystemRandom().randrange(10**6)
    with serving(world.app) as server:
        told, found = schemathesis(server, token, tmp_path / "report.json", examples=scaled(3), seed=seed)
    record_property("cases", f"{told['test_cases']} as {who}, seed {seed}")
    if found:
        pytest.fail(found, pytrace=False)


def schemathesis(server: Serving, token: str, report: Path, *, examples: int, seed: int) -> tuple[dict[str, Any], str]:
    """Send so many examples an operation. The report, and what was found: nothing when all is well."""
    place = f"http://127.0.0.1:{server.port}"
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(ROOT / "tests/schemathesis.toml"),
        "run", f"{place}{BASE}/openapi.json", "--url", place, "--header", f"Authorization: Bearer {token}",
        "--checks", "all", "--max-examples", str(examples), "--seed", str(seed), "--continue-on-failure",
        "--warnings", "off", "--no-color", "--report", "json", "--report-json-path", str(report),
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=report.parent)
    found = "" if ran.returncode == 0 else ran.stdout[-8000:] + ran.stderr[-2000:]
    return json.loads(report.read_text("utf-8")) if report.exists() else {}, found
