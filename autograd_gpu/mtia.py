"""``torch.mtia``: Meta's accelerators, which are not supported."""

from __future__ import annotations


def is_available() -> bool:
    """Return False: there is no device "mtia"."""
    return False


def device_count() -> int:
    """Return 0: there is no device "mtia"."""
    return 0
