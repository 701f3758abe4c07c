"""Shapes and layouts: views of a buffer, and the few operations that must move data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from ..dtypes import DType
from ..layouts import MemoryFormat, check_memory_format
from ..op import Op, View
from ..tensor import Size, Tensor
from .cast import Expand, broadcast_shape, broadcast_together, cast, result_type

# ---------------------------------------------------------------------------------------------- views


class Reshape(View):
    """y = x with another shape, over the same buffer."""

    def forward(ctx, x, shape):
        ctx.shape = x.shape
        return x.reshape(shape)

    def backward(ctx, gy):
        return reshape(gy, ctx.shape)

    def name(ctx) -> str:
        return "ViewBackward0"


class Alias(View):
    """y = x, as a new tensor over the same buffer."""

    def forward(ctx, x):
        return x[...]

    def backward(ctx, gy):
        return gy


class Unsqueeze(View):
    """y = x with a dimension of size 1 put in at `dim`."""

    def forward(ctx, x, dim):
        ctx.dim = dim
        return x[(slice(None),) * dim + (None,)]

    def backward(ctx, gy):
        return Squeeze.apply(gy, dims=(ctx.dim,))


class Squeeze(View):
    """y = x without the dimensions `dims`, which have size 1."""

    suffix = "Backward1"

    def forward(ctx, x, dims):
        ctx.shape = x.shape
        return x.reshape([size for d, size in enumerate(x.shape) if d not in dims])

    def backward(ctx, gy):
        return reshape(gy, ctx.shape)

    def name(ctx) -> str:
        return "Squeeze" + ctx.suffix


class SqueezeAll(Squeeze):
    """Squeeze of every dimension of size 1, with PyTorch's name."""

    suffix = "Backward0"


class SqueezeSeveral(Squeeze):
    """Squeeze of several dimensions, with PyTorch's name."""

    suffix = "Backward2"


class Permute(View):
    """y = x with its dimensions in the order `dims`."""

    def forward(ctx, x, dims):
        ctx.dims = dims
        return x.transpose(dims)

    def backward(ctx, gy):
        inverse = [0] * len(ctx.dims)
        for position, dim in enumerate(ctx.dims):
            inverse[dim] = position
        return Permute.apply(gy, dims=tuple(inverse))


class Transpose(View):
    """y = x with two dimensions swapped."""

    def forward(ctx, x, dim0, dim1):
        ctx.dim0, ctx.dim1 = dim0, dim1
        return x.swapaxes(dim0, dim1)

    def backward(ctx, gy):
        return Transpose.apply(gy, dim0=ctx.dim0, dim1=ctx.dim1)


class T(Transpose):
    """y = x with its two dimensions swapped, under the name that PyTorch gives it."""


class Slice(View):
    """y = x[index], the index made of slices, integers, None and Ellipsis: the basic kind, which copies nothing."""

    def forward(ctx, x, index):
        ctx.shape, ctx.index = x.shape, index
        # With an Ellipsis, integers alone still give a view and not a NumPy scalar.
        return x[index if Ellipsis in index else (*index, ...)]

    def backward(ctx, gy):
        return SliceBackward.apply(gy, shape=ctx.shape, index=ctx.index)

    def name(ctx) -> str:
        return "SelectBackward0" if any(type(part) is int for part in ctx.index) else "SliceBackward0"


class SliceBackward(Op):
    """gx = zeros of the input's shape, with gy at `index`."""

    def forward(ctx, gy, shape, index):
        ctx.index = index
        gx = ctx.backend.full(shape, 0, gy.dtype)
        ctx.backend.copy_into(gx[(*index, ...)], gy)
        return gx

    def backward(ctx, ggx):
        return Slice.apply(ggx, index=ctx.index)


