"""What must hold before the portal serves: each thing that does not is one sentence, and the demo needs nothing."""

import os
import re
import secrets
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from flask import Flask

from portal import config
from portal.accounts.passwords import mark_as_demo
from portal.app import create_app
from portal.safety import (
    Unsafe,
    check_before_serving,
    check_settings,
    settle_environment,
    unsafe_settings,
    weakness_of,
)
from tests.engines import disconnect

GOOD = "Vb9uXhM2rK7sLw0QeT4yZc8nAf6jGd1pR3oI5tU"
HOW = "Make one with: python -c 'import secrets; print(secrets.token_hex(32))'"
PRODUCTION = {
    "PORTAL_ENV": "production", "PORTAL_SECRET_KEY": GOOD, "PORTAL_HTTPS": "1", "PORTAL_HOSTS": "billing.example",
}  # fmt: skip
VARIABLES = (
    "PORTAL_ENV", "PORTAL_SECRET_KEY", "PORTAL_SECRET_KEY_FILE", "PORTAL_SECRET_KEY_FALLBACKS",
    "PORTAL_SECRET_KEY_FALLBACKS_FILE", "PORTAL_HTTPS", "PORTAL_HOSTS", "PORTAL_PROXIES", "PORTAL_LOG_LEVEL",
    "DATABASE_URL", "DATABASE_URL_FILE", "DATABASE_GATE_URL", "DATABASE_WORKER_URL", "FLASK_DEBUG",
    "FLASK_RUN_FROM_CLI", "PORTAL_METRICS_TOKEN", "PORTAL_PRIVATE_NETWORK", "PORTAL_RATE_LIMIT_STORAGE",
    "PORTAL_SMTP_HOST", "PORTAL_SMTP_SECURITY", "PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLMODE",
)  # fmt: skip
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
Environment = Callable[..., None]


