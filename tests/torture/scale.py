import os


def scaled(full: int) -> int:
    """The issue's figure times the factor in TORTURE (1.0 if unset), at least 1."""
    return max(1, round(full * float(os.environ.get("TORTURE", "1"))))