class Split(View):
    """y0, y1, ... = x cut along `dim` into pieces of the given sizes."""

    def forward(ctx, x, sizes, dim):
        ctx.shape, ctx.dim, ctx.dtype, ctx.device_of = x.shape, dim, x.dtype, None
        ctx.sizes = sizes
        before, pieces, start = (slice(None),) * dim, [], 0
        for size in sizes:
            pieces.append(x[(*before, slice(start, start + size))])
            start += size
        return tuple(pieces)

    def backward(ctx, *gradients):
        some = next(g for g in gradients if g is not None)
        pieces = [
            some.new_zeros((*ctx.shape[: ctx.dim], size, *ctx.shape[ctx.dim + 1 :])) if g is None else g
            for g, size in zip(gradients, ctx.sizes)
        ]
        return cat(pieces, ctx.dim)


class UnsafeSplit(Split):
    """Split whose outputs count as tensors of their own, though they share x's memory: a write to one goes unnoticed."""

    is_view = False


class Unbind(View):
    """y0, y1, ... = the slices of x along `dim`, without that dimension."""

    def forward(ctx, x, dim):
        ctx.dim = dim
        return tuple(x[(slice(None),) * dim + (i, ...)] for i in range(x.shape[dim]))

    def backward(ctx, *gradients):
        some = next(g for g in gradients if g is not None)
        return stack([some.new_zeros(some.shape) if g is None else g for g in gradients], ctx.dim)


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


class Flip(Op):
    """y = a copy of x read backwards along `dims`."""

    def forward(ctx, x, dims):
        ctx.dims = dims
        return ctx.backend.copy(x[tuple(slice(None, None, -1) if d in dims else slice(None) for d in range(x.ndim))])

    def backward(ctx, gy):
        return Flip.apply(gy, dims=ctx.dims)


# ---------------------------------------------------------------------------------------------- copies


class Clone(Op):
    """y = a contiguous copy of x."""

    def forward(ctx, x):
        return ctx.backend.copy(x)

    def backward(ctx, gy):
        return gy


class Cat(Op):
    """y = the inputs joined along `dim`."""

    def forward(ctx, *xs, dim):
        ctx.dim, ctx.sizes = dim, [x.shape[dim] for x in xs]
        return ctx.backend.cat(xs, dim)

    def backward(ctx, gy):
        return tuple(Split.apply(gy, sizes=tuple(ctx.sizes), dim=ctx.dim))


class Stack(Cat):
    """Cat of inputs that were given a new dimension, with PyTorch's name."""


# ---------------------------------------------------------------------------------------------- dims and sizes


def wrap_dim(dim: int, ndim: int) -> int:
    """Return dim counted from the front; PyTorch's IndexError when it is out of range."""
    rank = ndim or 1
    if not -rank <= dim < rank:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})")
    return dim % rank


def wrap_dims(dims: Any, ndim: int) -> tuple[int, ...]:
    """Return dims counted from the front and sorted; all of them for None or an empty sequence."""
    if dims is None:
        return tuple(range(ndim))
    if isinstance(dims, int):
        return (wrap_dim(dims, ndim),) if ndim else (wrap_dim(dims, 0),)[:0]
    wrapped = sorted(wrap_dim(d, ndim) for d in dims)
    for a, b in itertools.pairwise(wrapped):
        if a == b:
            raise RuntimeError(f"dim {a} appears multiple times in the list of dims")
    return tuple(wrapped) if ndim and wrapped else tuple(range(ndim))


def as_sizes(sizes: tuple) -> tuple[int, ...]:
    """Return the sizes given either as arguments or as one sequence."""
    if len(sizes) == 1 and not isinstance(sizes[0], int) and hasattr(sizes[0], "__iter__"):
        sizes = tuple(sizes[0])
    return tuple(int(size) for size in sizes)


