"""Settings: defaults that need nothing, and secrets that stay with their owner."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from portal import config


def test_a_key_is_made_once_and_kept_for_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORTAL_SECRET_KEY", raising=False)
    folder = tmp_path / "data"
    first = config.load({"DATA_DIR": folder})["SECRET_KEY"]
    assert (len(first), config.load({"DATA_DIR": folder})["SECRET_KEY"]) == (64, first)
    assert [oct((folder / name).stat().st_mode & 0o777) for name in (".", "secret_key")] == ["0o700", "0o600"]
    assert sorted(path.name for path in folder.iterdir()) == ["secret_key"]
    monkeypatch.setenv("PORTAL_SECRET_KEY", "from the environment")
    assert config.load({"DATA_DIR": folder})["SECRET_KEY"] == "from the environment"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://portal@db/portal", "postgresql+psycopg://portal@db/portal"),
        ("postgres://portal@db/portal", "postgresql+psycopg://portal@db/portal"),
        ("postgresql+psycopg://a,b/portal", "postgresql+psycopg://a,b/portal"),
        ("sqlite:////somewhere/portal.db", "sqlite:////somewhere/portal.db"),
    ],
)
def test_a_database_needs_its_address_only(
    url: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert config.load({"DATA_DIR": tmp_path})["SQLALCHEMY_DATABASE_URI"] == expected


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    environment = {**os.environ, "PORTAL_DATA_DIR": str(tmp_path / "file/data")}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "serve"]
    result = subprocess.run(command, cwd=config.ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert (
        result.stderr == f"The data folder {tmp_path}/file/data cannot be made: Not a directory. Set PORTAL_DATA_DIR.\n"
    )


def test_statements_values_stay_out_of_logs(tmp_path: Path) -> None:
    assert config.load({"DATA_DIR": tmp_path})["SQLALCHEMY_ENGINE_OPTIONS"]["hide_parameters"] is True


def test_each_login_has_an_address_or_shares_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://customer@db/portal")
    monkeypatch.setenv("DATABASE_STAFF_URL", "postgresql://staff@db/portal")
    settings = config.load({"DATA_DIR": tmp_path})
    assert {login: bind["url"] for login, bind in settings["SQLALCHEMY_BINDS"].items()} == {
        "staff": "postgresql+psycopg://staff@db/portal"
    }
    assert settings["SQLALCHEMY_BINDS"]["staff"]["hide_parameters"] is True


@pytest.mark.parametrize(("asked", "expected"), [("", {"prepare_threshold": None}), ("1", None)])
def test_statements_are_prepared_on_demand_only(
    asked: str, expected: dict[str, None] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://portal@db/portal")
    monkeypatch.setenv("DATABASE_PREPARE", asked)
    assert config.load({"DATA_DIR": tmp_path})["SQLALCHEMY_ENGINE_OPTIONS"].get("connect_args") == expected


def test_sessions_end_after_what_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_STAFF_IDLE_MINUTES", "5")
    monkeypatch.setenv("PORTAL_CUSTOMER_SESSION_HOURS", "24")
    settings = config.load({"DATA_DIR": tmp_path, "SECRET_KEY": "x"})
    assert (settings["SESSION_STAFF_IDLE"], settings["SESSION_STAFF"]) == (timedelta(minutes=5), timedelta(hours=12))
    assert settings["SESSION_CUSTOMER"] == timedelta(days=1)


@pytest.mark.parametrize("text", ["0", "-1", "soon", "1.5", "²", "9" * 5000])
def test_a_time_that_is_none_ends_the_program_with_a_sentence(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_STAFF_SESSION_HOURS", text)
    with pytest.raises(SystemExit, match="PORTAL_STAFF_SESSION_HOURS must be a whole number from 1 to"):
        config.load({"DATA_DIR": tmp_path, "SECRET_KEY": "x"})
