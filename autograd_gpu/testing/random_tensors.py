"""``torch.testing.make_tensor``: a tensor of random values within bounds, of any dtype."""

from __future__ import annotations

import math
from typing import Any

import autograd_gpu as ag
from autograd_gpu import Tensor

_DEFAULTS = {"uint8": (0, 10), "bool": (0, 2)}  # others: (-9, 10) of integers, (-9, 9) of floating point


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Return values drawn uniformly from [low, high): by default -9 to 9, of integers to 10 and of uint8 from 0.

    ``noncontiguous`` puts gaps between the elements; ``exclude_zero`` has 1 or the least positive number for 0.
    """
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    if noncontiguous and memory_format is not None:
        raise ValueError(
            f"The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got {noncontiguous} and "
            f"{memory_format}"
        )
    is_float = dtype.is_floating_point
    if requires_grad and not is_float:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, but got dtype={dtype}"
        )
    default = _DEFAULTS.get(str(dtype).rpartition(".")[2], (-9, 9 if is_float else 10))
    low, high = default[0] if low is None else low, default[1] if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low} and {high}")
    if low > high or (low == high and not is_float):
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    size = (*shape[:-1], shape[-1] * 2) if noncontiguous and shape else shape
    if is_float:
        wide = ag.float64 if dtype is ag.float64 else ag.float32
        drawn = (ag.rand(size, dtype=wide, device=device) * (high - low) + low).to(dtype)
    else:
        drawn = ag.randint(math.ceil(low), math.ceil(high), size, dtype=ag.int64, device=device).to(dtype)
    result = drawn[..., ::2] if noncontiguous and shape else drawn
    if exclude_zero:
        result[result == 0] = ag.finfo(dtype).tiny if is_float else 1
    return result.requires_grad_(requires_grad)
