"""What the routes read and write, field by field: one file a noun."""
