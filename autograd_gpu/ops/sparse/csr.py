"""Sparse matrices with compressed rows (CSR): where each row's entries start, their columns, and their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import dtypes
from ...device import resolve
from ...dtypes import DType
from ...layouts import Layout, sparse_csr
from ...tensor import Tensor
from ..cast import cast, is_scalar, to_device
from ..creation import arange, as_tensor
from ..pieces import cat
from ..public import public
from ..repetition import repeat_interleave
from ..searchsorted import searchsorted
from ..shape import reshape
from .base import Sparse, history, shown
from .coo import SparseTensor, made


class SparseCsrTensor(Sparse):
    """A matrix by rows: the entries of row r are those from crow[r] up to crow[r + 1]. For products; see
    `sparse_csr_tensor`."""

    layout: Layout = sparse_csr
    _crow: Tensor  # (rows + 1,), int64
    _column: Tensor  # (entries,), int64

    @property
    def is_sparse_csr(self) -> bool:
        return True

    def crow_indices(self) -> Tensor:
        """Return where each row's entries start, and where the last row's end."""
        return self._crow

    def col_indices(self) -> Tensor:
        """Return the column of each entry."""
        return self._column

    def values(self) -> Tensor:
        """Return the values, in the graph."""
        return self._value

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        rows = [shown("crow_indices", self._crow), shown("col_indices", self._column)]
        rows.append(f"{shown('values', self._value)}, size={self._size}, nnz={self._nnz()}")
        return "tensor(" + ",\n       ".join([*rows, f"layout={self.layout}{history(self)})"])

    def _with(self, values: Tensor) -> SparseCsrTensor:
        return _made(self._crow, self._column, values, self._size)

    def clone(self, *, memory_format: Any = None) -> SparseCsrTensor:
        """Return a copy, in the graph."""
        return _made(self._crow.clone(), self._column.clone(), self._value.clone(), self._size)

    def to(self, *args: Any, **kwargs: Any) -> SparseCsrTensor:
        """Return the tensor with values in another dtype or on another device, as `Tensor.to`."""
        values = self._value.to(*args, **kwargs)
        if values is self._value:
            return self
        return _made(to_device(self._crow, values.device), to_device(self._column, values.device), values, self._size)

    def to_sparse_coo(self) -> SparseTensor:
        """Return the matrix by coordinates, in the graph."""
        counts = self._crow[1:] - self._crow[:-1]
        row = repeat_interleave(arange(self._size[0], device=self.device), counts)
        return made(cat([reshape(x, (1, -1)) for x in (row, self._column)], 0), self._value, self._size, False)

    def to_sparse(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return the matrix by coordinates; or in the layout that is asked for."""
        return self if kwargs.get("layout") is sparse_csr else self.to_sparse_coo().coalesce()

    def to_sparse_csr(self, dense_dim: int | None = None) -> SparseCsrTensor:
        return self

    def to_dense(self, dtype: DType | None = None, *, masked_grad: bool | None = None) -> Tensor:
        """Return the dense matrix, in the graph."""
        return self.to_sparse_coo().to_dense(dtype)

    def mul(self, other: Any) -> SparseCsrTensor:
        """Return the product with a number or a tensor of no dimensions."""
        if not is_scalar(other) and other.ndim:
            raise NotImplementedError("mul: compressed rows are multiplied by numbers only; use x.to_sparse_coo()")
        return self._with(self._value * other)

    __mul__ = __rmul__ = mul

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return _made, (self._crow, self._column, self._value.detach(), self._size, self.requires_grad)


def _made(
    crow: Tensor, column: Tensor, values: Tensor, size: Sequence[int], requires_grad: bool = False
) -> SparseCsrTensor:
    found = object.__new__(SparseCsrTensor)
    found._crow, found._column, found._value, found._size = crow, column, values, tuple(size)
    return found.requires_grad_() if requires_grad else found  # type: ignore[return-value]


def rows_compressed(x: SparseTensor, dense_dim: int | None = None) -> SparseCsrTensor:
    """Return a matrix by coordinates with its rows compressed, in the graph."""
    if x.ndim != 2 or x.dense_dim():
        raise RuntimeError(f"to_sparse_csr(): expected a matrix of numbers, but got {list(x.shape)}")
    x = x.coalesce()
    ends = arange(x._size[0] + 1, device=x.device)
    return _made(searchsorted(x._index[0].contiguous(), ends), x._index[1].contiguous(), x._value, x._size)


@public(method=False)
def sparse_csr_tensor(
    crow_indices: Any,
    col_indices: Any,
    values: Any,
    size: Sequence[int] | None = None,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
) -> SparseCsrTensor:
    """Return the matrix with values[k] at column col_indices[k] of row r, for k from crow_indices[r] to the next row's.

    crow_indices (rows + 1,) and col_indices (entries,), integers; values (entries,), in the graph. Columns within a row
    ascend. Always checked (PyTorch does so with `check_invariants` only): RuntimeError for what does not fit.
    """
    place = values.device if device is None and isinstance(values, Tensor) else resolve(device)
    values = to_device(as_tensor(values, dtype=dtype), place)
    crow, column = (to_device(cast(as_tensor(x), dtypes.int64), place) for x in (crow_indices, col_indices))
    if not crow.ndim == column.ndim == values.ndim == 1:
        raise RuntimeError("sparse_csr_tensor: expected vectors of crow_indices, col_indices and values")
    if size is None:
        size = (crow.shape[0] - 1, int(column.max()) + 1 if column.shape[0] else 0)
    _check(crow, column, values, size)
    return _made(crow, column, values.detach() if requires_grad else values, size, requires_grad)


def _check(crow: Tensor, column: Tensor, values: Tensor, size: Sequence[int]) -> None:
    entries = column.shape[0]
    if len(size) != 2 or crow.shape[0] != size[0] + 1:
        raise RuntimeError(f"crow_indices.shape[-1] must be nrows + 1, of size {size}, but got {crow.shape[0]}")
    if values.shape[0] != entries:
        raise RuntimeError(f"number of col_indices ({entries}) and values ({values.shape[0]}) must be the same")
    if int(crow[0]) != 0:
        raise RuntimeError("`crow_indices[..., 0] == 0` is not satisfied.")
    if int(crow[-1]) != entries:
        raise RuntimeError("`crow_indices[..., -1] == nnz` is not satisfied.")
    if bool((crow[1:] < crow[:-1]).any()):
        raise RuntimeError("`0 <= crow_indices[..., 1:] - crow_indices[..., :-1] <= ncols` is not satisfied.")
    if entries and not (int(column.min()) >= 0 and int(column.max()) < size[1]):
        raise RuntimeError("`0 <= col_indices < ncols` is not satisfied.")
