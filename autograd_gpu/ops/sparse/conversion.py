"""Dense tensors to sparse ones, and picked by the places of one: methods of every tensor."""

from __future__ import annotations

from ...layouts import Layout, sparse_coo, sparse_csr
from ...tensor import Tensor
from ..public import public
from .coo import SparseTensor, of_dense, picked
from .csr import SparseCsrTensor, rows_compressed


@public(function=False)
def to_sparse(
    self: Tensor,
    sparse_dim: int | None = None,
    *,
    layout: Layout | None = None,
    blocksize: tuple[int, int] | None = None,
    dense_dim: int | None = None,
) -> Tensor:
    """Return the elements that are not 0 by coordinates, in the graph, the last dimensions beyond `sparse_dim` dense.

    `layout` is ``sparse_coo`` or ``sparse_csr``; NotImplementedError for the others. Synchronises.
    """
    if layout is sparse_csr:
        return to_sparse_csr(self, dense_dim)
    if layout not in (None, sparse_coo) or blocksize is not None:
        raise NotImplementedError(f"to_sparse: layout={layout} is not supported; sparse_coo and sparse_csr are")
    return of_dense(self, sparse_dim if dense_dim is None else self.ndim - dense_dim)


@public(function=False)
def to_sparse_coo(self: Tensor) -> SparseTensor:
    """Return the elements that are not 0 by coordinates, in the graph. Synchronises."""
    return of_dense(self)


@public(function=False)
def to_sparse_csr(self: Tensor, dense_dim: int | None = None) -> SparseCsrTensor:
    """Return the elements of a matrix that are not 0 with its rows compressed, in the graph. Synchronises."""
    if dense_dim:
        raise NotImplementedError("to_sparse_csr: dense_dim is not supported; leave it out")
    return rows_compressed(of_dense(self))


@public(function=False)
def sparse_mask(self: Tensor, mask: Tensor) -> SparseTensor:
    """Return the elements at the places that a sparse tensor of the same size names, in the graph."""
    if not isinstance(mask, SparseTensor) or tuple(mask.shape) != tuple(self.shape):
        raise RuntimeError("sparse_mask(): expected mask to be a sparse tensor by coordinates of the same size")
    mask = mask.coalesce()
    return mask._with(picked(self, mask))
