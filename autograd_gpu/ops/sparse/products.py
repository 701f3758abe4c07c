"""Sparse matrices times dense ones, and sums of sparse tensors.

A row of a product is a bag of the dense matrix's rows, weighted by the sparse row's values: `nn.bag` has the kernels
and the gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...dtypes import DType
from ...tensor import Tensor
from ..cast import cast
from ..nn.bag import BagSum
from ..shape import reshape, unsqueeze
from .base import Sparse
from .coo import SparseTensor, made, of_dense
from .csr import SparseCsrTensor, rows_compressed


def mm(sparse: Tensor, mat2: Tensor) -> Tensor:
    """Return the matrix product (M, N) of (M, K) and (K, N), one or both of them sparse, in floating point dtypes.

    Dense, or sparse where both are. Its gradient reaches the values of the sparse one, and the dense one. RuntimeError
    for sizes and dtypes that do not go together.
    """
    if sparse.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError(f"mm: expected matrices, but got {sparse.ndim}D and {mat2.ndim}D tensors")
    if sparse.shape[1] != mat2.shape[0]:
        raise RuntimeError(f"addmm: Argument #3 (dense): Expected dim 0 size {sparse.shape[1]}, got {mat2.shape[0]}")
    if sparse.dtype is not mat2.dtype:
        raise RuntimeError(f"mm: expected both of one dtype, but found {sparse.dtype} and {mat2.dtype}")
    if not isinstance(sparse, Sparse):  # dense @ sparse
        return mm(_coordinates(mat2).t(), sparse.t()).t()
    if isinstance(mat2, Sparse):
        return of_dense(_times_dense(sparse, mat2.to_dense()))
    return _times_dense(sparse, mat2)


def _times_dense(sparse: Sparse, dense: Tensor) -> Tensor:
    if not dense.is_floating_point():
        raise NotImplementedError(f"mm: sparse products are there for floating point dtypes, not {dense.dtype}")
    rows = sparse if isinstance(sparse, SparseCsrTensor) else rows_compressed(_coordinates(sparse))
    return BagSum.apply(dense, rows._column, rows._value, rows._crow)


def _coordinates(x: Any) -> SparseTensor:
    return x.to_sparse_coo() if isinstance(x, SparseCsrTensor) else x


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Return the product of a sparse and a dense matrix, or of a sparse matrix and a dense vector."""
    if a.ndim == 2 and b.ndim == 1:
        return reshape(mm(a, unsqueeze(b, 1)), (a.shape[0],))
    if a.ndim == 1 and b.ndim == 2:
        return reshape(mm(unsqueeze(a, 0), b), (b.shape[1],))
    return mm(a, b)


def addmm(mat: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    """Return beta * mat + alpha * (mat1 @ mat2), mat1 sparse, the others dense."""
    product = mm(mat1, mat2)
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else (mat if beta == 1 else mat * beta) + product


def sum(input: SparseTensor, dim: int | Sequence[int] | None = None, dtype: DType | None = None) -> Tensor:
    """Return the sum over all elements, or over `dim`; sparse as long as a dimension that indices name is left."""
    values = input._value if dtype is None else cast(input._value, dtype)
    if dim is None:
        return values.sum()
    dims = {dim} if isinstance(dim, int) else set(dim)
    dims = {d % input.ndim for d in dims}
    sparse = input.sparse_dim()
    if within := [d - sparse + 1 for d in sorted(dims) if d >= sparse]:
        values = values.sum(within)
    kept = [d for d in range(sparse) if d not in dims]
    if not kept:
        return values.sum(0)
    size = [size for d, size in enumerate(input.shape) if d not in dims]
    is_same = len(kept) == sparse
    index = input._index if is_same else input._index[kept]
    found = made(index, values, size, input._is_coalesced and is_same)
    return found if is_same else found.coalesce()


def _from_the_left(sparse: Tensor, dense: Tensor) -> Tensor:
    return matmul(dense, sparse)


_METHODS = {"mm": matmul, "mv": matmul, "matmul": matmul, "__matmul__": matmul, "__rmatmul__": _from_the_left}
_HUNG: list[tuple[type, str, Any]] = [
    *((kind, name, method) for kind in (SparseTensor, SparseCsrTensor) for name, method in _METHODS.items()),
    (SparseTensor, "sum", sum),
    (SparseTensor, "to_sparse_csr", rows_compressed),
]
for _kind, _name, _method in _HUNG:
    setattr(_kind, _name, _method)
