"""Apple's GPUs, which are not supported."""

from __future__ import annotations


def is_available() -> bool:
    """Return False: there is no device "mps"."""
    return False


def is_built() -> bool:
    """Return False: there is no device "mps"."""
    return False
