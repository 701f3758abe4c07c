"""Sparse tensors by coordinates (COO): a dense tensor of indices and one of values, whose graph is the sparse tensor's.

So every operation here is written in dense ones on indices and values, on any device, and is differentiated by theirs:
a gradient reaches the values, and the gradient of a sparse leaf is sparse, with the leaf's own indices. What has no
sparse form raises NotImplementedError and names the dense way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ... import dtypes
from ...device import resolve
from ...dtypes import DType
from ...layouts import Layout, sparse_coo, sparse_csr
from ...tensor import Tensor
from ..cast import Number, cast, is_scalar, result_type, to_device
from ..creation import as_tensor, empty, tensor, zeros
from ..elementwise import where
from ..index import GatherRows, ScatterAddRows, nonzero
from ..integers import wrap_dim
from ..pieces import cat
from ..public import public
from ..searchsorted import searchsorted
from ..shape import reshape
from ..unique import unique
from .base import Sparse, history, shown


class SparseTensor(Sparse):
    """What is 0 but at the places that it names; see `sparse_coo_tensor`. A place named twice holds the sum."""

    layout: Layout = sparse_coo
    _index: Tensor  # (sparse dimensions, entries), int64
    _is_coalesced: bool  # places ascend, and none is named twice

    @property
    def is_sparse(self) -> bool:
        return True

    def sparse_dim(self) -> int:
        """Return how many dimensions the indices name."""
        return self._index.shape[0]

    @property
    def _sizes(self) -> tuple[int, ...]:
        """Of the dimensions that the indices name."""
        return self._size[: self.sparse_dim()]

    def dense_dim(self) -> int:
        """Return how many dimensions each value has of its own."""
        return self._value.ndim - 1

    def is_coalesced(self) -> bool:
        """Return whether places ascend and none is named twice."""
        return self._is_coalesced

    def _indices(self) -> Tensor:
        return self._index

    def _values(self) -> Tensor:
        return self._value.detach()

    def indices(self) -> Tensor:
        """Return the places, (sparse dimensions, entries). RuntimeError unless coalesced."""
        self._check_coalesced("indices")
        return self._index

    def values(self) -> Tensor:
        """Return the values, (entries, *dense dimensions), in the graph. RuntimeError unless coalesced."""
        self._check_coalesced("values")
        return self._value

    def _check_coalesced(self, what: str) -> None:
        if not self._is_coalesced:
            raise RuntimeError(f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first")

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        rows = [shown("indices", self._index), shown("values", self._value)]
        rows.append(f"size={tuple(self._size)}, nnz={self._nnz()}, layout={self.layout}{history(self)}")
        return "tensor(" + ",\n       ".join(rows) + ")"

    # ------------------------------------------------------------------------------------------ the same entries

    def _with(self, values: Tensor, index: Tensor | None = None) -> SparseTensor:
        """Return a tensor of other values at the same places; `index` is these on another device."""
        return made(self._index if index is None else index, values, self._size, self._is_coalesced)

    def clone(self, *, memory_format: Any = None) -> SparseTensor:
        """Return a copy, in the graph."""
        return self._with(self._value.clone(), self._index.clone())

    def to(self, *args: Any, **kwargs: Any) -> SparseTensor:
        """Return the tensor with values in another dtype or on another device, as `Tensor.to`."""
        values = self._value.to(*args, **kwargs)
        return self if values is self._value else self._with(values, to_device(self._index, values.device))

    def coalesce(self) -> SparseTensor:
        """Return the tensor with its places in ascending order and what one place was given added up."""
        if self._is_coalesced:
            return self
        places, entry = unique(self._keys(), return_inverse=True)
        values = _from_rows(ScatterAddRows.apply(_rows(self._value), entry, count=places.shape[0]), self._value)
        return made(_coordinates(places, self._sizes), values, self._size, True)

    def entries(self) -> tuple[Tensor, Tensor]:
        """Return each place once, as one number, ascending, and its values as a row."""
        whole = self.coalesce()
        return whole._keys(), _rows(whole._value)

    def _keys(self) -> Tensor:
        """Return each place as one number, in the order of rows."""
        key = self._index.new_zeros((self._nnz(),))
        for d, size in enumerate(self._sizes):
            key = key * size + self._index[d]
        return key

    def to_dense(self, dtype: DType | None = None, *, masked_grad: bool | None = None) -> Tensor:
        """Return the dense tensor, in the graph."""
        values = self._value if dtype is None else cast(self._value, dtype)
        is_bool = values.dtype is dtypes.bool
        rows = _rows(cast(values, dtypes.int64) if is_bool else values)
        found = reshape(ScatterAddRows.apply(rows, self._keys(), count=math.prod(self._sizes)), self._size)
        return found != 0 if is_bool else found

    def to_sparse(self, *args: Any, layout: Any = None, **kwargs: Any) -> Tensor:
        """Return the tensor; with ``layout=sparse_csr`` as `to_sparse_csr`."""
        if layout not in (None, sparse_coo):
            return self.to_sparse_csr() if layout is sparse_csr else self.to_dense().to_sparse(layout=layout)
        return self

    def to_sparse_coo(self) -> SparseTensor:
        return self

    def transpose(self, dim0: int, dim1: int) -> SparseTensor:
        """Return the tensor with two of the dimensions that the indices name in each other's place."""
        dim0, dim1 = (wrap_dim(d, self.ndim) for d in (dim0, dim1))
        if dim0 == dim1:
            return self
        if max(dim0, dim1) >= self.sparse_dim():
            raise RuntimeError(
                f"transpose(): can only transpose sparse dimensions, the first {self.sparse_dim()}, of a sparse tensor"
            )
        order, size = list(range(self.sparse_dim())), list(self._size)
        order[dim0], order[dim1] = order[dim1], order[dim0]
        size[dim0], size[dim1] = size[dim1], size[dim0]
        return made(self._index[tensor(order, device=self.device)], self._value, tuple(size), self._nnz() < 2)

    def t(self) -> SparseTensor:
        """Return the transpose of at most two dimensions."""
        if self.ndim > 2:
            raise RuntimeError(f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got {self.ndim}D")
        return self.transpose(0, self.ndim - 1) if self.ndim else self

    T = property(t)

    def zero_(self) -> SparseTensor:
        """Forget all entries, in place."""
        self._index, self._value = self._index[:, :0], self._value.detach()[:0]
        self._is_coalesced = True
        return self

    # ------------------------------------------------------------------------------------------ arithmetic

    def add(self, other: Any, *, alpha: Number = 1) -> SparseTensor:
        """Return the sum of two sparse tensors of one size: the entries of both, one behind the other."""
        if not isinstance(other, SparseTensor):
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
        _check_sizes("add", self, other)
        dtype = result_type(self._value, other._value)
        mine, more = cast(self._value, dtype), cast(other._value, dtype)
        index = cat([self._index, other._index], 1)
        return made(index, cat([mine, more if alpha == 1 else more * alpha], 0), self._size, False).coalesce()

    def sub(self, other: Any, *, alpha: Number = 1) -> SparseTensor:
        """Return the difference of two sparse tensors of one size."""
        return self.add(other, alpha=-alpha)

    def mul(self, other: Any) -> SparseTensor:
        """Return the product by elements with a number, a sparse tensor of the same size, or a dense one."""
        if is_scalar(other) or other.ndim == 0:
            return self._with(self._value * other)
        if isinstance(other, SparseTensor):
            _check_sizes("mul", self, other)
            return _in_both(self.coalesce(), other.coalesce())
        return self._with(self._value * picked(other.expand(self._size), self))

    def div(self, other: Any, *, rounding_mode: str | None = None) -> SparseTensor:
        """Return the tensor divided by a number or a tensor of no dimensions."""
        if not is_scalar(other) and other.ndim:
            raise RuntimeError("Sparse division requires a scalar or zero-dim dense tensor divisor")
        return self._with(self._value.div(other, rounding_mode=rounding_mode))

    def mul_(self, other: Any) -> SparseTensor:
        """Multiply the entries, in place."""
        self._value = self.mul(other)._value
        return self

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> SparseTensor:
        """Divide the entries, in place."""
        self._value = self.div(other, rounding_mode=rounding_mode)._value
        return self

    __add__, __sub__, __mul__, __rmul__, __truediv__ = add, sub, mul, mul, div
    __imul__, __itruediv__ = mul_, div_

    def __radd__(self, other: Any, *, alpha: Number = 1) -> Tensor:
        return plus(other, self, alpha)

    def _add_to(self, other: Tensor, *, alpha: Number = 1) -> Tensor:
        _check_sizes("add", other, self)
        rows = _rows(cast(self._value, other.dtype))
        other.view(math.prod(self._sizes), rows.shape[1]).index_add_(0, self._keys(), rows, alpha=alpha)
        return other

    def __rsub__(self, other: Any, *, alpha: Number = 1) -> Tensor:
        return plus(other, self, -alpha)

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return made, (self._index, self._value.detach(), self._size, self._is_coalesced, self.requires_grad)


# ---------------------------------------------------------------------------------------------- how they are made


def made(
    index: Tensor, values: Tensor, size: Sequence[int], is_coalesced: bool, requires_grad: bool = False
) -> SparseTensor:
    found = object.__new__(SparseTensor)
    found._index, found._value, found._size, found._is_coalesced = index, values, tuple(size), is_coalesced
    if requires_grad:
        values.requires_grad_()
    return found


def of_rows(index: Tensor, rows: Tensor, count: int) -> SparseTensor:
    """Return the gradient of a table of `count` rows: rows (entries, C) at index (entries,)."""
    return made(reshape(index, (1, index.shape[0])), rows, (count, rows.shape[1]), False)


@public(method=False)
def sparse_coo_tensor(
    indices: Any,
    values: Any = None,
    size: Sequence[int] | None = None,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> SparseTensor:
    """Return the sparse tensor that is values[k] at indices[:, k] and 0 elsewhere; what one place is given adds up.

    indices (sparse dimensions, entries), integers; values (entries, *dense dimensions), of any dtype, in the graph. Its
    size is what the indices need where none is given. ``sparse_coo_tensor(size)`` is one of no entries. Always checked
    (PyTorch does so with `check_invariants` only): RuntimeError for an index outside the size.
    """
    if values is None:
        return _empty(indices if size is None else size, dtype, device, requires_grad)
    place = values.device if device is None and isinstance(values, Tensor) else resolve(device)
    values = to_device(as_tensor(values, dtype=dtype), place)
    index = to_device(cast(as_tensor(indices), dtypes.int64), place)
    if index.ndim != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(index.shape)}")
    entries = values.shape[0] if values.ndim else 1
    if index.shape[1] != entries:
        raise RuntimeError(
            "indices and values must have same nnz, but got nnz from indices: "
            f"{index.shape[1]}, nnz from values: {entries}"
        )
    values = reshape(values, (1,)) if not values.ndim else values
    found = _checked_size(index, values, size)
    if values.is_leaf and values.requires_grad:
        values = values.view_as(values)  # the sparse tensor is no leaf then
    return made(
        index, values.detach() if requires_grad else values, found, entries < 2 or bool(is_coalesced), requires_grad
    )


def _empty(size: Sequence[int], dtype: DType | None, device: Any, requires_grad: bool) -> SparseTensor:
    index = empty((len(size), 0), dtype=dtypes.int64, device=device)
    return made(index, zeros((0,), dtype=dtype, device=device), size, True, requires_grad)


def _checked_size(index: Tensor, values: Tensor, size: Sequence[int] | None) -> tuple[int, ...]:
    sparse, dense = index.shape[0], tuple(values.shape[1:])
    if size is None:
        largest = index.max(1).values.tolist() if index.shape[1] else [-1] * sparse
        size = (*(n + 1 for n in largest), *dense)
    size = tuple(size)
    if len(size) != sparse + len(dense):
        raise RuntimeError(
            f"number of dimensions must be sparse_dim ({sparse}) + dense_dim ({len(dense)}), but got {len(size)}"
        )
    if size[sparse:] != dense:
        entries = index.shape[1]
        raise RuntimeError(f"values has incorrect size, expected {[entries, *size[sparse:]]}, got {list(values.shape)}")
    for d in range(sparse if index.shape[1] else 0):
        least, most = (int(end) for end in (index[d].min(), index[d].max()))
        if least < 0:
            raise RuntimeError(f"found negative index {least} for dim {d}")
        if most >= size[d]:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {d}, size is {size[d]} but found index {most}"
            )
    return size


