"""Accounts with their invoices, taken from a file: all or nothing."""
