"""``torch.sparse``: products and sums of sparse tensors, and the older constructors. Names, nothing else.

What is not here has a dense form: ``x.to_dense()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import dtypes as _dtypes
from .ops.sparse.coo import SparseTensor as _SparseTensor
from .ops.sparse.coo import sparse_coo_tensor as _sparse_coo_tensor
from .ops.sparse.products import addmm, mm, sum

__all__ = ["DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor", "addmm", "mm", "sum"]


def _legacy(name: str, dtype: Any) -> Any:
    def make(indices: Any, values: Any, size: Sequence[int] | None = None) -> _SparseTensor:
        return _sparse_coo_tensor(indices, values, size, dtype=dtype)

    make.__name__, make.__qualname__ = name, name
    make.__doc__ = f"Return `sparse_coo_tensor` of the indices, values and size in {dtype}."
    return make


FloatTensor, DoubleTensor, HalfTensor = map(
    _legacy, ("FloatTensor", "DoubleTensor", "HalfTensor"), (_dtypes.float32, _dtypes.float64, _dtypes.float16)
)
IntTensor, LongTensor = map(_legacy, ("IntTensor", "LongTensor"), (_dtypes.int32, _dtypes.int64))
