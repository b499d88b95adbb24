"""What was vendored is what was published: each file by its hash, each package with its licence."""

import json
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_vendored_files_are_unchanged_and_licensed() -> None:
    packages = json.loads((ROOT / "static/vendor/VERSIONS.json").read_text("utf-8"))
    for package in packages.values():
        for name, digest in package["files"].items():
            assert sha256((ROOT / name).read_bytes()).hexdigest() == digest, name
            assert (ROOT / name).with_name("LICENSE").stat().st_size > 100


def test_every_vendored_script_is_listed() -> None:
    packages = json.loads((ROOT / "static/vendor/VERSIONS.json").read_text("utf-8"))
    listed = {name for package in packages.values() for name in package["files"]}
    scripts = [path for folder in ("static/vendor", "tests/vendor") for path in (ROOT / folder).rglob("*.js")]
    assert {str(path.relative_to(ROOT)) for path in scripts} == listed


def test_own_styles_and_scripts_stay_small() -> None:
    sizes = {kind: sum(path.stat().st_size for path in (ROOT / "static" / kind).iterdir()) for kind in ("css", "js")}
    assert sizes["css"] < 30_000
    assert sizes["js"] < 10_000
