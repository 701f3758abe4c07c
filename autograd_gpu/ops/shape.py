"""Shapes and layouts: views of a buffer, copies of them, and dimensions and sizes as a caller gives them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..layouts import MemoryFormat, check_memory_format
from ..op import Op, View
from ..tensor import Size, Tensor
from .cast import Expand, broadcast_shape, broadcast_together
from .integers import as_integer, as_integers, as_sizes, is_integer, wrap_dim, wrap_dims
from .public import public

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


# ---------------------------------------------------------------------------------------------- copies


class Flip(Op):
    """y = a copy of x read backwards along `dims`."""

    def forward(ctx, x, dims):
        ctx.dims = dims
        index = [slice(None, None, -1) if d in dims else slice(None) for d in range(x.ndim)]
        return ctx.backend.copy(x[(*index, ...)])  # with an Ellipsis a 0-d array stays one

    def backward(ctx, gy):
        return Flip.apply(gy, dims=ctx.dims)


class Clone(Op):
    """y = a contiguous copy of x."""

    def forward(ctx, x):
        return ctx.backend.copy(x)

    def backward(ctx, gy):
        return gy


# ---------------------------------------------------------------------------------------------- sizes that fit


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


@public
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """Return input with another shape: a view where the strides allow one, else a copy. One size may be -1."""
    sizes = shape[0] if len(shape) == 1 and type(shape[0]) is tuple else as_sizes(shape)
    array = input._array
    if array.shape == sizes:
        return Alias.apply(input)
    if math.prod(sizes) != array.size or min(sizes, default=0) < 0:
        sizes = _filled_in(sizes, array.size)
    if not array.flags.c_contiguous and not _is_viewable(array, sizes):
        input = Clone.apply(input)
    return Reshape.apply(input, shape=sizes)


def shaped(input: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return an operand or a result of an operation in the shape wanted: itself when it has that shape, not a view of
    it."""
    return input if input._array.shape == shape else reshape(input, shape)


def view(input: Tensor, *shape: Any) -> Tensor:
    """Return input with another shape (or, given a dtype, its bytes as another type) over the same buffer."""
    sizes = as_sizes(shape)
    array = input._array
    filled = sizes if math.prod(sizes) == array.size and min(sizes, default=0) >= 0 else _filled_in(sizes, array.size)
    if not array.flags.c_contiguous and not _is_viewable(array, filled):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            f"contiguous subspaces). Use .reshape(...) instead. (from {list(input.shape)} to {list(sizes)})"
        )
    return Reshape.apply(input, shape=filled)


@public(function=False)
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the tensor viewed in the shape of other."""
    return view(self, other.shape)


@public(function=False)
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the tensor in the shape of other."""
    return reshape(self, other.shape)


@public
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return input with the dimensions start_dim to end_dim merged into one."""
    start, end = wrap_dim(start_dim, input.ndim), wrap_dim(end_dim, input.ndim)
    if input.ndim == 0:
        return reshape(input, 1)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end:
        return input
    shape = input._array.shape
    return reshape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@public
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return input with dimension `dim` split into `sizes`, one of which may be -1."""
    dim = wrap_dim(dim, input.ndim)
    shape = input._array.shape
    return reshape(input, shape[:dim] + _filled_in(as_integers(sizes, "sizes"), shape[dim]) + shape[dim + 1 :])


@public
def ravel(input: Tensor) -> Tensor:
    """Return input as one dimension: a view where it is contiguous, else a copy."""
    return reshape(contiguous(input), -1)


@public
def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Return input without its dimensions of size 1, or without those of `dim` that have size 1."""
    shape = input._array.shape
    dims = range(input.ndim) if dim is None else wrap_dims(dim, input.ndim)
    operation = SqueezeAll if dim is None else Squeeze if is_integer(dim) else SqueezeSeveral
    return operation.apply(input, dims=tuple(d for d in dims if shape[d] == 1))


@public
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return input with a dimension of size 1 at `dim`."""
    return Unsqueeze.apply(input, dim=wrap_dim(dim, input.ndim + 1))


