"""Python numbers as kernels compute with them. Knows dtypes and ranges."""

from __future__ import annotations

import math

import numpy as np

BOOL = np.dtype(bool)
FLOAT64 = np.dtype(np.float64)
FLOAT32_MAX = float(np.finfo(np.float32).max)

Scalar = bool | int | float


def scalar_for(value: Scalar, dtype: np.dtype, name: str) -> Scalar:
    """`value` as a kernel of `dtype` computes with it: half types in float, integers within their range."""
    if dtype == BOOL:
        return int(bool(value))
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not limits.min <= value <= limits.max:
            raise OverflowError(f"{name}: {value} does not fit into {dtype}")
        return int(value)
    value = float(value)
    if dtype != FLOAT64 and math.fabs(value) > FLOAT32_MAX:
        return math.copysign(math.inf, value)  # struct refuses to
    return value


def compared(value: Scalar, dtype: np.dtype, name: str) -> Scalar:
    """As scalar_for, but any number can be compared with: half types compare after rounding it to themselves, and
    integers with the nearest number they are computed in."""
    if dtype.kind in "iub":
        limits = np.iinfo(np.int64 if dtype.itemsize == 8 else np.int32)
        return int(min(max(value, int(limits.min)), int(limits.max)))
    value = scalar_for(value, dtype, name)
    return value if dtype.itemsize > 2 else float(np.asarray(value, np.float32).astype(dtype))