@pytest.fixture
def shares_apps() -> bool:
    """Apps that were never asked: they look at themselves at the first request."""
    return False


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Sets the variables, all others unset."""

    def set_to(variables: dict[str, str | None]) -> None:
        for name in VARIABLES:
            monkeypatch.setenv(name, "")  # so that what the portal itself sets is undone, even where nothing was set
            monkeypatch.delenv(name)
        for name, value in variables.items():
            if value is not None:
                monkeypatch.setenv(name, value)

    set_to({})
    return set_to


def problems(tmp_path: Path, *, debug: bool = False) -> list[str]:
    return unsafe_settings(config.load({"DATA_DIR": tmp_path}), debug=debug)


def test_all_is_well_in_production(tmp_path: Path, environment: Environment) -> None:
    environment(PRODUCTION)
    assert problems(tmp_path) == []
    environment(PRODUCTION | {"PORTAL_ENV": None})
    assert config.load({"DATA_DIR": tmp_path})["ENVIRONMENT"] == "production"
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"PORTAL_SECRET_KEY": None}, f"There is no secret: set PORTAL_SECRET_KEY or PORTAL_SECRET_KEY_FILE. {HOW}"),
        ({"PORTAL_SECRET_KEY": "short"},
         f"The secret in PORTAL_SECRET_KEY is weak: it is shorter than 32 bytes. {HOW}"),
        ({"PORTAL_SECRET_KEY_FALLBACKS": f"{GOOD}1 {'x' * 40}"},
         f"The secret in PORTAL_SECRET_KEY_FALLBACKS is weak: it repeats itself. {HOW}"),
        ({"PORTAL_METRICS_TOKEN": "x"},
         f"The secret in PORTAL_METRICS_TOKEN is weak: it is shorter than 32 bytes. {HOW}"),
        ({"PORTAL_HTTPS": None},
         "Set PORTAL_HTTPS=1, and serve the portal over HTTPS only: passwords cross the network."),
        ({"PORTAL_HTTPS": "yes"},
         "Set PORTAL_HTTPS=1, and serve the portal over HTTPS only: passwords cross the network."),
        ({"PORTAL_HOSTS": None},
         "Set PORTAL_HOSTS to the names under which people reach the portal, separated by commas."),
    ],
)  # fmt: skip
def test_each_missing_setting_is_one_sentence(
    changed: dict[str, str | None], sentence: str, tmp_path: Path, environment: Environment
) -> None:
    environment({**PRODUCTION, **changed})
    assert problems(tmp_path) == [sentence]


def test_debug_is_for_this_machine_only(tmp_path: Path, environment: Environment) -> None:
    environment(PRODUCTION)
    assert problems(tmp_path, debug=True) == ["Debug is on, which shows visitors what is inside: unset FLASK_DEBUG."]
    environment({"PORTAL_ENV": "development"})
    assert problems(tmp_path, debug=True) == []
    environment({"PORTAL_ENV": "demo", "PORTAL_HOSTS": "localhost,portal.lan"})
    assert problems(tmp_path, debug=False) == []
    assert problems(tmp_path, debug=True) == [
        "Debug is on, which lets visitors run code: switch it off, or unset PORTAL_HOSTS."
    ]


def test_development_that_others_reach_is_held_to_the_same(tmp_path: Path, environment: Environment) -> None:
    environment({"PORTAL_ENV": "development", "PORTAL_HOSTS": "billing.example", "PORTAL_SECRET_KEY": "x"})
    assert problems(tmp_path) == [
        f"The secret in PORTAL_SECRET_KEY is weak: it is shorter than 32 bytes. {HOW}",
        "Set PORTAL_HTTPS=1, and serve the portal over HTTPS only: passwords cross the network.",
    ]


@pytest.mark.parametrize(
    ("secret", "weakness"),
    [
        ("", "it is shorter than 32 bytes"),
        ("a3f" * 10, "it is shorter than 32 bytes"),
        ("dev", "it is shorter than 32 bytes"),
        ("a" * 64, "it repeats itself"),
        ("ab" * 40, "it repeats itself"),
        ("09f1827364ea5bcd" * 4, "it repeats itself"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "it repeats itself"),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abc", "it holds a word that people guess"),
        ("ACEGIKMOQSUWY[]_acegikmoqsuwy{}!#", "it follows a pattern"),
        ("please-change-me-before-going-live-1", "it holds a word that people guess"),
        ("this is a very Secret key of ours 1!", "it holds a word that people guess"),
        ("django-insecure-k2j3h4k5j6h7g8f9d0s1", "it holds a word that people guess"),
        (GOOD, None),
    ],
)
def test_weak_secrets(secret: str, weakness: str | None) -> None:
    assert weakness_of(secret) == weakness


def test_no_random_secret_is_called_weak() -> None:
    """Nobody shall be sent back with what we told them to make."""
    made = [secrets.token_hex(32) for _ in range(500)] + [secrets.token_urlsafe(32) for _ in range(500)]
    assert [secret for secret in made if weakness_of(secret)] == []


def test_the_demo_and_development_need_nothing(tmp_path: Path, environment: Environment) -> None:
    for name in ("demo", "development"):
        environment({"PORTAL_ENV": name})
        assert problems(tmp_path) == []
        assert config.load({"DATA_DIR": tmp_path})["HOSTS"] == ("localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"PORTAL_ENV": "prod"}, "PORTAL_ENV is one of production, demo, development, not “prod”."),
        ({"PORTAL_LOG_LEVEL": "loud"}, "PORTAL_LOG_LEVEL is one of debug, info, warning, error, not “loud”."),
        ({"PORTAL_PROXIES": "one"}, "PORTAL_PROXIES is a number from 0 to 9, not “one”."),
        ({"PORTAL_PROXIES": "99"}, "PORTAL_PROXIES is a number from 0 to 9, not “99”."),
        ({"PORTAL_HOSTS": "billing.example,https://x.example"},
         "PORTAL_HOSTS holds names without scheme and port, separated by commas, not “https://x.example”."),
        ({"PORTAL_HOSTS": "*"}, "PORTAL_HOSTS holds names without scheme and port, separated by commas, not “*”."),
        ({"PORTAL_SECRET_KEY": "x", "PORTAL_SECRET_KEY_FILE": "/y"},
         "Both PORTAL_SECRET_KEY and PORTAL_SECRET_KEY_FILE are set. Keep one of them."),
        *(({"DATABASE_URL": url},
           "DATABASE_URL is an address like postgresql://user:password@host/name, or sqlite:////folder/file.db.")
          for url in ("nonsense", "mysql://root:pw@host/portal", "postgresql+psycopg2://u:p@h/n", "postgresql://h:x/n")),
        ({"DATABASE_GATE_URL": "nonsense"},
         "DATABASE_GATE_URL is an address like postgresql://user:password@host/name, or sqlite:////folder/file.db."),
        ({"DATABASE_URL_FILE": "/not/there"},
         "The file /not/there of DATABASE_URL_FILE cannot be read: No such file or directory."),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_read_is_one_sentence(
    variables: dict[str, str | None], sentence: str, tmp_path: Path, environment: Environment
) -> None:
    environment(variables)
    with pytest.raises(SystemExit) as ended:
        config.load({"DATA_DIR": tmp_path})
    assert str(ended.value) == sentence


def test_secrets_come_from_files_too(tmp_path: Path, environment: Environment) -> None:
    for name, content in (("key", f"{GOOD}\n"), ("older", f"{GOOD}1\n{GOOD}2\n"), ("url", "postgresql://u:p@db/x\n")):
        (tmp_path / name).write_text(content)
    environment(
        {
            "PORTAL_SECRET_KEY_FILE": str(tmp_path / "key"),
            "PORTAL_SECRET_KEY_FALLBACKS_FILE": str(tmp_path / "older"),
            "DATABASE_URL_FILE": str(tmp_path / "url"),
        }
    )
    values = config.load({"DATA_DIR": tmp_path})
    assert (values["SECRET_KEY"], values["SECRET_KEY_FALLBACKS"]) == (GOOD, [f"{GOOD}1", f"{GOOD}2"])
    assert values["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg://u:p@db/x"
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(SystemExit, match=r"cannot be read: it is not text in UTF-8\."):
        config.load({"DATA_DIR": tmp_path})


def test_a_worker_is_given_its_own_login_only(tmp_path: Path, environment: Environment) -> None:
    """What asks which database it is must not meet an empty file beside it."""
    environment({"DATABASE_WORKER_URL": "postgres://worker@db/x"})
    assert config.load({"DATA_DIR": tmp_path})["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg://worker@db/x"


def run(variables: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [sys.executable, *command], cwd=config.ROOT, env=clean | variables, capture_output=True, text=True, check=False
    )


def test_a_server_that_imports_the_app_is_refused_without_settings(tmp_path: Path) -> None:
    here = {"PORTAL_DATA_DIR": str(tmp_path)}
    refused = run(here, "-c", "import wsgi")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 3)
    assert "Traceback" not in refused.stderr
    assert run(here | PRODUCTION, "-c", "import wsgi").returncode == 0


def test_serving_without_the_demo_is_refused_without_settings(tmp_path: Path) -> None:
    refused = run({"PORTAL_DATA_DIR": str(tmp_path)}, "-m", "flask", "--app", "wsgi", "serve", "--port", "1")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[1:] == [
        "Set PORTAL_HTTPS=1, and serve the portal over HTTPS only: passwords cross the network.",
        "Set PORTAL_HOSTS to the names under which people reach the portal, separated by commas.",
    ]
    assert not (tmp_path / "portal.db").exists()


def test_a_worker_by_itself_is_refused_without_settings(tmp_path: Path) -> None:
    """Its mails would lead to localhost, and what the servers sealed would not open with a key of its own."""
    worker = ("-m", "flask", "--app", "wsgi", "worker", "--once")
    refused = run({"PORTAL_DATA_DIR": str(tmp_path)}, *worker)
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        f"There is no secret: set PORTAL_SECRET_KEY or PORTAL_SECRET_KEY_FILE. {HOW}",
        "Set PORTAL_HTTPS=1, and serve the portal over HTTPS only: passwords cross the network.",
        "Set PORTAL_HOSTS to the names under which people reach the portal, separated by commas.",
    ]
    assert "no tables yet" in run({"PORTAL_DATA_DIR": str(tmp_path)} | PRODUCTION, *worker).stderr


@on_sqlite
def test_commands_need_no_settings(app: Flask, environment: Environment) -> None:
    app.config["ENVIRONMENT"] = "production"
    result = app.test_cli_runner().invoke(args=["tokens", "list", "--email", "a@b.example"])
    assert result.stderr == "Error: Nobody signs in as a@b.example.\n"


@pytest.mark.parametrize(("environment", "host"), [("production", "localhost"), ("development", "billing.example")])
def test_a_database_with_the_demo_is_not_served(app: Flask, environment: str, host: str) -> None:
    app.config.update(
        ENVIRONMENT=environment, SECRET_KEY=GOOD, SECRET_KEY_IS_GIVEN=True, SESSION_COOKIE_SECURE=True,
        HOSTS=(host,), HOSTS_ARE_GIVEN=True, TESTING=False,
    )  # fmt: skip
    with app.app_context():
        check_before_serving(app)
        mark_as_demo()
        check_settings(app)
        with pytest.raises(Unsafe) as refused:
            check_before_serving(app)
    assert str(refused.value) == (
        "This database holds the demo, whose passwords everybody knows: set DATABASE_URL to another one."
    )
    client = app.test_client()
    there = f"http://{host}"
    assert client.get("/invoices/", there).status_code == 500  # whatever way led around the check
    assert client.post("/login", there).status_code == 500
    assert client.get("/login", there).status_code == 200  # shows nothing, and asks no database


def test_the_files_are_the_portals_own(tmp_path: Path) -> None:
    """Also in a folder that everybody may look into."""
    tmp_path.chmod(0o755)
    assert run({"PORTAL_DATA_DIR": str(tmp_path)}, "-m", "flask", "--app", "wsgi", "db", "upgrade").returncode == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert "portal.db" in modes
    assert set(modes.values()) == {0o600}


@on_sqlite
def test_a_file_that_everybody_can_read_is_not_served(
    new_settings: Callable[[], dict[str, Any]], environment: Environment
) -> None:
    environment(PRODUCTION)
    settings = new_settings() | {"SECRET_KEY": GOOD, "TESTING": False}
    with TemporaryDirectory() as name:  # pytest's own folders are closed
        folder = Path(name)
        shutil.copy(settings["DATA_DIR"] / "portal.db", folder)
        app = create_app(settings | {"DATA_DIR": folder})
        for folders, files, is_open in ((0o700, 0o644, False), (0o755, 0o600, False), (0o755, 0o644, True)):
            folder.chmod(folders)
            (folder / "portal.db").chmod(files)
            with app.app_context(), pytest.raises(Unsafe) if is_open else nullcontext() as refused:
                check_before_serving(app)
        assert refused is not None
        assert str(refused.value) == f"Everybody on this machine can read the database: chmod -R go= {folder}"
        disconnect(app)


@on_sqlite
def test_whatever_way_leads_around_the_check_nothing_is_served(
    new_settings: Callable[[], dict[str, Any]], environment: Environment, capfd: pytest.CaptureFixture[str]
) -> None:
    app = create_app(new_settings() | {"ENVIRONMENT": "production", "TESTING": False})
    app.testing = False
    for path in ("/login", "/static/css/base.css", "/api/v1/billing/account/"):
        assert app.test_client().get(path).status_code == 500
    assert "The portal does not serve like this. There is no secret:" not in app.test_client().get("/login").text
    assert "The portal does not serve like this." in capfd.readouterr().err


ELSEWHERE = ("0.0.0.0", "192.168.1.7", "::", "portal.lan")


def test_the_demo_stays_on_this_machine(tmp_path: Path, environment: Environment) -> None:
    app = create_app({"DATA_DIR": tmp_path})
    for host in ELSEWHERE:
        with pytest.raises(Unsafe, match=f"^{only_here(host)}$"):
            settle_environment(app, demo=True, host=host)
    assert app.config["ENVIRONMENT"] == "production"
    for host in ("127.0.0.1", "localhost", "::1"):
        settle_environment(app, demo=True, host=host)
        assert (app.config["ENVIRONMENT"], os.environ["PORTAL_ENV"]) == ("demo", "demo")


@pytest.mark.parametrize("name", ["demo", "development"])
@pytest.mark.parametrize("hosts", [None, "localhost"])
def test_so_does_all_that_is_not_production(
    name: str, hosts: str | None, tmp_path: Path, environment: Environment
) -> None:
    environment({"PORTAL_ENV": name, "PORTAL_HOSTS": hosts})
    app = create_app({"DATA_DIR": tmp_path})
    for host in ELSEWHERE:
        with pytest.raises(Unsafe, match=f"^{only_here(host)}$"):
            settle_environment(app, demo=False, host=host)
    settle_environment(app, demo=False, host="127.0.0.1")
    assert app.config["ENVIRONMENT"] == name


@pytest.mark.parametrize("name", ["production", "demo", "development"])
def test_names_for_others_let_the_portal_listen_to_them(name: str, tmp_path: Path, environment: Environment) -> None:
    environment({"PORTAL_ENV": name, "PORTAL_HOSTS": "portal.lan"})
    app = create_app({"DATA_DIR": tmp_path})
    for host in ELSEWHERE:
        settle_environment(app, demo=False, host=host)
    assert app.config["ENVIRONMENT"] == name


def only_here(host: str) -> str:
    return re.escape(
        f"Demo and development serve this machine only: to listen on {host}, say in PORTAL_HOSTS under which names "
        "others reach the portal."
    )


def test_production_is_never_the_demo(tmp_path: Path, environment: Environment) -> None:
    environment(PRODUCTION)
    app = create_app({"DATA_DIR": tmp_path})
    with pytest.raises(Unsafe, match=r"^PORTAL_ENV says production: serve without --demo\.$"):
        settle_environment(app, demo=True, host="127.0.0.1")


@on_sqlite
def test_own_data_is_not_shown_to_others_as_a_demo(app: Flask) -> None:
    app.config.update(ENVIRONMENT="demo", HOSTS=("portal.lan",))
    with app.app_context():
        with pytest.raises(Unsafe, match="This database holds data of your own, not the demo"):
            check_before_serving(app)
        mark_as_demo()
        check_before_serving(app)


@on_sqlite
def test_the_secret_can_be_changed_while_people_are_signed_in(
    new_settings: Callable[[], dict[str, Any]], environment: Environment
) -> None:
    from tests.factories import Factory
    from tests.pages import Pages

    settings = new_settings()
    before = create_app(settings | {"SECRET_KEY": GOOD})
    pages = Pages(before).sign_in(Factory(before).user("admin"))
    cookie = pages._client.get_cookie("portal_session")
    assert cookie is not None
    for fallbacks, status in (([GOOD], 200), ([], 302)):
        after = create_app(settings | {"SECRET_KEY": f"{GOOD}-new", "SECRET_KEY_FALLBACKS": fallbacks})
        client = after.test_client()
        client.set_cookie("portal_session", cookie.value)
        assert client.get("/profile/").status_code == status
