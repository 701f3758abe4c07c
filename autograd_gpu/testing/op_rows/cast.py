"""Rows of the op table: the same tensor in another dtype or on another device, and new tensors like it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op_case import ALL, Draw, OpCase, call, numpy_dtype, shaped


def _likes(name: str, value: float, *given: float) -> OpCase:
    """A tensor of the first one's shape and dtype, its values aside."""

    def samples(t: Draw) -> list[Any]:
        return [call(t(3, 4), *given), call(t(), *given)]

    def filled(x: np.ndarray, *_: float) -> np.ndarray:
        return np.full_like(x, value)

    return OpCase(name, filled, samples, lambda t: [call(t(0, 3), *given)], order=0, dtypes=ALL)


CASTS = [
    *(
        shaped(
            f"Tensor.{method}",
            lambda x, dtype=dtype: x.astype(numpy_dtype(dtype)),
            lambda t: call(t.apart(3, 4)),
            lambda t: call(t.apart()),
            lambda t: call(t(0, 3)),
            dtypes=ALL,
            result=dtype,
            # Steps that every dtype can take exactly; the second difference of a cast to fewer bits is noise.
            eps=0.5,
            order={"float64": 2, "float32": 1, "float16": 1, "bfloat16": 1}.get(dtype, 0),
        )
        for method, dtype in (
            ("double", "float64"),
            ("float", "float32"),
            ("half", "float16"),
            ("bfloat16", "bfloat16"),
            ("long", "int64"),
            ("int", "int32"),
            ("bool", "bool"),
        )
    ),
    _likes("zeros_like", 0),
    _likes("ones_like", 1),
    _likes("full_like", 3, 3),
]


MOVES = [OpCase("Tensor.cpu", np.copy, lambda t: [call(t(3, 4))], lambda t: [call(t(0, 3)), call(t())], dtypes=ALL)]