def _filled_in(shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return the shape with its -1 replaced by what `count` elements leave for it."""
    unknown = [d for d, size in enumerate(shape) if size == -1]
    if len(unknown) > 1:
        raise RuntimeError("only one dimension can be inferred")
    for size in shape:
        if size < -1:
            raise RuntimeError(f"invalid shape dimension {size}")
    known = math.prod(size for size in shape if size != -1)
    if unknown:
        if known == 0:
            raise RuntimeError(
                f"cannot reshape tensor of {count} elements into shape {list(shape)}: -1 could be anything"
            )
        if count % known == 0:
            d = unknown[0]
            return (*shape[:d], count // known, *shape[d + 1 :])
    elif known == count:
        return shape
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {count}")


def _is_viewable(x: Any, shape: tuple[int, ...]) -> bool:
    """Whether the strides of x allow `shape` without a copy."""
    if x.flags.c_contiguous or x.size == 0:
        return True
    # Runs of old dimensions that are contiguous among themselves must each be split or merged within themselves.
    old = [(size, stride) for size, stride in zip(x.shape, x.strides) if size != 1]
    runs: list[int] = []
    for (size, stride), following in zip(old, [*old[1:], None]):
        runs.append(size if not runs or runs[-1] < 0 else runs.pop() * size)
        if following is None or stride != following[0] * following[1]:
            runs[-1] = -runs[-1]  # closed
    remaining = [-size for size in runs]
    run, left = 0, remaining[0] if remaining else 1
    for size in shape:
        if size == 1:
            continue
        if left == 1:
            run += 1
            if run >= len(remaining):
                return False
            left = remaining[run]
        if left % size:
            return False
        left //= size
    return True


# ---------------------------------------------------------------------------------------------- public functions


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """Return input with another shape: a view where the strides allow one, else a copy. One size may be -1."""
    sizes = shape[0] if len(shape) == 1 and type(shape[0]) is tuple else as_sizes(shape)
    array = input._array
    if array.shape == sizes:
        return Alias.apply(input)
    sizes = _filled_in(sizes, array.size)
    if not array.flags.c_contiguous and not _is_viewable(array, sizes):
        input = Clone.apply(input)
    return Reshape.apply(input, shape=sizes)


def shaped(input: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return an operand or a result of an operation in the shape wanted: itself when it has that shape, not a view of it."""
    return input if input._array.shape == shape else reshape(input, shape)


def view(input: Tensor, *shape: Any) -> Tensor:
    """Return input with another shape (or, given a dtype, its bytes as another type) over the same buffer."""
    sizes = as_sizes(shape)
    filled = _filled_in(sizes, input._array.size)
    if not _is_viewable(input._array, filled):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            f"contiguous subspaces). Use .reshape(...) instead. (from {list(input.shape)} to {list(sizes)})"
        )
    return Reshape.apply(input, shape=filled)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return input with the dimensions start_dim to end_dim merged into one."""
    if input.ndim == 0:
        return reshape(input, 1)
    start, end = wrap_dim(start_dim, input.ndim), wrap_dim(end_dim, input.ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end:
        return input
    shape = input._array.shape
    return reshape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return input with dimension `dim` split into `sizes`, one of which may be -1."""
    dim = wrap_dim(dim, input.ndim)
    shape = input._array.shape
    return reshape(input, shape[:dim] + _filled_in(tuple(sizes), shape[dim]) + shape[dim + 1 :])


def ravel(input: Tensor) -> Tensor:
    """Return input as one dimension."""
    return reshape(input, -1)


def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Return input without its dimensions of size 1, or without those of `dim` that have size 1."""
    shape = input._array.shape
    dims = range(input.ndim) if dim is None else wrap_dims(dim, input.ndim)
    operation = SqueezeAll if dim is None else Squeeze if isinstance(dim, int) else SqueezeSeveral
    return operation.apply(input, dims=tuple(d for d in dims if shape[d] == 1))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return input with a dimension of size 1 at `dim`."""
    return Unsqueeze.apply(input, dim=wrap_dim(dim, input.ndim + 1))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return input with two dimensions swapped."""
    dim0, dim1 = wrap_dim(dim0, input.ndim), wrap_dim(dim1, input.ndim)
    return Alias.apply(input) if input.ndim == 0 else Transpose.apply(input, dim0=dim0, dim1=dim1)


swapaxes = swapdims = transpose


def t(input: Tensor) -> Tensor:
    """Return the transpose of a matrix; a vector or scalar as it is."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return T.apply(input, dim0=0, dim1=1) if input.ndim == 2 else Alias.apply(input)


