"""Arranging elements: joins, cuts, turns and windows, made of the views and copies in shape, pieces and diagonals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..op import View
from ..tensor import Tensor
from .cast import broadcast_shape, cast, sum_to, to_device
from .creation import arange
from .diagonals import diagonal
from .integers import as_sizes, is_integer, one_or_more, real_dim, wrap_dim
from .pieces import cat, several_tensors, split, stack
from .public import public
from .shape import (
    Clone,
    expand,
    flip,
    movedim,
    narrow,
    reshape,
    select,
    transpose,
    unsqueeze,
)
from .strided import strides_of

# ---------------------------------------------------------------------------------------------- joins


def _several(tensors: tuple) -> list[Tensor]:
    """Tensors given one by one, or as one sequence."""
    return list(tensors[0]) if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else list(tensors)


def _at_least(name: str, tensors: tuple, raised: Any) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return raised(tensors[0])
    several = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    for x in several:
        if not isinstance(x, Tensor):
            raise TypeError(
                f"{name}() received an invalid combination of arguments - got {type(x).__name__}, not a Tensor"
            )
    return tuple(raised(x) for x in several)


@public(method=False)
def atleast_1d(*tensors: Any) -> Any:
    """Return each tensor with at least one dimension."""
    return _at_least("atleast_1d", tensors, lambda x: x if x.ndim else unsqueeze(x, 0))


@public(method=False)
def atleast_2d(*tensors: Any) -> Any:
    """Return each tensor with at least two dimensions; a vector becomes a row."""
    return _at_least("atleast_2d", tensors, _as_matrix)


@public(method=False)
def atleast_3d(*tensors: Any) -> Any:
    """Return each tensor with at least three dimensions: a vector becomes (1, n, 1), a matrix (m, n, 1)."""
    return _at_least("atleast_3d", tensors, lambda x: x if x.ndim > 2 else unsqueeze(_as_matrix(x), -1))


def _as_matrix(x: Tensor) -> Tensor:
    return x if x.ndim > 1 else reshape(x, (1, x._array.size))


@public(method=False, out=True)
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors joined along the second dimension; vectors along their only one."""
    raised = atleast_1d(several_tensors("hstack", tensors))
    return cat(raised, 0 if raised and raised[0].ndim == 1 else 1)


@public(method=False, out=True, also="row_stack")
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors joined along the first dimension, vectors as rows."""
    return cat(atleast_2d(several_tensors("vstack", tensors)), 0)


@public(method=False, out=True)
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors joined along the third dimension."""
    return cat(atleast_3d(several_tensors("dstack", tensors)), 2)


@public(method=False, out=True)
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors joined along the second dimension, vectors and scalars as columns."""
    return cat(
        [x if x.ndim > 1 else reshape(x, (x._array.size, 1)) for x in several_tensors("column_stack", tensors)], 1
    )


@public(method=False)
def block_diag(*tensors: Tensor) -> Tensor:
    """Return a matrix with the given matrices along its diagonal and zeros elsewhere."""
    for number, x in enumerate(tensors):
        if x.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {number} has {x.ndim} "
                "dimensions"
            )
    blocks = [_as_matrix(x) for x in tensors]
    widths, start, rows = [x.shape[1] for x in blocks], 0, []
    total = sum(widths)
    for block in blocks:
        height, width = block.shape
        left, right = block.new_zeros((height, start)), block.new_zeros((height, total - start - width))
        rows.append(cat([left, block, right], 1))
        start += width
    return cat(rows, 0)


@public(method=False)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Return the coordinate grids of the given vectors; ``indexing="xy"`` swaps the first two dimensions."""
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    vectors = _several(tensors)
    for x in vectors:
        if x.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {list(x.shape)}")
    if len({x.dtype for x in vectors}) > 1:
        raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    if len({x.device for x in vectors}) > 1:
        raise RuntimeError("torch.meshgrid expects all tensors to have the same device; move them with .to(device)")
    swapped = indexing == "xy" and len(vectors) > 1
    if swapped:
        vectors[:2] = vectors[1::-1]
    shape = tuple(x._array.size for x in vectors)
    along = [tuple(size if e == d else 1 for e in range(len(shape))) for d, size in enumerate(shape)]
    grids = [expand(reshape(x, alone), shape) for x, alone in zip(vectors, along)]
    if swapped:
        grids[:2] = grids[1::-1]
    return tuple(grids)


