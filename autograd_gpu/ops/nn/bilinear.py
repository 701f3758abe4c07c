"""The layer that is linear in each of two inputs."""

from __future__ import annotations

import math

from ...tensor import Tensor
from ..cast import rounded_once, same_dtype
from ..matmul import matmul
from ..reduce import sum
from ..shape import permute, reshape, unsqueeze


@rounded_once
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return y_o = x1^T W_o x2 + b_o: (..., out) for input1 (..., in1), input2 (..., in2), weight (out, in1, in2)."""
    if weight.ndim != 3:
        raise RuntimeError(f"bilinear(): weight must be (out, in1, in2), but got {list(weight.shape)}")
    same_dtype("bilinear", input1, input2=input2, weight=weight, bias=bias)
    _check(input1, input2, weight, bias)
    outputs, in1, in2 = weight._array.shape
    batch = input1._array.shape[:-1]
    count = math.prod(batch)
    x1, x2 = reshape(input1, (count, in1)), reshape(input2, (count, in2))
    # One product with the weight as a matrix; what is left is linear in x2, row by row.
    half = matmul(x1, reshape(permute(weight, 1, 0, 2), (in1, outputs * in2)))  # x1^T W_o for every o
    y = sum(reshape(half, (count, outputs, in2)) * unsqueeze(x2, 1), 2, dtype=half.dtype)
    y = y if bias is None else y + bias
    return reshape(y, (*batch, outputs))


def _check(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if x1.ndim != x2.ndim:
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {x1.ndim} and {x2.ndim}")
    for d, (n1, n2) in enumerate(zip(x1._array.shape[:-1], x2._array.shape[:-1])):
        if n1 != n2:
            raise RuntimeError(f"bilinear(): input batch dimensions do not match at dim {d}: got {n1} and {n2}")
    for name, x, size in (("input1", x1, weight._array.shape[1]), ("input2", x2, weight._array.shape[2])):
        if x._array.shape[-1] != size:
            raise RuntimeError(
                f"bilinear(): {name} size does not match weight size: got {x._array.shape[-1]} but expected {size}"
            )
    if bias is not None and bias._array.shape[0] != weight._array.shape[0]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias._array.shape[0]} but expected "
            f"{weight._array.shape[0]}"
        )