def of_dense(x: Tensor, sparse_dim: int | None = None) -> SparseTensor:
    """Return a dense tensor's entries that are not 0, in the graph, the last dimensions kept dense."""
    sparse = x.ndim if sparse_dim is None else sparse_dim
    if not 0 < sparse <= x.ndim:
        raise RuntimeError(f"sparse_dim argument must be in >=1 and <={x.ndim}, but got {sparse}")
    sizes, dense = x.shape[:sparse], x.shape[sparse:]
    rows = reshape(x, (math.prod(sizes), math.prod(dense)))
    named = (rows.detach() != 0).any(1) if dense else reshape(rows.detach(), (-1,)) != 0
    places = reshape(nonzero(named), (-1,))
    values = GatherRows.apply(rows, places)
    return made(_coordinates(places, sizes), reshape(values, (places.shape[0], *dense)), x.shape, True)


def plus(dense: Any, other: SparseTensor, alpha: Number = 1) -> Tensor:
    """Return dense + alpha * other, dense."""
    if is_scalar(dense):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    _check_sizes("add", dense, other)
    return dense + (other.to_dense() if alpha == 1 else (other * alpha).to_dense())


# ---------------------------------------------------------------------------------------------- entries


def _rows(values: Tensor) -> Tensor:
    return reshape(values, (values.shape[0], math.prod(values.shape[1:])))


