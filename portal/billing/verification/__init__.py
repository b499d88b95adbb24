"""Verification: every balance, amount paid and status once more, from the ledgers and the events."""
