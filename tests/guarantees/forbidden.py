"""What must never be committed: one attempt for each guarantee of the database, by the guarantee's name.

Where two guarantees stand behind one another, ``BEHIND`` names what has to fall before the attempt reaches the second.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from portal.foundation import clock
from portal.foundation.ids import new_id
from tests.guarantees.rows import Row, Rows, World

NOBODY = new_id()
"""The id of no account, user or chain."""
DIGEST = b"x" * 32
Attempt = Callable[[Rows, World], object]


def changing(table: str, row: Callable[[Rows, World], UUID], **changes: object) -> Attempt:
    """An attempt to change one row."""
    return lambda rows, world: rows.change(table, row(rows, world), **changes)


def copying(table: str, **changes: object) -> Attempt:
    """An attempt to have the table's first row twice."""
    return lambda rows, _world: rows.copy(table, rows.one(table), **changes)


def _noting(**place: object) -> Attempt:
    """An attempt to put an entry of the audit log somewhere in a chain of its own."""
    return lambda rows, _world: rows.copy("audit_entries", rows.one("audit_entries"), chain=NOBODY, **place)


def _twice(rows: Rows, table: str, values: Row) -> None:
    for _ in range(2):
        rows.insert(table, **values)


def _token(rows: Rows) -> Row:
    return rows.one("api_tokens")


def _succeed_a_token_twice(rows: Rows, _world: World) -> None:
    first = _token(rows)
    for digit in "01":
        rows.copy("api_tokens", first, secret_hash=digit * 64, rotated_from=first["id"])


def _bring_a_token_back(rows: Rows, _world: World) -> None:
    token_id = _token(rows)["id"]
    rows.change("api_tokens", token_id, revoked_at=clock.now())
    rows.change("api_tokens", token_id, revoked_at=None)


def _call(rows: Rows, table: str, ids: tuple[UUID, UUID], *external_ids: str) -> None:
    """Give the first row the first external id, and then the second one the last."""
    for row_id, external_id in zip(ids, (external_ids[0], external_ids[-1]), strict=True):
        rows.change(table, row_id, external_id=external_id)


def _digest_an_hour_again(rows: Rows, world: World) -> None:
    for hours in (0, 1):
        rows.change("users", world.owner.id, digested_until=clock.now() - timedelta(hours=hours))


def _session(user_id: UUID) -> Row:
    now = clock.now()
    return {
        "user_id": user_id, "secret_hash": "0" * 64, "created_at": now, "last_seen_at": now, "idle_seconds": 60,
        "expires_at": now, "address": "", "agent": "",
    }  # fmt: skip


def _revive_a_session(rows: Rows, world: World) -> None:
    rows.insert("user_sessions", **_session(world.owner.id), ended_at=clock.now())
    rows.change("user_sessions", rows.one("user_sessions", secret_hash="0" * 64)["id"], ended_at=None)


def _factor(user_id: UUID) -> Row:
    return {"user_id": user_id, "sealed_secret": "x", "last_step": 5, "created_at": clock.now()}


def _take_a_code_twice(rows: Rows, world: World) -> None:
    rows.insert("second_factors", **_factor(world.owner.id))
    rows.run("UPDATE second_factors SET last_step = 5 WHERE last_step = 5")


def _code(user_id: UUID) -> Row:
    return {"user_id": user_id, "selector": "ZZ", "code_hash": "x"}


def _use_a_recovery_code_again(rows: Rows, world: World) -> None:
    rows.insert("recovery_codes", **_code(world.owner.id), used_at=clock.now())
    rows.run("UPDATE recovery_codes SET used_at = NULL WHERE selector = 'ZZ'")


def _last_credit(rows: Rows, world: World) -> Row:
    return rows.one("credit_transactions", invoice_id=world.refunded.invoice_id, cause="reversal")


def _book_the_same_transfer_twice(rows: Rows, world: World) -> None:
    twin = rows.submit(
        world.free.id, world.waiting.id,
        payment={"normalized_reference": world.foreign.normalized_reference},
    )  # fmt: skip
    event_id = new_id()
    rows.step(twin, "succeeded", "approve", actor=world.reviewer.id, event={"id": event_id},
              payment={"booking_id": event_id})  # fmt: skip
    rows.approve(world.foreign, world.reviewer.id)


def _replay_a_gateway(rows: Rows, world: World) -> None:
    """One reference of a gateway pays two invoices."""
    for invoice in (world.free, world.free_with_credits):
        start(rows, world, invoice.id)


