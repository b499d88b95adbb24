"""E-mails: an outbox that is written in the unit of the change, letters, and their way to an SMTP server."""
