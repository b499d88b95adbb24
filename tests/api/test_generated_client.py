"""A client that a public generator made from the committed description works against the real server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.conftest import World
from tests.factories import Factory
from tests.serving import ROOT, serving

# What a developer would write with the generated package.
PROGRAM = """
import sys, uuid
from client import AuthenticatedClient
from client.api.payments import payment_list, report
from client.models import ManualPayment, PaymentListStatusItem

place, token, invoice = sys.argv[1:]
api = AuthenticatedClient(base_url=place, token=token, raise_on_unexpected_status=True)
body = ManualPayment(invoice_id=uuid.UUID(invoice), payment_method="bank_transfer", transaction_reference="TRF 4711")
reported = report.sync(client=api, body=body, idempotency_key=str(uuid.uuid4()))
listed = payment_list.sync(client=api, status=[PaymentListStatusItem.PENDING_APPROVAL])
print(reported.data.status, reported.data.amount, [payment.id == reported.data.id for payment in listed.data])
"""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_it_lists_and_reports(world: World, make: Factory, tmp_path: Path) -> None:
    tools = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    generate = ["openapi-python-client", "generate", "--path", str(ROOT / "docs/openapi.json"), "--meta", "none"]
    made = subprocess.run(
        [*generate, "--output-path", str(tmp_path / "client")],
        env=os.environ | tools, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Warning" not in made.stdout + made.stderr
    invoice = make.invoice(world.account, "49.00")
    with serving(world.app) as server:
        program = [sys.executable, "-c", PROGRAM, f"http://127.0.0.1:{server.port}", make.token(world.users["owner"])]
        ran = subprocess.run([*program, str(invoice.id)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("pending_approval 49.00 [True]\n", "")
