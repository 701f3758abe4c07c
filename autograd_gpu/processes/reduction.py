"""How the values of several processes become one, and what of them an engine is given: dtypes that it adds exactly.

Half types are widened to float32, so that a sum is rounded once. The largest and the smallest of floats are found among
whole numbers in the same order with NaN beyond all others: an engine's own comparison leaves NaN to chance, and on
MPICH every rank then gets another answer.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..dtypes import DType


class ReduceOp(enum.Enum):
    """How values of several processes become one."""

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR, PREMUL_SUM = range(9)


# What is meant for bool, which an engine is given as uint8 of 0 and 1.
_OF_BOOL = {
    ReduceOp.SUM: ReduceOp.MAX, ReduceOp.PRODUCT: ReduceOp.MIN, ReduceOp.BAND: ReduceOp.MIN, ReduceOp.BOR: ReduceOp.MAX,
}  # fmt: skip
BITWISE = (ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR)


def check_op(who: str, op: Any, dtype: DType) -> ReduceOp:
    """Return the ReduceOp; an error where there is none such, or none for the dtype."""
    if not isinstance(op, ReduceOp):
        raise TypeError(f"{who}: expected op to be a ReduceOp such as ReduceOp.SUM, but got {op!r}")
    if op is ReduceOp.PREMUL_SUM:
        raise NotImplementedError(f"{who}: ReduceOp.PREMUL_SUM is not supported; multiply before, then use SUM")
    if op in BITWISE and dtype.is_floating_point:
        raise ValueError(f"{who}: Cannot use {op} with {dtype}: bits are combined of integers and bool only")
    if op is ReduceOp.AVG and not dtype.is_floating_point:
        raise ValueError(f"{who}: Cannot use {op} with {dtype}; use SUM and divide, or a floating dtype")
    return op


def widened(dtype: DType) -> DType:
    """Return the dtype in which a dtype's values are added: float32 for half types."""
    return dtypes.float32 if dtype in (dtypes.float16, dtypes.bfloat16) else dtype


def plain_op(op: ReduceOp, dtype: DType) -> ReduceOp:
    """Return what an engine does for an op: a mean is a sum, divided once it is whole; bool is uint8 of 0 and 1."""
    return _OF_BOOL.get(op, op) if dtype is dtypes.bool else ReduceOp.SUM if op is ReduceOp.AVG else op


def for_host(array: np.ndarray, op: ReduceOp) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Return an array as an engine on the host reduces it, and what makes the result of what the engine gives.

    The array is of no half type. Where nothing has to change it is the very array.
    """
    if array.dtype == np.bool_:
        return array.view(np.uint8), lambda found: found.view(np.bool_)
    if array.dtype.kind == "f" and op in (ReduceOp.MAX, ReduceOp.MIN):
        return _ordered(array, op is ReduceOp.MAX), lambda found: _unordered(found, array.dtype)
    return array, lambda found: found


def _ordered(array: np.ndarray, nan_last: bool) -> np.ndarray:
    """Whole numbers in the order of the floats: the bits, turned round below zero; NaN beyond all others."""
    limits = np.iinfo(f"i{array.dtype.itemsize}")
    bits = array.view(limits.dtype)
    return np.where(
        np.isnan(array), limits.max if nan_last else limits.min, np.where(bits < 0, bits ^ limits.max, bits)
    )


def _unordered(order: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The floats again. What stood for NaN has the bits of one."""
    return np.where(order < 0, order ^ np.iinfo(order.dtype).max, order).view(dtype)
