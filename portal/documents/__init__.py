"""Invoices and receipts on paper: what stands on them, and how it is set as PDF. They know no request."""
