"""Diagonals: views of them, their sum, and matrices made of them."""

from __future__ import annotations

from ..op import Op, View
from ..tensor import Tensor
from .cast import cast
from .creation import arange
from .elementwise import where
from .index import index_select
from .integers import wrap_dim
from .public import public
from .reduce import sum
from .shape import Clone, expand, movedim, reshape, unsqueeze


class Diagonal(View):
    """y = the diagonal of two dimensions of x, as a new last dimension."""

    def forward(ctx, x, offset, dim1, dim2):
        ctx.shape, ctx.where_is = x.shape, (offset, dim1, dim2)
        return _diagonal(x, offset, dim1, dim2)

    def backward(ctx, gy):
        return DiagonalBackward.apply(gy, shape=ctx.shape, where_is=ctx.where_is)


def _diagonal(array, offset, dim1, dim2):
    view = array.diagonal(offset, dim1, dim2)
    if not getattr(view.flags, "writeable", True):
        view.setflags(write=True)  # NumPy alone protects a diagonal; here it is a view like any other
    return view


class DiagonalBackward(Op):
    """gx = zeros with gy on the diagonal."""

    def forward(ctx, gy, shape, where_is):
        ctx.where_is = where_is
        gx = ctx.backend.full(shape, 0, gy.dtype)
        diagonal = _diagonal(gx, *where_is)
        ctx.backend.copy_into(diagonal, gy)
        return gx

    def backward(ctx, ggx):
        offset, dim1, dim2 = ctx.where_is
        return Diagonal.apply(ggx, offset=offset, dim1=dim1, dim2=dim2)


@public
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return a view of a diagonal of two dimensions, as a new last dimension."""
    dim1, dim2 = wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    if dim1 == dim2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return Diagonal.apply(input, offset=offset, dim1=dim1, dim2=dim2)


@public
def trace(input: Tensor) -> Tensor:
    """Return the sum of a matrix's diagonal."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return sum(diagonal(input))


@public
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return matrices, in the dimensions dim1 and dim2, with the last dimension of input on a diagonal."""
    ndim = input.ndim + 1
    dim1, dim2 = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if dim1 == dim2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    length = input._array.shape[-1]
    size = length + abs(offset)
    column, row = arange(size, device=input.device), arange(size, device=input.device).unsqueeze(1)
    source = (row if offset >= 0 else column).expand(size, size).clamp(max=max(length - 1, 0))
    if length == 0:
        nothing = cast(sum(input, -1), input.dtype)  # zeros that belong to the graph
        matrices = expand(unsqueeze(unsqueeze(nothing, -1), -1), (*nothing._array.shape, size, size))
    else:
        spread = reshape(index_select(input, -1, reshape(source, (-1,))), (*input._array.shape[:-1], size, size))
        matrices = where(column - row == offset, spread, spread.new_zeros(()))
    first, second = (dim1, dim2)
    return movedim(matrices, (-2, -1), (first, second))


@public(out=True)
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the matrix with a vector on its diagonal, or a copy of a matrix's diagonal."""
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return Clone.apply(Diagonal.apply(input, offset=diagonal, dim1=0, dim2=1))


@public
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Return the matrix with the flattened input on its diagonal."""
    return diag_embed(reshape(input, (input._array.size,)), offset)
