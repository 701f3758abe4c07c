"""How exactly float32 matrix products are computed. Keeps the setting; the backends look at it."""

from __future__ import annotations

import warnings

_NAMES = ("highest", "high", "medium")
_precision = "highest"


def set_float32_matmul_precision(precision: str) -> None:
    """Let float32 matrix products on a GPU round their operands to tf32 ("high", "medium"), or not ("highest").

    tf32 has float32's range and 10 bits of mantissa (relative error 2**-11 an operand); sums stay float32. The CPU
    computes in float32 whatever is set.
    """
    global _precision
    if not isinstance(precision, str):
        raise RuntimeError(f"set_float32_matmul_precision expects a str, but got {type(precision).__name__}")
    if precision not in _NAMES:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current setFloat32MatmulPrecision call has "
            "no effect.",
            stacklevel=2,
        )
        return
    _precision = precision


def get_float32_matmul_precision() -> str:
    """Return "highest" (the default), "high" or "medium"."""
    return _precision


def allows_tf32() -> bool:
    """Whether float32 operands of a product may be rounded to tf32."""
    return _precision != "highest"
