"""Who may use which route: the promise, written down beside the code that keeps it. A route that is not here fails."""

OWNER, MEMBER, VIEWER, STRANGER = "owner", "member", "viewer", "stranger"
REVIEWER, ADMIN = "reviewer", "admin"

PAYERS = frozenset({OWNER, MEMBER, STRANGER})
CUSTOMERS = PAYERS | {VIEWER}
ADMINS = frozenset({ADMIN})
STAFF = ADMINS | {REVIEWER}
SIGNED_IN = CUSTOMERS | STAFF
EVERYBODY = SIGNED_IN | {"nobody"}

PAGES: dict[tuple[str, str], frozenset[str]] = {
    ("static", "GET"): EVERYBODY,
    ("web.sign_in", "GET"): EVERYBODY,
    ("web.start_session", "POST"): EVERYBODY,
    ("web.sign_out", "POST"): SIGNED_IN,
    ("web.overview", "GET"): SIGNED_IN,
    ("web.profile", "GET"): SIGNED_IN,
    ("web.change_password", "POST"): SIGNED_IN,
    ("web.create_token", "POST"): SIGNED_IN,
    ("web.end_token", "POST"): SIGNED_IN,
    ("web.invoice_list", "GET"): CUSTOMERS,
    ("web.invoice", "GET"): CUSTOMERS,
    ("web.payment_list", "GET"): CUSTOMERS,
    ("web.payment", "GET"): CUSTOMERS,
    ("web.payment_form", "GET"): PAYERS,
    ("web.report", "POST"): PAYERS,
    ("web.withdraw", "POST"): PAYERS,
    ("admin.index", "GET"): STAFF,
    ("admin.approval_queue", "GET"): STAFF,
    ("admin.payment_list", "GET"): STAFF,
    ("admin.payment", "GET"): STAFF,
    ("admin.approve_payment", "POST"): STAFF,
    ("admin.reject_payment", "POST"): STAFF,
    ("admin.cancel_payment", "POST"): STAFF,
    ("admin.refund_payment", "POST"): ADMINS,
    ("admin.account_list", "GET"): STAFF,
    ("admin.account", "GET"): STAFF,
    ("admin.account_new", "GET"): ADMINS,
    ("admin.account_new", "POST"): ADMINS,
    ("admin.account_edit", "GET"): ADMINS,
    ("admin.account_edit", "POST"): ADMINS,
    ("admin.account_method", "POST"): ADMINS,
    ("admin.user_list", "GET"): ADMINS,
    ("admin.user", "GET"): ADMINS,
    ("admin.user_new", "GET"): ADMINS,
    ("admin.user_new", "POST"): ADMINS,
    ("admin.user_activation", "POST"): ADMINS,
    ("admin.user_deactivation", "POST"): ADMINS,
    ("admin.user_password", "POST"): ADMINS,
    ("admin.user_role", "POST"): ADMINS,
    ("admin.invoice_list", "GET"): STAFF,
    ("admin.invoice", "GET"): STAFF,
    ("admin.invoice_new", "GET"): ADMINS,
    ("admin.invoice_new", "POST"): ADMINS,
    ("admin.invoice_issue", "POST"): ADMINS,
    ("admin.invoice_voiding", "POST"): ADMINS,
    ("admin.method_list", "GET"): STAFF,
    ("admin.method", "GET"): ADMINS,
    ("admin.method", "POST"): ADMINS,
    ("admin.method_new", "GET"): ADMINS,
    ("admin.method_new", "POST"): ADMINS,
    ("admin.method_activation", "POST"): ADMINS,
    ("admin.method_deactivation", "POST"): ADMINS,
    ("admin.audit_log", "GET"): ADMINS,
}
API: dict[tuple[str, str], frozenset[str]] = {
    ("api.payment_list", "GET"): CUSTOMERS | STAFF,
    ("api.payment", "GET"): CUSTOMERS | STAFF,
    ("api.report", "POST"): PAYERS,
    ("api.cancel", "POST"): PAYERS | STAFF,
    ("api.approve", "POST"): STAFF,
    ("api.reject", "POST"): STAFF,
    ("api.refund", "POST"): ADMINS,
    ("api.available_methods", "GET"): CUSTOMERS,
    ("api.invoice_list", "GET"): CUSTOMERS | STAFF,
    ("api.invoice", "GET"): CUSTOMERS | STAFF,
    ("api.account", "GET"): CUSTOMERS,
    ("api.credit_transactions", "GET"): CUSTOMERS,
}
LET_IN = PAGES | API
