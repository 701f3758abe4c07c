"""Conversion between dtypes on the CPU."""

import numpy as np

__all__ = ["cast"]


def cast(x, dtype):
    with np.errstate(invalid="ignore", over="ignore"):
        return x.astype(dtype, order="C")
