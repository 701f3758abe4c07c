"""``torch.mps``: Apple's GPUs, which are not supported."""

from __future__ import annotations


def is_available() -> bool:
    """Return False: there is no device "mps"."""
    return False


def device_count() -> int:
    """Return 0: there is no device "mps"."""
    return 0