def _leave_the_gateways_index(rows: Rows, world: World) -> None:
    """A gateway's payment gets an empty reference as it goes on: now its own could pay another invoice."""
    payment_id = start(rows, world, world.free.id)
    rows.step(payment_id, "processing", "start", payment={"normalized_reference": ""})


def start(rows: Rows, world: World, invoice_id: UUID, **changes: object) -> UUID:
    """Begin a gateway's payment, with these changes of it; its id."""
    gateway = {"status": "pending", "normalized_reference": None, "payment_method": "card", "submitted_by": None}
    first = {"to_status": "pending", "action": "start"}
    return rows.submit(invoice_id, world.waiting.id, payment=gateway | changes, event=first)


def _write_two_histories(rows: Rows, world: World) -> None:
    """The payment points at the second of two events that both led to its version."""
    rows.step(world.waiting.id, "cancelled", "cancel")
    first = rows.one("payment_events", payment_id=world.waiting.id, version=2)
    second = new_id()
    rows.change("payments", world.waiting.id, last_event_id=second)
    rows.insert("payment_events", **first | {"id": second})


def _decide_twice(rows: Rows, world: World) -> None:
    """Approved, and rejected afterwards."""
    rows.step(
        world.booked.id, "failed", "reject", actor=world.admin.id, payment={"booking_id": None, "failure_reason": "x"}
    )


def _post_at_a_taken_place(rows: Rows, world: World) -> None:
    """The invoice was paid and given back (two postings); the next payment is posted as the second once more."""
    again = rows.submit(world.refunded.invoice_id, world.waiting.id)
    event_id, twice = new_id(), 2 * world.refunded.amount_minor
    rows.step(again, "succeeded", "approve", actor=world.reviewer.id, event={"id": event_id},
              payment={"booking_id": event_id})  # fmt: skip
    rows.change("invoices", world.refunded.invoice_id, amount_paid_minor=twice, status="paid", grant_id=new_id())
    second = rows.one("postings", invoice_id=world.refunded.invoice_id, seq=2)
    rows.insert("postings", **second | {"id": event_id, "payment_id": again, "status": "succeeded", "version": 2,
                                        "paid_after": twice})  # fmt: skip


def _post_twice(rows: Rows, world: World) -> None:
    """The booked payment succeeds once more, by the settlement of a gateway."""
    event_id, twice = new_id(), 2 * world.booked.amount_minor
    rows.step(world.booked.id, "succeeded", "settle", event={"id": event_id},
              payment={"booking_id": event_id, "decided_by": None, "decided_at": None})  # fmt: skip
    rows.change("invoices", world.booked.invoice_id, amount_paid_minor=twice, posting_seq=2)
    first = rows.one("postings", payment_id=world.booked.id)
    rows.insert("postings", **first | {"id": event_id, "seq": 2, "version": 3, "paid_after": twice})


def _grant_twice(rows: Rows, world: World) -> None:
    new = new_id()
    rows.change("invoices", world.booked.invoice_id, grant_id=new)
    grant = rows.one("credit_transactions", invoice_id=world.booked.invoice_id, cause="grant")
    last = _last_credit(rows, world)
    rows.copy("credit_transactions", grant, id=new, seq=last["seq"] + 1, balance_after=20)


def endpoint(rows: Rows, account_id: UUID | None, **changes: object) -> UUID:
    """An endpoint of webhooks; its id."""
    row: Row = {"id": new_id(), "account_id": account_id, "url": "https://a.example", "event_types": [],
                "sealed_secret": "x", "created_at": clock.now()}  # fmt: skip
    rows.insert("webhook_endpoints", **row | changes)
    return UUID(str(row["id"]))


def delivery(rows: Rows, world: World, **changes: object) -> UUID:
    """An event of Acme's on its way to an endpoint of theirs; its id."""
    event = rows.one("webhook_events", account_id=world.acme.id)
    row: Row = {
        "id": new_id(), "account_id": world.acme.id, "event_id": event["id"], "subject_id": event["subject_id"],
        "seq": event["seq"], "status": "pending", "tries": 0, "due_at": clock.now(), "attempts": [], "answer": "",
        "created_at": clock.now(),
    } | changes  # fmt: skip
    row.setdefault("endpoint_id", endpoint(rows, world.acme.id))
    rows.insert("webhook_deliveries", **row)
    return UUID(str(row["id"]))


def _revive_an_endpoint(rows: Rows, world: World) -> None:
    rows.change("webhook_endpoints", endpoint(rows, world.acme.id, ended_at=clock.now()), ended_at=None)


def _deliver_twice(rows: Rows, world: World) -> None:
    first = rows.one("webhook_deliveries", id=delivery(rows, world))
    rows.copy("webhook_deliveries", first)


