"""How an answer is given: by tag, by table, packed, with links; to questions that are read strictly."""

import gzip

import pytest

from tests.api.conftest import BASE, Caller, World, problem, report
from tests.factories import Factory

READS = ["/account/", "/payment-methods/available/", "/credit-transactions/", "/invoices/", "/payments/"]


@pytest.mark.parametrize("path", READS)
def test_who_has_it_already_gets_304(path: str, world: World) -> None:
    first = world["owner"].get(path)
    again = world["owner"].raw("GET", BASE + path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])


def test_what_changed_is_sent_anew(world: World, make: Factory) -> None:
    tag = world["owner"].get("/payments/").headers["ETag"]
    report(world, make.invoice(world.account).id)
    again = world["owner"].raw("GET", f"{BASE}/payments/", headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert len(again.get_json()["data"]) == 1


def test_a_tag_is_of_one_reader(world: World, make: Factory) -> None:
    """Who may do something else reads something else."""
    payment = report(world, make.invoice(world.account).id)
    tags = {who: world[who].get(f"/payments/{payment['id']}/").headers["ETag"] for who in ("owner", "viewer", "admin")}
    assert len(set(tags.values())) == 3
    assert {tag[:42] for tag in tags.values()} == {f'W/"{payment["id"]}-1-'}


def test_head_and_options(world: World) -> None:
    got, head = (world["owner"].raw(method, f"{BASE}/payments/") for method in ("GET", "HEAD"))
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", got.headers["ETag"])
    options = world["owner"].raw("OPTIONS", f"{BASE}/payments/manual/")
    assert (options.status_code, set(options.allow or ())) == (200, {"POST", "OPTIONS"})
    wrong = world["owner"].raw("DELETE", f"{BASE}/payments/")
    assert problem(wrong)[:2] == (405, "method_not_allowed")
    assert set(wrong.allow or ()) == {"GET", "HEAD", "OPTIONS"}


def test_long_answers_are_packed_for_whoever_can_unpack(world: World, make: Factory) -> None:
    for number in range(5):
        report(world, make.invoice(world.account).id, f"TRF-{number}")
    plain = world["owner"].raw("GET", f"{BASE}/payments/")
    packed = world["owner"].raw("GET", f"{BASE}/payments/", headers={"Accept-Encoding": "br, gzip"})
    assert [packed.content_encoding, plain.content_encoding] == ["gzip", None]
    unpacked = gzip.decompress(packed.data)
    assert unpacked.replace(packed.headers["X-Request-ID"].encode(), b"") == plain.data.replace(
        plain.headers["X-Request-ID"].encode(), b""
    )
    assert packed.content_length == len(packed.data) < len(plain.data) / 2
    assert plain.vary.as_set() >= {"accept-encoding", "accept", "authorization", "cookie"}
    refused = world["owner"].raw("GET", f"{BASE}/payments/", headers={"Accept-Encoding": "gzip;q=0, br"})
    assert refused.content_encoding is None


def test_links_to_the_pages_beside(world: World, make: Factory) -> None:
    for number in range(3):
        report(world, make.invoice(world.account).id, f"TRF-{number}")
    first = world["owner"].get("/payments/", page_size=1)
    ahead = first.get_json()["pagination"]["next"]
    assert first.headers.getlist("Link") == [f'<{ahead}>; rel="next"']
    second = world["owner"].raw("GET", ahead)
    pagination = second.get_json()["pagination"]
    assert second.headers.getlist("Link") == [
        f'<{pagination["next"]}>; rel="next"',
        f'<{pagination["previous"]}>; rel="prev"',
    ]
    assert "Link" not in world["owner"].get("/account/").headers


def test_lists_as_tables(world: World, make: Factory) -> None:
    make.invoice(world.account, "49.00", number="=1+1", credits=5)
    invoice = make.invoice(world.account, "5.00", number="INV-2")
    answer = world["owner"].raw("GET", f"{BASE}/invoices/", headers={"Accept": "text/csv"})
    assert answer.content_type == "text/csv; charset=utf-8"
    heading, row, formula = answer.text.lstrip("\ufeff").splitlines()
    assert heading == ("id,number,status,is_overdue,currency,total,amount_paid,outstanding,credits,issue_date,due_date,"
                       "payment_reference")  # fmt: skip
    assert row == (f"{invoice.id},INV-2,open,false,EUR,5.00,0.00,5.00,0,{invoice.issue_date},{invoice.due_date},"
                   f"{invoice.payment_reference}")  # fmt: skip
    assert formula.split(",")[1] == "'=1+1"
    empty = world["stranger"].raw("GET", f"{BASE}/payments/", headers={"Accept": "text/csv"})
    assert empty.text == (
        "\ufeffid,payment_id,invoice_id,invoice_number,amount,currency,payment_method,status,transaction_reference,"
        "paid_on,notes,failure_reason,version,allowed_actions,created_at,updated_at,decided_at\r\n"
    )
    one = world["owner"].raw("GET", f"{BASE}/invoices/{invoice.id}/", headers={"Accept": "text/csv"})
    assert one.content_type == "application/json"  # no list


@pytest.mark.parametrize("accept", ["*/*", "application/json, text/csv", "text/html", "", "application/*", "nonsense"])
def test_whoever_does_not_ask_for_a_table_gets_json(accept: str, world: World) -> None:
    answer = world["owner"].raw("GET", f"{BASE}/payments/", headers={"Accept": accept})
    assert answer.content_type == "application/json"


@pytest.mark.parametrize(
    ("path", "name", "advice"),
    [
        ("/payments/", "staus", "Did you mean status?"),
        ("/payments/", "page-size", "Did you mean page_size?"),
        ("/invoices/", "zzz", "Known are: account, currency, cursor, page_size, q, status."),
        ("/account/", "fields", "Known are: none."),
        ("/invoices/018f2c6e-7b1a-7c3d-9e4f-5a6b7c8d9e0f/", "expand", "Known are: none."),
    ],
)
def test_parameters_that_mean_nothing_are_refused(path: str, name: str, advice: str, world: World) -> None:
    answer = world["owner"].get(path, **{name: "x"})
    assert problem(answer) == (400, "invalid_input", [(name, "unknown_field")])
    assert answer.get_json()["errors"][0]["message"] == f"There is no such field. {advice}"


def test_a_post_reads_no_parameters_either(world: World, make: Factory) -> None:
    body = {"invoice_id": str(make.invoice(world.account).id), "payment_method": "bank_transfer", "reference": "T"}
    answer = world["owner"].raw("POST", f"{BASE}/payments/manual/?reference=X", json=body)
    assert problem(answer) == (400, "invalid_input", [("reference", "unknown_field")])
    assert world["owner"].get("/payments/").get_json()["data"] == []


def test_a_table_whose_rows_differ_in_what_is_null(world: World, make: Factory) -> None:
    user = world.users["member"]
    make.token(user, "narrow", scopes=["payments:read", "account:read"])
    answer = Caller(world.app, make.token(user, "newest")).raw("GET", f"{BASE}/tokens/", headers={"Accept": "text/csv"})
    heading, *rows = [line.split(",") for line in answer.text.lstrip("\ufeff").splitlines()]
    place = heading.index("scopes")
    assert [row[place] for row in rows] == ["", "payments:read account:read", ""]