@public(method=False)
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Return all combinations of one element of each vector, a row each."""
    for x in tensors:
        if x.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(grid, (-1,)) for grid in meshgrid(*tensors, indexing="ij")], 1)


# ---------------------------------------------------------------------------------------------- cuts


@public
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of pieces of the given sizes along `dim`."""
    return split(input, list(split_sizes), dim)


@public
def tensor_split(input: Tensor, indices_or_sections: Tensor | int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of pieces along `dim`: so many of nearly one size, or cut before the given indices."""
    if input.ndim == 0:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    dim = wrap_dim(dim, input.ndim)
    size = input._array.shape[dim]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    if is_integer(indices_or_sections):
        count = indices_or_sections
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        cuts = [d * (size // count) + min(d, size % count) for d in range(1, count)]
    else:
        cuts = [slice(0, cut).indices(size)[1] for cut in indices_or_sections]
    starts, ends = [0, *cuts], [*cuts, size]
    return tuple(narrow(input, dim, start, max(end - start, 0)) for start, end in zip(starts, ends))


@public
def hsplit(input: Tensor, indices_or_sections: Tensor | int | Sequence[int]) -> tuple[Tensor, ...]:
    """Return `tensor_split` along the second dimension; of a vector along its only one."""
    return _split_evenly("hsplit", input, indices_or_sections, 1, 0 if input.ndim == 1 else 1)


@public
def vsplit(input: Tensor, indices_or_sections: Tensor | int | Sequence[int]) -> tuple[Tensor, ...]:
    """Return `tensor_split` along the first dimension."""
    return _split_evenly("vsplit", input, indices_or_sections, 2, 0)


@public
def dsplit(input: Tensor, indices_or_sections: Tensor | int | Sequence[int]) -> tuple[Tensor, ...]:
    """Return `tensor_split` along the third dimension."""
    return _split_evenly("dsplit", input, indices_or_sections, 3, 2)


def _split_evenly(name: str, x: Tensor, cuts: Any, least: int, dim: int) -> tuple[Tensor, ...]:
    if x.ndim < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {x.ndim} "
            "dimensions!"
        )
    size = x._array.shape[dim]
    if is_integer(cuts) and (cuts <= 0 or size % cuts):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {size} is not "
            f"divisible by the split_size {cuts}!"
        )
    return tensor_split(x, cuts, dim)


# ---------------------------------------------------------------------------------------------- turns


@public
def fliplr(input: Tensor) -> Tensor:
    """Return input read backwards along its second dimension."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@public
def flipud(input: Tensor) -> Tensor:
    """Return input read backwards along its first dimension."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@public
def roll(input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """Return input shifted along `dims`, what leaves at one end entering at the other; flat without `dims`."""
    places = one_or_more(shifts, "shifts")
    if dims is None or (not is_integer(dims) and len(dims) == 0):
        if len(places) != 1:
            raise RuntimeError(f"`shifts` and `dims` must align. shifts: {len(places)}, dims:0")
        return reshape(roll(reshape(input, (input._array.size,)), places, 0), input._array.shape)
    along = one_or_more(dims, "dims")
    if len(places) != len(along):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(places)}, dims:{len(along)}")
    result = input
    for shift, dim in zip(places, along):
        dim = real_dim(dim, input.ndim)
        size = input._array.shape[dim]
        cut = -shift % size if size else 0
        result = cat([narrow(result, dim, cut, size - cut), narrow(result, dim, 0, cut)], dim)
    return result


@public
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Return input turned k quarter turns from the first of `dims` towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    first, second = (wrap_dim(d, input.ndim) for d in dims)
    if first == second:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    k %= 4
    if k == 0:
        return Clone.apply(input)
    if k == 2:
        return flip(input, first, second)
    return transpose(flip(input, second if k == 1 else first), first, second)


@public
def adjoint(input: Tensor) -> Tensor:
    """Return the tensor with its last two dimensions swapped."""
    if input.ndim == 1:
        raise RuntimeError("tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor.")
    return transpose(input, -2, -1) if input.ndim else input


# ---------------------------------------------------------------------------------------------- windows


class Unfold(View):
    """y[..., w, ..., i] = x[..., w * step + i, ...]: windows along `dim`, their elements along a new last dimension."""

    def forward(ctx, x, dim, size, step):
        ctx.shape, ctx.dim, ctx.step = x.shape, dim, step
        strides = strides_of(x)
        windows = (x.shape[dim] - size) // step + 1
        shape = (*x.shape[:dim], windows, *x.shape[dim + 1 :], size)
        strides = (*strides[:dim], strides[dim] * step, *strides[dim + 1 :], strides[dim])
        return ctx.backend.as_strided(x, shape, strides, ctx.backend.offset(x))

    def backward(ctx, gy):
        dim, size, windows = ctx.dim, gy._array.shape[-1], gy._array.shape[ctx.dim]
        places = arange(windows, device=gy.device).unsqueeze(1) * ctx.step + arange(size, device=gy.device)
        rows = reshape(movedim(gy, -1, dim + 1), (*ctx.shape[:dim], windows * size, *ctx.shape[dim + 1 :]))
        return gy.new_zeros(ctx.shape).index_add(dim, reshape(places, (windows * size,)), rows)


@public(function=False)
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return the windows of `size` elements along a dimension, `step` apart, along a new last dimension: a view."""
    dim = wrap_dim(dimension, input.ndim)
    length = input._array.shape[dim] if input.ndim else 1
    if size > length:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {length} but size is {size}")
    if size < 0 or step <= 0:
        raise RuntimeError(f"unfold: expected size >= 0 and step > 0, but got size {size} and step {step}")
    if input.ndim == 0:
        return narrow(reshape(input, (1,)), 0, 0, size)
    return Unfold.apply(input, dim=dim, size=size, step=step)


# ---------------------------------------------------------------------------------------------- writes into a copy


def _with_region(input: Tensor, src: Tensor, region: Any, name: str) -> Tensor:
    """Return a copy of input with `src` written over the region, a view of it."""
    if src.device.axis is not None:  # vmapped: what is written differs between examples, so then does the whole
        input = to_device(input, src.device)
    written = Clone.apply(input)
    place = region(written)
    if place._array.shape != src._array.shape:
        raise RuntimeError(
            f"{name}: expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(place.shape)}"
        )
    place.copy_(src)
    return written


@public
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """Return input with src in place of the slice start:end:step along `dim`."""
    dim = wrap_dim(dim, input.ndim)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    index = (slice(None),) * dim + (slice(start, end, step),)
    return _with_region(input, src, lambda x: x[index], "slice_scatter")


@public
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Return input with src in place of the slice at `index` of `dim`."""
    return _with_region(input, src, lambda x: select(x, dim, index), "select_scatter")


@public
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return input with src in place of a diagonal."""
    return _with_region(input, src, lambda x: diagonal(x, offset, dim1, dim2), "diagonal_scatter")


@public(function=False)
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Return input summed down to `size`, which broadcasts to its shape."""
    sizes = as_sizes(size)
    try:
        fits = broadcast_shape(sizes, input._array.shape) == input._array.shape
    except RuntimeError:
        fits = False
    if not fits:
        raise RuntimeError(f"size {list(sizes)} is not expandable to size {list(input.shape)}.")
    return sum_to(input, sizes)


# ---------------------------------------------------------------------------------------------- indices of triangles


def _triangle_indices(is_kept: Any, row: int, col: int, offset: int, dtype: Any, device: Any) -> Tensor:
    distance = arange(col, device=device) - arange(row, device=device).unsqueeze(1)
    found = is_kept(distance, offset).nonzero()
    return cast(transpose(found, 0, 1).contiguous(), dtype or dtypes.int64)


@public(method=False)
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the (2, n) row and column numbers of a matrix on and below a diagonal."""
    return _triangle_indices(lambda distance, offset: distance <= offset, row, col, offset, dtype, device)


@public(method=False)
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the (2, n) row and column numbers of a matrix on and above a diagonal."""
    return _triangle_indices(lambda distance, offset: distance >= offset, row, col, offset, dtype, device)