def link(rows: Rows, world: World, **changes: object) -> UUID:
    """A link by which Acme's owner gets another password; its id."""
    row: Row = {
        "id": new_id(), "purpose": "password_reset", "token_hash": str(new_id()), "user_id": world.owner.id,
        "account_id": world.acme.id, "email": "a@b", "name": "", "stands_for": "", "created_at": clock.now(),
        "expires_at": clock.now(),
    } | changes  # fmt: skip
    rows.insert("mailed_links", **row)
    return UUID(str(row["id"]))


def mail(rows: Rows, world: World, **changes: object) -> UUID:
    """A mail to Acme's owner that waits; its id."""
    row: Row = {
        "id": new_id(), "account_id": world.acme.id, "kind": "invitation", "user_id": world.owner.id, "address": "a@b",
        "name": "", "locale": "en", "subject_id": NOBODY, "data": {}, "state": "pending", "tries": 0,
        "due_at": clock.now(), "error": "", "created_at": clock.now(),
    } | changes  # fmt: skip
    rows.insert("mails", **row)
    return UUID(str(row["id"]))


FORBIDDEN: dict[str, Attempt] = {
    # accounts and people
    "ck_accounts_country": changing("accounts", lambda _, w: w.acme.id, country="D"),
    "ck_accounts_currency": changing("accounts", lambda _, w: w.acme.id, currency="EU"),
    "uq_accounts_number": copying("accounts"),
    "ck_accounts_external_id": changing("accounts", lambda _, w: w.acme.id, external_id=""),
    "uq_accounts_external_id": lambda rows, w: _call(rows, "accounts", (w.acme.id, w.globex.id), "X"),
    "ck_users_role": changing("users", lambda _, w: w.owner.id, role="lord"),
    "ck_users_staff_have_no_account": changing("users", lambda _, w: w.owner.id, role="admin"),
    "uq_users_email": copying("users"),
    "ck_users_only_staff_have_digests": changing("users", lambda _, w: w.owner.id, digest_hours="8"),
    "users_digests_go_forward": _digest_an_hour_again,
    "users_keep_their_account": lambda rows, w: rows.change("users", w.owner.id, account_id=w.globex.id),
    "fk_users_account_id": lambda rows, w: rows.copy(
        "users", rows.one("users", id=w.owner.id), email="new@portal.example", account_id=new_id()
    ),
    "uq_api_tokens_secret_hash": copying("api_tokens"),
    "fk_api_tokens_user_id": lambda rows, _: rows.copy(
        "api_tokens", rows.one("api_tokens"), secret_hash="0" * 64, user_id=new_id()
    ),
    "ck_api_tokens_scopes": lambda rows, _: rows.copy(
        "api_tokens", rows.one("api_tokens"), secret_hash="0" * 64, scopes=""
    ),
    "uq_api_tokens_rotated_from": _succeed_a_token_twice,
    "api_tokens_follow_their_own_users": lambda rows, w: rows.copy(
        "api_tokens", _token(rows), secret_hash="0" * 64, user_id=w.admin.id, rotated_from=_token(rows)["id"]
    ),
    "api_tokens_keep_what_was_granted": _bring_a_token_back,
    "fk_user_sessions_user_id": lambda rows, _: rows.insert("user_sessions", **_session(NOBODY)),
    "uq_user_sessions_secret_hash": lambda rows, w: _twice(rows, "user_sessions", _session(w.owner.id)),
    "user_sessions_stay_ended": _revive_a_session,
    "fk_second_factors_user_id": lambda rows, _: rows.insert("second_factors", **_factor(NOBODY)),
    "second_factors_take_a_code_once": _take_a_code_twice,
    "fk_recovery_codes_user_id": lambda rows, _: rows.insert("recovery_codes", **_code(NOBODY)),
    "uq_recovery_codes_user_id_selector": lambda rows, w: _twice(rows, "recovery_codes", _code(w.owner.id)),
    "recovery_codes_work_once": _use_a_recovery_code_again,
    "ck_idempotency_keys_scope": lambda rows, w: rows.insert(
        "idempotency_keys", scope_id=w.acme.id, account_id=w.globex.id, route="r", key="k", fingerprint="f",
        request_id="x", created_at=clock.now(), replays=0,
    ),
    # the audit log
    "ck_audit_entries_seq": _noting(seq=0, previous_seq=-1, previous_hash=DIGEST),
    "ck_audit_entries_previous_seq": _noting(seq=1, previous_seq=7, previous_hash=None),
    "ck_audit_entries_first_follows_nothing": _noting(seq=1, previous_seq=0, previous_hash=DIGEST),
    "fk_audit_entries_chain_previous_seq_previous_hash": _noting(seq=2, previous_seq=1, previous_hash=DIGEST),
    "uq_audit_entries_chain_seq": copying("audit_entries", hash=DIGEST),
    "ck_audit_chains_empty_has_no_hash": lambda rows, _: rows.insert("audit_chains", chain=NOBODY, seq=5, hash=None),
    "fk_audit_chains_chain_seq_hash": lambda rows, _: rows.insert("audit_chains", chain=NOBODY, seq=5, hash=DIGEST),
    "audit_chains_go_on": lambda rows, _: rows.run("UPDATE audit_chains SET seq = 0, hash = NULL"),
    "audit_chains_stay": lambda rows, _: rows.run("DELETE FROM audit_chains"),
    # methods
    "ck_payment_method_configs_country": copying("payment_method_configs", country="D"),
    "ck_payment_method_configs_limits": copying(
        "payment_method_configs", method="new", limit_currency="EUR", min_minor=2, max_minor=1
    ),
    "ck_payment_method_configs_limits_have_currency": copying("payment_method_configs", method="new", min_minor=1),
    "uq_payment_method_configs_country_method": copying("payment_method_configs"),
    "ck_account_payment_methods_default_is_allowed": copying("account_payment_methods", method="x", is_allowed=False),
    "uq_account_payment_methods_account_id_method": copying("account_payment_methods", is_default=False),
    "uq_account_payment_methods_default": copying("account_payment_methods", method="other"),
    "fk_account_payment_methods_account_id": lambda rows, _: rows.copy(
        "account_payment_methods", rows.one("account_payment_methods"), account_id=new_id()
    ),
    # invoices
    "ck_invoices_amounts": changing("invoices", lambda _, w: w.draft.id, credits=-1),
    "ck_invoices_issued_has_dates": changing("invoices", lambda _, w: w.free.id, due_date=None),
    "ck_invoices_never_issued": changing("invoices", lambda _, w: w.draft.id, never_issued=True),
    "invoices_keep_whether_issued": lambda rows, w: rows.change(
        "invoices", w.free.id, status="void", never_issued=True
    ),
    "ck_invoices_nothing_paid": lambda rows, w: rows.change(
        "invoices", w.free.id, status="void", amount_paid_minor=1, posting_seq=1
    ),
    "ck_invoices_open_is_not_covered": lambda rows, w: rows.change(
        "invoices", w.free.id, amount_paid_minor=w.free.total_minor, posting_seq=1
    ),
    "ck_invoices_paid_by_postings": changing("invoices", lambda _, w: w.free.id, amount_paid_minor=1),
    "ck_invoices_paid_has_grant": lambda rows, w: rows.change("invoices", w.booked.invoice_id, grant_id=None),
    "ck_invoices_paid_is_covered": changing("invoices", lambda _, w: w.free.id, status="paid"),
    "ck_invoices_status": lambda rows, w: rows.copy(
        "invoices", rows.one("invoices", id=w.free.id), number="new", payment_reference=None, status="lost"
    ),
    "uq_invoices_number": copying("invoices", payment_reference=None),
    "uq_invoices_payment_reference": copying("invoices", number="new"),
    "ck_invoices_payment_reference": lambda rows, w: rows.copy(
        "invoices", rows.one("invoices", id=w.free.id), number="new", payment_reference="RF18"
    ),
    "invoices_keep_their_payment_reference": changing("invoices", lambda _, w: w.draft.id, payment_reference=None),
    "ck_invoices_external_id": changing("invoices", lambda _, w: w.draft.id, external_id=""),
    "uq_invoices_external_id": lambda rows, w: _call(rows, "invoices", (w.draft.id, w.free.id), "X"),
    "invoices_keep_their_external_id": lambda rows, w: _call(rows, "invoices", (w.draft.id, w.draft.id), "X", "Y"),
    "fk_invoices_account_id": lambda rows, w: rows.copy(
        "invoices", rows.one("invoices", id=w.free.id), number="new", payment_reference=None, account_id=new_id()
    ),
    "fk_invoices_amount_paid": lambda rows, w: rows.change(
        "invoices", w.booked.invoice_id, amount_paid_minor=w.booked.amount_minor + 1
    ),
    "fk_invoices_grant": lambda rows, w: rows.change("invoices", w.booked.invoice_id, grant_id=new_id()),
    "invoices_keep_what_was_issued": changing("invoices", lambda _, w: w.free.id, total_minor=1),
    "invoices_follow_their_states": lambda rows, w: rows.change("invoices", w.free.id, status="draft"),
    "invoices_count_their_postings": lambda rows, w: rows.change(
        "invoices", w.refunded.invoice_id, posting_seq=1, amount_paid_minor=w.refunded.amount_minor, status="paid",
        grant_id=rows.one("credit_transactions", invoice_id=w.refunded.invoice_id, cause="grant")["id"],
    ),
    "invoices_stay": lambda rows, w: rows.delete("invoices", w.free.id),
    "ck_invoice_lines_quantity": lambda rows, w: rows.change(
        "invoice_lines", rows.one("invoice_lines", invoice_id=w.draft.id)["id"], quantity=0
    ),
    "uq_invoice_lines_invoice_id_position": copying("invoice_lines"),
    "fk_invoice_lines_account_id_invoice_id_currency": copying("invoice_lines", position=2, currency="VND"),
    "invoice_lines_keep_what_was_issued": lambda rows, w: rows.change(
        "invoice_lines", rows.one("invoice_lines", invoice_id=w.free.id)["id"], amount_minor=1
    ),
    "invoice_lines_stay": lambda rows, w: rows.delete(
        "invoice_lines", rows.one("invoice_lines", invoice_id=w.free.id)["id"]
    ),
    "invoice_lines_come_before_the_issue": lambda rows, w: rows.copy(
        "invoice_lines", rows.one("invoice_lines", invoice_id=w.free.id), position=2
    ),
    "invoice_lines_keep_their_invoice": lambda rows, w: rows.change(
        "invoice_lines", rows.one("invoice_lines", invoice_id=w.draft.id)["id"], invoice_id=w.free.id, position=2
    ),
    "fk_invoice_lines_account_id": copying("invoice_lines", position=2, account_id=NOBODY),
    # payments
    "ck_payments_amount": lambda rows, w: rows.submit(w.free.id, w.waiting.id, payment={"amount_minor": 0}),
    "ck_payments_status": lambda rows, w: rows.step(w.waiting.id, "completed", "approve", actor=w.reviewer.id),
    "ck_payments_version": lambda rows, w: rows.submit(w.free.id, w.waiting.id, payment={"version": 0}),
    "ck_payments_booked_has_posting": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, payment={"booking_id": None}
    ),
    "ck_payments_refunded_has_posting": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, payment={"refund_id": new_id()}
    ),
    "ck_payments_failure_has_reason": lambda rows, w: rows.step(w.waiting.id, "failed", "reject", actor=w.reviewer.id),
    "ck_payments_four_eyes": lambda rows, w: rows.approve(w.other, w.reviewer.id, payment={"decided_by": w.owner.id}),
    "fk_payments_account_id_invoice_id_currency": lambda rows, w: rows.submit(
        w.free.id, w.waiting.id, payment={"account_id": w.globex.id}, event={"account_id": w.globex.id}
    ),
    "fk_payments_submitted_by": lambda rows, w: rows.submit(
        w.free.id, w.waiting.id, payment={"submitted_by": new_id()}
    ),
    "fk_payments_decided_by": lambda rows, w: rows.approve(w.other, w.reviewer.id, payment={"decided_by": new_id()}),
    "fk_payments_last_event": lambda rows, w: rows.change(
        "payments", w.waiting.id, status="cancelled", version=2, last_event_id=new_id()
    ),
    "fk_payments_booking": lambda rows, w: rows.approve(w.other, w.reviewer.id, payment={"booking_id": new_id()}),
    "fk_payments_refund": lambda rows, w: rows.step(
        w.booked.id, "refunded", "refund", actor=w.admin.id, payment={"refund_id": new_id()}
    ),
    "uq_payments_open_invoice": lambda rows, w: rows.submit(w.waiting.invoice_id, w.waiting.id),
    "uq_payments_live_reference": lambda rows, w: rows.submit(
        w.free.id, w.waiting.id, payment={"normalized_reference": w.waiting.normalized_reference}
    ),
    "uq_payments_gateway_reference": _replay_a_gateway,
    "uq_payments_booked_reference": _book_the_same_transfer_twice,
    "payments_have_a_reference_when_reported": lambda rows, w: rows.submit(
        w.free.id, w.waiting.id, payment={"normalized_reference": None}
    ),
    "payments_keep_whether_they_have_a_reference": _leave_the_gateways_index,
    "payments_say_why_a_text_comes_again": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, payment={"same_text_reason": " \t\u00a0\u3000\u200b\u2800"}
    ),
    "payments_keep_who_decided": lambda rows, w: rows.step(
        w.booked.id, "refunded", "refund", actor=w.admin.id, payment={"decided_by": w.admin.id}
    ),
    "payments_keep_when_they_were_paid": lambda rows, w: rows.step(
        w.waiting.id, "cancelled", "cancel", payment={"paid_on": clock.today()}
    ),
    "payments_keep_what_was_claimed": lambda rows, w: rows.step(
        w.waiting.id, "cancelled", "cancel", payment={"amount_minor": 1}
    ),
    "payments_change_by_events": lambda rows, w: rows.change("payments", w.booked.id, decided_by=w.admin.id),
    "payments_begin_with_their_first_event": lambda rows, w: rows.submit(
        w.free.id, w.waiting.id, payment={"version": 2}, event={"version": 2}
    ),
    "payments_stay": lambda rows, w: rows.delete("payments", w.waiting.id),
    "fk_payments_account_id": lambda rows, w: rows.submit(
        w.free.id, w.waiting.id, payment={"account_id": NOBODY}, event={"account_id": NOBODY}
    ),
    # their proofs
    "ck_payment_proofs_media_type": copying("payment_proofs", position=2, sha256="0" * 64, media_type="text/html"),
    "ck_payment_proofs_size": copying("payment_proofs", position=2, sha256="0" * 64, size=4),
    "ck_payment_proofs_position": copying("payment_proofs", position=4, sha256="0" * 64),
    "uq_payment_proofs_payment_id_position": copying("payment_proofs", sha256="0" * 64),
    "uq_payment_proofs_payment_id_sha256": copying("payment_proofs", position=2),
    "fk_payment_proofs_account_id_payment_id": lambda rows, w: rows.copy(
        "payment_proofs", rows.one("payment_proofs"), account_id=w.globex.id, position=2, sha256="0" * 64
    ),
    "fk_payment_proofs_account_id": copying("payment_proofs", account_id=NOBODY, position=2, sha256="0" * 64),
    "fk_payment_proofs_added_by": copying("payment_proofs", added_by=NOBODY, position=2, sha256="0" * 64),
    "payment_proofs_of_waiting_payments": lambda rows, w: rows.copy(
        "payment_proofs", rows.one("payment_proofs"), payment_id=w.booked.id
    ),
    "payment_proofs_come_with_content": copying("payment_proofs", position=2, sha256="0" * 64, content=None),
    "payment_proofs_keep_their_content": changing(
        "payment_proofs", lambda rows, _: rows.one("payment_proofs")["id"], content=None
    ),
    # their history
    "ck_payment_events_to_status": lambda rows, w: rows.step(
        w.waiting.id, "completed", "approve", actor=w.reviewer.id
    ),
    "fk_payment_events_account_id": lambda rows, w: rows.submit(
        w.free.id, w.waiting.id, event={"account_id": NOBODY}
    ),
    "ck_payment_events_first_comes_from_nothing": lambda rows, w: rows.submit(
        w.free.id, w.waiting.id, payment={"status": "processing", "normalized_reference": None},
        event={"from_status": "pending", "to_status": "processing", "action": "start"},
    ),
    "ck_payment_events_actor": lambda rows, w: rows.submit(w.free.id, w.waiting.id, event={"actor_id": None}),
    "fk_payment_events_account_id_payment_id": lambda rows, w: rows.submit(
        w.free.id, w.waiting.id, event={"account_id": w.globex.id}
    ),
    "fk_payment_events_actor_id": lambda rows, w: rows.submit(w.free.id, w.waiting.id, event={"actor_id": new_id()}),
    "uq_payment_events_payment_id_version": _write_two_histories,
    "uq_payment_events_decision": _decide_twice,
    "payment_events_is_the_last": lambda rows, w: rows.copy(
        "payment_events", rows.one("payment_events", payment_id=w.waiting.id), version=2,
        from_status="pending_approval", to_status="cancelled", action="cancel",
    ),
    "payment_events_by_other_eyes": lambda rows, w: rows.approve(w.other, w.stranger.id),
    "payment_events_name_who_decided": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, payment={"decided_by": None, "decided_at": None}
    ),
    "payment_events_follow_each_other": lambda rows, w: rows.step(
        w.waiting.id, "cancelled", "cancel", event={"from_status": "pending"}
    ),
    "payment_events_follow_the_states": lambda rows, w: rows.step(
        w.waiting.id, "processing", "start"
    ),
    # the ledger of money
    "ck_postings_amount": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, posting={"amount_minor": 0, "paid_after": 0}
    ),
    "ck_postings_paid_after": lambda rows, w: rows.refund(
        w.booked, w.admin.id, posting={"amount_minor": w.booked.amount_minor + 1, "paid_after": -1}
    ),
    "ck_postings_seq": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, invoice={"posting_seq": 0}, posting={"seq": 0}
    ),
    "ck_postings_status": lambda rows, w: rows.refund(w.booked, w.admin.id, posting={"status": "failed"}),
    "fk_postings_account_id_invoice_id_currency": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, posting={"currency": "VND"}
    ),
    "fk_postings_id_payment_id_status_version": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, posting={"version": 7}
    ),
    "uq_postings_invoice_id_seq": _post_at_a_taken_place,
    "uq_postings_payment_id_status": _post_twice,
    "postings_add_up": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, invoice={"amount_paid_minor": w.other.amount_minor + 1},
        posting={"paid_after": w.other.amount_minor + 1},
    ),
    "postings_is_the_last": lambda rows, w: rows.approve(
        w.other, w.reviewer.id,
        invoice={"status": "open", "amount_paid_minor": 0, "posting_seq": None, "grant_id": None},
    ),
    "fk_postings_account_id": lambda rows, w: rows.approve(w.other, w.reviewer.id, posting={"account_id": NOBODY}),
    # the ledger of credits
    "fk_credit_transactions_account_id": lambda rows, w: rows.approve(
        w.foreign, w.reviewer.id, credit={"account_id": NOBODY}
    ),
    "ck_credit_transactions_cause": lambda rows, w: rows.refund(w.booked, w.admin.id, credit={"cause": "gift"}),
    "ck_credit_transactions_first_balance": lambda rows, w: rows.approve(
        w.foreign, w.reviewer.id, credit={"balance_after": 800}
    ),
    "ck_credit_transactions_seq": lambda rows, w: rows.approve(w.foreign, w.reviewer.id, credit={"seq": 0}),
    "ck_credit_transactions_sign": lambda rows, w: rows.copy(
        "credit_transactions", _last_credit(rows, w), amount=0, cause="reversal", payment_id=w.other.id,
        invoice_id=w.other.invoice_id, seq=_last_credit(rows, w)["seq"] + 1,
    ),
    "fk_credit_transactions_account_id_payment_id_invoice_id": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, credit={"invoice_id": w.free_with_credits.id}
    ),
    "uq_credit_transactions_account_id_seq": lambda rows, w: rows.approve(
        w.other, w.reviewer.id, credit={"seq": 1, "balance_after": 7}
    ),
    "uq_credit_transactions_payment_id_cause": _grant_twice,
    "credit_transactions_add_up": lambda rows, w: rows.approve(w.other, w.reviewer.id, credit={"balance_after": 1000}),
    "credit_transactions_of_a_paid_invoice": lambda rows, w: rows.copy(
        "credit_transactions", _last_credit(rows, w), amount=5, cause="grant", payment_id=w.other.id,
        invoice_id=w.other.invoice_id, seq=_last_credit(rows, w)["seq"] + 1,
        balance_after=_last_credit(rows, w)["balance_after"] + 5,
    ),
    "credit_transactions_take_back_the_grant": lambda rows, w: rows.copy(
        "credit_transactions", _last_credit(rows, w), amount=-10, cause="reversal", payment_id=w.booked.id,
        invoice_id=w.booked.invoice_id, seq=_last_credit(rows, w)["seq"] + 1,
        balance_after=_last_credit(rows, w)["balance_after"] - 10,
    ),
    # mails
    "ck_mailed_links_purpose": lambda rows, w: link(rows, w, purpose="spam"),
    "ck_mailed_links_only_invitations_have_a_role": lambda rows, w: link(rows, w, role="owner"),
    "uq_mailed_links_token_hash": lambda rows, w: [link(rows, w, token_hash="same") for _ in range(2)],
    "fk_mailed_links_user_id": lambda rows, w: link(rows, w, user_id=NOBODY),
    "fk_mailed_links_invited_by": lambda rows, w: link(rows, w, invited_by=NOBODY),
    "fk_mailed_links_account_id": lambda rows, w: link(rows, w, account_id=NOBODY),
    "mailed_links_stay_ended": lambda rows, w: rows.change(
        "mailed_links", link(rows, w, ended_at=clock.now()), ended_at=None
    ),
    "mailed_links_keep_their_inviter": lambda rows, w: rows.change(
        "mailed_links", link(rows, w), invited_by=w.owner.id
    ),
    "mailed_links_keep_what_they_open": lambda rows, w: rows.change("mailed_links", link(rows, w), email="c@d"),
    "ck_mails_state": lambda rows, w: mail(rows, w, state="lost"),
    "ck_mails_lease": lambda rows, w: mail(rows, w, lease=new_id()),
    "ck_mails_only_pending_is_leased": lambda rows, w: mail(
        rows, w, state="failed", lease=new_id(), leased_until=clock.now()
    ),
    "ck_mails_only_pending_has_a_secret": lambda rows, w: mail(rows, w, state="failed", sealed="x"),
    "ck_mails_sent_at": lambda rows, w: mail(rows, w, state="sent"),
    "fk_mails_account_id": lambda rows, w: mail(rows, w, account_id=NOBODY),
    "fk_mails_user_id": lambda rows, w: mail(rows, w, user_id=NOBODY),
    "mails_keep_what_they_are": lambda rows, w: rows.change("mails", mail(rows, w), address="c@d"),
    "mails_stay_done": lambda rows, w: rows.change("mails", mail(rows, w, state="failed"), state="pending"),
    # webhooks
    "ck_webhook_endpoints_previous_ends": lambda rows, w: endpoint(rows, w.acme.id, sealed_previous="x"),
    "ck_webhook_endpoints_disabled_has_reason": lambda rows, w: endpoint(rows, w.acme.id, disabled_at=clock.now()),
    "fk_webhook_endpoints_account_id": lambda rows, _: endpoint(rows, NOBODY),
    "webhook_endpoints_stay_ended": _revive_an_endpoint,
    "webhook_endpoints_keep_their_account": lambda rows, w: rows.change(
        "webhook_endpoints", endpoint(rows, w.acme.id), account_id=None
    ),
    "ck_webhook_events_type": copying("webhook_events", seq=99, type="payment.lost"),
    "ck_webhook_events_seq": copying("webhook_events", seq=0),
    "uq_webhook_events_subject_id_seq": copying("webhook_events"),
    "fk_webhook_events_account_id": copying("webhook_events", seq=99, account_id=NOBODY),
    "webhook_events_stay_as_they_are": lambda rows, _: rows.change(
        "webhook_events", rows.one("webhook_events")["id"], body="{}"
    ),
    "ck_webhook_deliveries_status": lambda rows, w: delivery(rows, w, status="lost"),
    "ck_webhook_deliveries_lease": lambda rows, w: delivery(rows, w, lease=new_id()),
    "ck_webhook_deliveries_only_pending_is_leased": lambda rows, w: delivery(
        rows, w, status="delivered", lease=new_id(), leased_until=clock.now()
    ),
    "fk_webhook_deliveries_endpoint_id": lambda rows, w: delivery(rows, w, account_id=None, endpoint_id=NOBODY),
    "fk_webhook_deliveries_event_id": lambda rows, w: delivery(
        rows, w, account_id=None, endpoint_id=endpoint(rows, None), event_id=NOBODY
    ),
    "fk_webhook_deliveries_endpoint_id_account_id": lambda rows, w: delivery(
        rows, w, account_id=w.globex.id, event_id=rows.one("webhook_events", account_id=w.globex.id)["id"]
    ),
    "fk_webhook_deliveries_event_id_account_id": lambda rows, w: delivery(
        rows, w, event_id=rows.one("webhook_events", account_id=w.globex.id)["id"]
    ),
    "uq_webhook_deliveries_event_id_endpoint_id": _deliver_twice,
    "webhook_deliveries_keep_what_they_are": lambda rows, w: rows.change(
        "webhook_deliveries", delivery(rows, w), seq=99
    ),
}  # fmt: skip

