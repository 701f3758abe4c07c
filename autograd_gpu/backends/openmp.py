"""OpenMP, which is not used: NumPy's products have threads of their own."""

from __future__ import annotations


def is_available() -> bool:
    """Return False."""
    return False
