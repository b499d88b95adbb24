"""The portal in a real browser, served as in production."""
