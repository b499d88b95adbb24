"""Verification: every balance, amount paid and status once more, from ledgers and events, and what the
audit log tells of methods, users, accounts and invoices."""
