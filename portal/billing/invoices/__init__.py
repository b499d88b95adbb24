"""Invoices: what an account owes."""
