"""Proofs of payment: files that a customer shows to staff beside a report."""