def permute(input: Tensor, *dims: Any) -> Tensor:
    """Return input with its dimensions in the given order."""
    order = tuple(wrap_dim(d, input.ndim) for d in as_sizes(dims))
    if len(order) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(order)}"
        )
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return Permute.apply(input, dims=order)


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return input with the dimensions `source` moved to the places `destination`."""
    sources = [wrap_dim(d, input.ndim) for d in ((source,) if isinstance(source, int) else source)]
    places = [wrap_dim(d, input.ndim) for d in ((destination,) if isinstance(destination, int) else destination)]
    if len(sources) != len(places):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({sources} dims) should contain the same number of "
            f"dims as destination ({places} dims)"
        )
    order = [d for d in range(input.ndim) if d not in sources]
    for place, dim in sorted(zip(places, sources)):
        order.insert(place, dim)
    return Permute.apply(input, dims=tuple(order))


def expand(input: Tensor, *sizes: Any) -> Tensor:
    """Return input repeated along size-1 and new leading dimensions without a copy; -1 keeps a size."""
    wanted = as_sizes(sizes)
    shape = input._array.shape
    missing = len(wanted) - len(shape)
    if missing < 0:
        raise RuntimeError(
            f"expand({list(shape)}, size={list(wanted)}): the number of sizes provided ({len(wanted)}) must be greater "
            f"or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    filled = []
    for d, size in zip(range(len(wanted) - 1, -1, -1), reversed(wanted)):  # the last that does not fit is named
        own = shape[d - missing] if d >= missing else None
        if size == -1:
            if own is None:
                raise RuntimeError(
                    f"The expanded size of the tensor ({size}) isn't allowed in a leading, non-existing dimension {d}"
                )
            size = own
        elif own is not None and own not in (1, size):
            raise RuntimeError(
                f"The expanded size of the tensor ({size}) must match the existing size ({own}) at non-singleton "
                f"dimension {d}.  Target sizes: {list(wanted)}.  Tensor sizes: {list(shape)}"
            )
        filled.append(size)
    return Expand.apply(input, shape=tuple(reversed(filled)))


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Return input expanded to the shape of other."""
    return expand(input, other._array.shape)


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """Return input expanded to `size`."""
    return expand(input, tuple(size))


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors expanded to their common shape."""
    return tuple(broadcast_together(*tensors))


def broadcast_shapes(*shapes: Sequence[int]) -> Size:
    """Return the shape that the given shapes broadcast to."""
    result: tuple[int, ...] = ()
    for shape in shapes:
        result = broadcast_shape(result, (shape,) if isinstance(shape, int) else tuple(shape))
    return Size(result)


def contiguous(input: Tensor, memory_format: MemoryFormat | None = None) -> Tensor:
    """Return input itself when its elements lie in row-major order, else a copy in which they do."""
    check_memory_format(memory_format, "contiguous")
    return input if input._array.flags.c_contiguous else Clone.apply(input)


def clone(input: Tensor, *, memory_format: MemoryFormat | None = None) -> Tensor:
    """Return a copy, in row-major order, through which gradients flow."""
    check_memory_format(memory_format, "clone")
    return Clone.apply(input)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors joined along an existing dimension. Their other sizes must agree; dtypes are promoted."""
    tensors = list(tensors)
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for number, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"expected Tensor as element {number} in argument 0, but got {type(tensor).__name__}")
        if tensor.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {number}) cannot be concatenated")
    kept = [t for t in tensors if t._array.shape != (0,)] or tensors[:1]  # PyTorch lets the empty vector join anything
    first = kept[0]
    dim = wrap_dim(dim, first.ndim)
    for number, tensor in enumerate(kept):
        if tensor.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {tensor.ndim}")
        for d, (size, expected) in enumerate(zip(tensor._array.shape, first._array.shape)):
            if d != dim and size != expected:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {expected} but got size "
                    f"{size} for tensor number {number} in the list."
                )
    return _joined(Cat, kept, dim, result_type(*tensors))


