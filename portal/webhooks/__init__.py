"""Webhooks out: what happens is told to the addresses that an account, or staff, named for it."""
