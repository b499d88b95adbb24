"""Payments: claims of money towards an invoice, and what was decided on them."""