BEHIND: dict[str, tuple[str, ...]] = {
    "ck_payments_version": ("payments_begin_with_their_first_event",),
    "ck_payment_events_to_status": ("payment_events_follow_the_states", "ck_payments_status"),
    "uq_payment_events_payment_id_version": ("payments_change_by_events",),
    "uq_payment_events_decision": ("payment_events_follow_the_states",),
    "uq_postings_payment_id_status": ("payment_events_follow_the_states",),
    "fk_invoice_lines_account_id": ("fk_invoice_lines_account_id_invoice_id_currency",),
    "fk_payments_account_id": ("fk_payments_account_id_invoice_id_currency", "fk_payment_events_account_id"),
    "fk_payment_proofs_account_id": ("fk_payment_proofs_account_id_payment_id",),
    "fk_payment_events_account_id": ("fk_payment_events_account_id_payment_id",),
    "fk_postings_account_id_invoice_id_currency": ("fk_payments_booking",),
    "fk_postings_account_id": ("fk_postings_account_id_invoice_id_currency", "fk_payments_booking"),
    "fk_credit_transactions_account_id_payment_id_invoice_id": ("fk_invoices_grant",),
    "fk_credit_transactions_account_id": (
        "fk_credit_transactions_account_id_payment_id_invoice_id",
        "fk_invoices_grant",
    ),
}