@public(also="swapaxes swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return input with two dimensions swapped."""
    dim0, dim1 = wrap_dim(dim0, input.ndim), wrap_dim(dim1, input.ndim)
    return Alias.apply(input) if input.ndim == 0 else Transpose.apply(input, dim0=dim0, dim1=dim1)


@public(function=False, method=False, attribute=True, name="T")
def transposed(self: Tensor) -> Tensor:
    """The tensor with its dimensions reversed."""
    return permute(self, *range(self.ndim - 1, -1, -1))


@public(function=False, method=False, attribute=True, name="mT")
def matrix_transposed(self: Tensor) -> Tensor:
    """The tensor with its last two dimensions swapped."""
    if self.ndim < 2:
        raise RuntimeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor.")
    return transpose(self, -2, -1)


@public
def t(input: Tensor) -> Tensor:
    """Return the transpose of a matrix; a vector or scalar as it is."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return T.apply(input, dim0=0, dim1=1) if input.ndim == 2 else Alias.apply(input)


@public
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


@public(also="moveaxis")
def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return input with the dimensions `source` moved to the places `destination`."""
    if is_integer(source) is not is_integer(destination):
        raise TypeError(f"movedim(): expected two ints or two tuples of ints, but got {source!r} and {destination!r}")
    sources = [wrap_dim(d, input.ndim) for d in ((source,) if is_integer(source) else source)]
    places = [wrap_dim(d, input.ndim) for d in ((destination,) if is_integer(destination) else destination)]
    if len(sources) != len(places):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({sources} dims) should contain the same number of "
            f"dims as destination ({places} dims)"
        )
    order = [d for d in range(input.ndim) if d not in sources]
    for place, dim in sorted(zip(places, sources)):
        order.insert(place, dim)
    return Permute.apply(input, dims=tuple(order))


@public(function=False)
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


@public(function=False)
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Return input expanded to the shape of other."""
    return expand(input, other._array.shape)


@public
def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """Return input expanded to `size`."""
    return expand(input, tuple(size))


@public(method=False)
def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors expanded to their common shape."""
    return tuple(broadcast_together(*tensors))


@public(method=False)
def broadcast_shapes(*shapes: int | Sequence[int]) -> Size:
    """Return the shape that the given shapes broadcast to."""
    result: tuple[int, ...] = ()
    for shape in shapes:
        sizes = (shape,) if is_integer(shape) else as_integers(shape, "size")
        if min(sizes, default=0) < 0:
            raise ValueError(f"Attempting to broadcast a dimension with negative length: {list(sizes)}")
        result = broadcast_shape(result, sizes)
    return Size(result)


@public(function=False)
def contiguous(input: Tensor, memory_format: MemoryFormat | None = None) -> Tensor:
    """Return input itself when its elements lie in row-major order, else a copy in which they do."""
    check_memory_format(memory_format, "contiguous")
    return input if input._array.flags.c_contiguous else Clone.apply(input)


@public
def clone(input: Tensor, *, memory_format: MemoryFormat | None = None) -> Tensor:
    """Return a copy, in row-major order, through which gradients flow."""
    check_memory_format(memory_format, "clone")
    return Clone.apply(input)


@public
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return input[start : start + length] along `dim`."""
    if input.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    dim = wrap_dim(dim, input.ndim)
    size = input._array.shape[dim]
    start, length = as_integer(start, "start"), as_integer(length, "length")
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start = start + size if start < 0 else start
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return Slice.apply(input, index=(slice(None),) * dim + (slice(start, start + length),))


@public
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return a copy of input[start : start + length] along `dim`."""
    return Clone.apply(narrow(input, dim, start, length))


@public
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return input at one index of `dim`, without that dimension."""
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = wrap_dim(dim, input.ndim)
    size = input._array.shape[dim]
    index = as_integer(index, "index")
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return Slice.apply(input, index=(slice(None),) * dim + (index,))


@public
def flip(input: Tensor, *dims: Any) -> Tensor:
    """Return a copy of input read backwards along `dims`."""
    dims = as_sizes(dims)
    return Flip.apply(input, dims=wrap_dims(dims, input.ndim) if dims else ())
