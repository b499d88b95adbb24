"""What is on another machine is spoken to by TLS that checks whom it finds there, or nothing is served."""

from pathlib import Path

import pytest

from tests.test_safety import PRODUCTION, Environment, problems
from tests.test_safety import environment as environment  # noqa: PLC0414 - the fixture


@pytest.mark.parametrize(
    "variables",
    [
        {"DATABASE_URL": "postgresql://u:p@db.example/x"},
        {"DATABASE_URL": "postgresql://u:p@10.0.0.7:6432/x?sslmode=require"},
        {"DATABASE_URL": "postgresql://u:p@/x?host=/run/postgresql&host=db.example"},
        {"DATABASE_URL": "postgresql://u:p@localhost/x?hostaddr=10.0.0.7"},
        {"DATABASE_URL": "postgresql://u:p@/x?service=portal", "PGHOST": "localhost"},
        {"DATABASE_URL": "postgresql://u:p@/x?conninfo=host%3Ddb.example"},
        {"DATABASE_URL": "postgresql:///x", "PGHOST": "db.example"},
        {"DATABASE_URL": "postgresql://u:p@db.example/x?sslmode=prefer", "PGSSLMODE": "verify-full"},
    ],
)
def test_a_database_elsewhere_shows_its_certificate(
    variables: dict[str, str | None], tmp_path: Path, environment: Environment
) -> None:
    environment(PRODUCTION | variables)
    (said,) = problems(tmp_path)
    assert said == (
        "DATABASE_URL leads to another machine, whose certificate nobody checks: add sslmode=verify-full to it, or set "
        "PORTAL_PRIVATE_NETWORK=1 where the network itself is protected."
    )
    environment(PRODUCTION | variables | {"PORTAL_PRIVATE_NETWORK": "1"})
    assert problems(tmp_path) == []


def test_each_login_is_looked_at(tmp_path: Path, environment: Environment) -> None:
    gate, worker = "postgresql://g:p@db.example/x?sslmode=require", "postgresql://w:p@db.example/x"
    environment(
        PRODUCTION
        | {"DATABASE_URL": f"{worker}?sslmode=verify-full", "DATABASE_GATE_URL": gate, "DATABASE_WORKER_URL": worker}
    )
    assert [said.partition(" leads")[0] for said in problems(tmp_path)] == ["DATABASE_GATE_URL", "DATABASE_WORKER_URL"]
    environment(PRODUCTION | {"DATABASE_WORKER_URL": worker})
    assert [said.partition(" leads")[0] for said in problems(tmp_path)] == ["DATABASE_WORKER_URL"]


@pytest.mark.parametrize(
    "variables",
    [
        {"DATABASE_URL": "postgresql://u:p@db.example/x?sslmode=verify-full&sslrootcert=/etc/portal/ca.pem"},
        {"DATABASE_URL": "postgresql://u:p@db.example/x?sslmode=verify-ca"},
        {"DATABASE_URL": "postgresql://u:p@db.example/x", "PGSSLMODE": "verify-full"},
        *({"DATABASE_URL": f"postgresql://u:p@{host}/x"} for host in ("localhost", "127.0.0.1:6432", "[::1]", "")),
        {"DATABASE_URL": "postgresql://u:p@/x?host=/run/postgresql"},
        {"DATABASE_URL": "sqlite:////var/lib/portal/portal.db"},
        {"PORTAL_RATE_LIMIT_STORAGE": "redis://:p@127.0.0.1:6379/0", "PORTAL_SMTP_HOST": "localhost",
         "PORTAL_SMTP_SECURITY": "none"},
        {"PORTAL_RATE_LIMIT_STORAGE": "rediss://:p@redis.example:6379/0", "PORTAL_SMTP_HOST": "mail.example"},
    ],
)  # fmt: skip
def test_what_stays_here_or_is_checked_is_well(
    variables: dict[str, str | None], tmp_path: Path, environment: Environment
) -> None:
    environment(PRODUCTION | variables)
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    "storage",
    [
        "redis://:p@redis.example:6379/0",
        "rediss://:p@redis.example:6379/0?ssl_cert_reqs=none",
        "rediss://:p@redis.example:6379/0?ssl_check_hostname=false",
    ],
)
def test_other_servers_elsewhere_are_spoken_to_by_tls(storage: str, tmp_path: Path, environment: Environment) -> None:
    elsewhere = {
        "PORTAL_RATE_LIMIT_STORAGE": storage,
        "PORTAL_SMTP_HOST": "mail.example", "PORTAL_SMTP_SECURITY": "none",
    }  # fmt: skip
    environment(PRODUCTION | elsewhere)
    said = [sentence.partition(", or set PORTAL_PRIVATE_NETWORK=1")[0] for sentence in problems(tmp_path)]
    assert said == [
        (
            "PORTAL_RATE_LIMIT_STORAGE leads to another machine, whose certificate nobody checks: let it begin with "
            "rediss:// and ask for no less than that"
        ),
        "PORTAL_SMTP_HOST is another machine, and mails go in the clear: set PORTAL_SMTP_SECURITY to starttls or tls",
    ]
    environment(PRODUCTION | elsewhere | {"PORTAL_PRIVATE_NETWORK": "1"})
    assert problems(tmp_path) == []