def _from_rows(rows: Tensor, like: Tensor) -> Tensor:
    return reshape(rows, (rows.shape[0], *like.shape[1:]))


def _coordinates(places: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return (dimensions, entries) of what `SparseTensor._keys` made one number of."""
    rows = []
    for size in reversed(sizes):
        rows.append(reshape(places % max(size, 1), (1, -1)))
        places = places // max(size, 1)
    return cat(rows[::-1], 0)


def picked(dense: Tensor, like: SparseTensor) -> Tensor:
    """Return a dense tensor's elements at the places of `like`, of the shape of its values."""
    rows = reshape(dense, (math.prod(like._sizes), math.prod(like._value.shape[1:])))
    return _from_rows(GatherRows.apply(rows, like._keys()), like._value)


def _in_both(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """Return the product of coalesced tensors: of the entries whose places both name."""
    mine, others = a._keys(), b._keys()
    found = searchsorted(others, mine)
    inside = found < others.shape[0]
    is_same = inside & (others[where(inside, found, 0)] == mine) if others.shape[0] else inside
    entries = reshape(nonzero(is_same), (-1,))
    values = a._value[entries] * b._value[found[entries]]
    return made(a._index[:, entries], values, a._size, True)


def _check_sizes(name: str, a: Tensor, b: Tensor) -> None:
    if tuple(a.shape) != tuple(b.shape):
        raise RuntimeError(f"{name}: expected sizes of 'self' and 'other' to match, but {a.shape} != {b.shape}")
