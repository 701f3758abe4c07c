"""Integers that must lie between bounds. What is wrong is refused at once."""

from __future__ import annotations

import numpy as np

__all__ = ["checked_index", "refuse_zeros"]


def checked_index(index, low, high, ignored, refuse):
    """Return index counted from the front. What lies outside [low, high) and is not `ignored`: raise refuse(number)."""
    counted = index if ignored is None else index[index != ignored]
    if not counted.size:
        return index
    least, greatest = int(counted.min()), int(counted.max())
    if least < low or greatest >= high:
        raise refuse(least if least < low else greatest)
    if least >= 0:
        return index
    is_from_the_end = index < 0 if ignored is None else (index < 0) & (index != ignored)
    return np.where(is_from_the_end, index + high, index)


def refuse_zeros(x, refuse):
    """Raise refuse(0) when an element is 0."""
    if not x.all():
        raise refuse(0)
