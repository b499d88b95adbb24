"""The append-only ledger of credits."""