def _joined(operation: type[Cat], tensors: Sequence[Tensor], dim: int, dtype: DType) -> Tensor:
    return operation.apply(*(cast(t, dtype) for t in tensors), dim=dim)


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors, all of one shape, joined along a new dimension."""
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    for number, tensor in enumerate(tensors):
        if tensor._array.shape != tensors[0]._array.shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at entry 0 and "
                f"{list(tensor.shape)} at entry {number}"
            )
    dim = wrap_dim(dim, tensors[0].ndim + 1)
    return _joined(Stack, [unsqueeze(tensor, dim) for tensor in tensors], dim, result_type(*tensors))


def split(tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of pieces along `dim`: of one size (the last may be smaller), or of the sizes listed."""
    return _cut(Split, tensor, split_size_or_sections, dim)


def _cut(
    operation: type[Split], tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int
) -> tuple[Tensor, ...]:
    dim = wrap_dim(dim, tensor.ndim)
    length = tensor._array.shape[dim]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0 or (size == 0 and length):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        sizes = tuple(min(size, length - start) for start in range(0, length, size)) if length else (0,)
    else:
        sizes = tuple(split_size_or_sections)
        if sum(sizes) != length:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size at dimension "
                f"{dim}), but got split_sizes={list(sizes)}"
            )
    return operation.apply(tensor, sizes=sizes, dim=dim)


def unsafe_split(tensor: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """`split` whose outputs may be written in place; only safe when tensor and the other outputs are not used after."""
    return _cut(UnsafeSplit, tensor, split_size, dim)


def unsafe_split_with_sizes(tensor: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """`unsafe_split` into pieces of the sizes listed."""
    return _cut(UnsafeSplit, tensor, split_sizes, dim)


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`chunk` whose outputs may be written in place; only safe when input and the other outputs are not used after."""
    return unsafe_split(input, _chunk_size(input, chunks, dim), dim)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most `chunks` views of equal size along `dim` (the last may be smaller)."""
    return split(input, _chunk_size(input, chunks, dim), dim)


def _chunk_size(input: Tensor, chunks: int, dim: int) -> int:
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = input._array.shape[wrap_dim(dim, input.ndim)]
    return max(-(-length // chunks), 1)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices of input along `dim`, without that dimension."""
    return Unbind.apply(input, dim=wrap_dim(dim, input.ndim))


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return input[start : start + length] along `dim`."""
    dim = wrap_dim(dim, input.ndim)
    size = input._array.shape[dim]
    start = start + size if start < 0 else start
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return Slice.apply(input, index=(slice(None),) * dim + (slice(start, start + length),))


def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return a copy of input[start : start + length] along `dim`."""
    return Clone.apply(narrow(input, dim, start, length))


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return input at one index of `dim`, without that dimension."""
    dim = wrap_dim(dim, input.ndim)
    size = input._array.shape[dim]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return Slice.apply(input, index=(slice(None),) * dim + (int(index),))


def flip(input: Tensor, *dims: Any) -> Tensor:
    """Return a copy of input read backwards along `dims`."""
    return Flip.apply(input, dims=tuple(wrap_dim(d, input.ndim) for d in as_sizes(dims)))


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return a view of a diagonal of two dimensions, as a new last dimension."""
    dim1, dim2 = wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    if dim1 == dim2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return Diagonal.apply(input, offset=offset, dim1=dim1, dim2=dim2)


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Return input tiled the given number of times along each dimension; new dimensions lead."""
    times = as_sizes(repeats)
    if len(times) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    shape = (1,) * (len(times) - input.ndim) + input._array.shape
    interleaved = [n for size in shape for n in (1, size)]
    repeated = [n for count, size in zip(times, shape) for n in (count, size)]
    tiled = expand(reshape(input, tuple(interleaved)), tuple(repeated))
    result = reshape(tiled, tuple(count * size for count, size in zip(times, shape)))
    return result if result._base is None else clone(result)  # a copy always, which can be written to


def tile(input: Tensor, *dims: Any) -> Tensor:
    """Return input tiled as NumPy's tile does: missing repeats count as 1."""
    times = as_sizes(dims)
    return repeat(input, (1,) * (input.ndim - len(times)) + times)
