"""Indexing by numbers: every gather is a gather of rows, every scatter a scatter of rows.

An index of several integer tensors is folded into one row number, so that one kernel each way serves them all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..op import Op
from ..tensor import Tensor, wrap
from .bounds import in_range
from .cast import Number, as_number, broadcast, broadcast_together, cast, is_scalar, to_device
from .creation import arange
from .elementwise import MaskedFill, choose, where
from .integers import as_integer, is_integer, wrap_dim
from .nested import array_of
from .public import public
from .shape import Alias, Slice, permute, reshape, shaped, unsqueeze


class GatherRows(Op):
    """y_m = x[index_m] for x (N, C), index (M,)."""

    saved_as = "indices"

    def forward(ctx, x, index):
        ctx.count = x.shape[0]
        return ctx.backend.gather_rows(x, index)

    def keep(ctx, y, x, index):
        ctx.save(index)

    def backward(ctx, gy):
        (index,) = ctx.saved
        return ScatterAddRows.apply(gy, index, count=ctx.count), None

    def name(ctx) -> str:
        return "IndexBackward0"


class ScatterAddRows(Op):
    """gx_n = the sum of gy_m over index_m = n, added in order of m."""

    def forward(ctx, gy, index, count):
        return ctx.backend.scatter_add_rows(gy, index, count)

    def keep(ctx, gx, gy, index, count):
        ctx.save(index)

    def backward(ctx, ggx):
        (index,) = ctx.saved
        return GatherRows.apply(ggx, index), None


class ScatterRows(Op):
    """y = x with rows index_m replaced by values_m; of several for one row the last stays."""

    def forward(ctx, x, index, values):
        y = ctx.backend.copy(x)
        ctx.backend.scatter_rows(y, index, values)
        return y

    def keep(ctx, y, x, index, values):
        ctx.save(index)

    def backward(ctx, gy):
        (index,) = ctx.saved
        gx = gvalues = None
        if ctx.needs(0):
            gx = ScatterRows.apply(gy, index, gy.new_zeros((len_of(index), gy._array.shape[1])))
        if ctx.needs(2):
            gvalues = where(_stays(index, len_of(gy)), GatherRows.apply(gy, index), 0.0)
        return gx, None, gvalues

    def name(ctx) -> str:
        return "IndexPutBackward0"


def _stays(index: Tensor, count: int) -> Tensor:
    """Return, as a column, whether each of the rows written is still there: of several for one place the last is."""
    number = unsqueeze(arange(len_of(index), device=index.device), 1)
    last = ScatterRows.apply(number.new_zeros((count, 1)), index, number)
    return GatherRows.apply(last, index) == number


# ---------------------------------------------------------------------------------------------- x[index]


def getitem(x: Tensor, index: Any) -> Tensor:
    """Return x[index] with NumPy's and PyTorch's rules: basic indices give views, tensors and masks give copies."""
    if type(index) is int:
        return Slice.apply(x, index=(_in_range(index, x._array.shape, 0),))
    basic, advanced = _parse(x, index)
    view = Slice.apply(x, index=basic) if basic else Alias.apply(x)
    return _Advanced(view, advanced).gather() if advanced else view


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """Write value, broadcast, into x[index] in place."""
    from .inplace import copy_, overwrite
    from .overlap import check_overlap

    basic, advanced = _parse(x, index)
    view = Slice.apply(x, index=basic) if basic else Alias.apply(x)
    given = value
    if not isinstance(value, Tensor):
        if not is_scalar(value):
            raise TypeError(
                f"can't assign a {type(value).__name__} to a {x.type()}. Make a tensor of it: torch.tensor(value)."
            )
        value = x.new_tensor(value)
    if not advanced:
        if value.ndim > view.ndim:  # leading dimensions of size 1 are dropped, as in PyTorch
            value = reshape(value, value._array.shape[value.ndim - view.ndim :])
        copy_(view, value)
        return
    if value.device is not x.device and value.ndim == 0:
        value = to_device(value, x.device)
    is_fill = value._array.size == 1 and len(advanced) == 1 and advanced[0][1]._array.dtype.kind == "b"
    if isinstance(given, Tensor) and value.dtype is not x.dtype and not is_fill:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{dtypes.SCALAR_TYPES[x.dtype.name]} for the destination and {dtypes.SCALAR_TYPES[value.dtype.name]} for "
            f"the source. Cast it first: value.to({x.dtype})."
        )
    check_overlap(view, (value,), "index_put_")
    overwrite(view, _Advanced(view, advanced).scatter(cast(value, x.dtype)), "index_put_")


def _in_range(index: int, shape: tuple[int, ...], dim: int, place: int | None = None) -> int:
    """Return an index into a dimension, which errors call, as in PyTorch, by its place among the indices."""
    if not shape:
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
            "0-dim tensor to a number"
        )
    if dim >= len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    if not -shape[dim] <= index < shape[dim]:
        raise IndexError(
            f"index {index} is out of bounds for dimension {dim if place is None else place} with size {shape[dim]}"
        )
    return index


def _parse(x: Tensor, index: Any) -> tuple[tuple, list[tuple[int, Tensor]]]:
    """Split an index into a basic one and the integer or bool tensors that then apply to dimensions of its result."""
    parts = list(index) if isinstance(index, tuple) or _stands_for_a_tuple(index) else [index]
    parts = [_as_part(x, part) for part in parts]
    consumed = sum(
        part.ndim if isinstance(part, Tensor) and part._array.dtype.kind == "b" else 1
        for part in parts
        if part is not None and part is not Ellipsis and not isinstance(part, bool)
    )
    shape = x._array.shape
    if consumed > len(shape):
        if not shape and all(type(part) is int for part in parts):
            _in_range(parts[0], shape, 0)
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    if sum(part is Ellipsis for part in parts) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if Ellipsis not in [part if not isinstance(part, Tensor) else None for part in parts]:
        parts.append(Ellipsis)
    basic: list[Any] = []
    advanced: list[tuple[int, Tensor]] = []
    dim = out = 0  # the dimension of x that the next part takes, and of the basic result it gives
    for place, part in enumerate(parts):
        if part is Ellipsis:
            skipped = len(shape) - consumed
            basic.extend([slice(None)] * skipped)
            dim, out = dim + skipped, out + skipped
        elif part is None:
            basic.append(None)
            out += 1
        elif isinstance(part, bool):  # a new dimension of size 1 or 0
            basic.append(None)
            advanced.append((out, wrap(x.device.backend.full((1,), part, np.bool_), x.device)))
            out += 1
        elif type(part) is int:
            basic.append(_in_range(part, shape, dim, place))
            dim += 1
        elif isinstance(part, slice):
            if part.step is not None and part.step <= 0:
                raise ValueError("step must be greater than zero")
            basic.append(part)
            dim, out = dim + 1, out + 1
        else:
            taken = part.ndim if part._array.dtype.kind == "b" else 1
            basic.extend([slice(None)] * taken)
            advanced.append((out, part))
            dim, out = dim + taken, out + taken
    while basic and isinstance(basic[-1], slice) and basic[-1] == slice(None):
        basic.pop()
    return tuple(basic), advanced


def _stands_for_a_tuple(index: Any) -> bool:
    """Whether a list is read as a tuple of indices: as in PyTorch, a short one that holds more than numbers."""
    return isinstance(index, list) and len(index) < 32 and not all(_is_number(part) for part in index)


def _is_number(part: Any) -> bool:
    return isinstance(part, (int, float, np.generic))


def _as_part(x: Tensor, part: Any) -> Any:
    if part is None or part is Ellipsis or isinstance(part, bool):
        return part
    if isinstance(part, slice):
        return slice(*(None if bound is None else _as_int(bound) for bound in (part.start, part.stop, part.step)))
    if isinstance(part, (int, np.integer)):
        return int(part)
    if isinstance(part, (list, tuple, range)):
        part = array_of(part, dtypes.int64 if len(part) == 0 else None)
    if isinstance(part, np.ndarray):
        array = np.asarray(part)
        if array.size == 0 and array.dtype.kind != "b":
            array = array.astype(np.int64)
        part = wrap(x.device.backend.from_numpy(array), x.device)
    if not isinstance(part, Tensor):
        raise (TypeError if isinstance(part, str) else IndexError)(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
            f"(got {type(part).__name__})"
        )
    kind = part._array.dtype.kind
    if kind not in "iub" or part._array.dtype in (np.int8, np.int16):
        raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, but got {part.dtype}")
    if part.ndim == 0 and kind in "iu" and part.device.axis is None:  # a vmapped one is a number per example
        return int(part.item())
    if part.ndim == 0 and part.device.axis is None:
        return bool(part)
    if part.device is not x.device:
        part = to_device(part, x.device)
    if part._array.dtype == np.uint8:
        part = part != 0
    return part if part._array.dtype.kind == "b" else cast(part, dtypes.int64)


def _as_int(bound: Any) -> int:
    if not is_integer(bound) and not (isinstance(bound, Tensor) and bound._array.size == 1):
        raise TypeError("slice indices must be integers or None or have an __index__ method")
    return as_integer(bound)


class _Advanced:
    """An index by integer or bool tensors, folded into row numbers of a matrix made of the tensor.

    With `is_checked`, the integers are known to be in range and not negative.
    """

    def __init__(self, x: Tensor, advanced: Sequence[tuple[int, Tensor]], is_checked: bool = False) -> None:
        self.x = x
        shape = x._array.shape
        numbers: list[tuple[int, Tensor]] = []
        for dim, part in advanced:
            if part._array.dtype.kind != "b":
                numbers.append((dim, part if is_checked else _counted(part, shape[dim], dim)))
                continue
            if part._array.shape != shape[dim : dim + part.ndim]:
                wrong = next(d for d in range(part.ndim) if part._array.shape[d] != shape[dim + d])
                raise IndexError(
                    f"The shape of the mask {list(part.shape)} at index {wrong} does not match the shape of the "
                    f"indexed tensor {list(shape)} at index {dim + wrong}"
                )
            coordinates = wrap(part.device.backend.nonzero(part._array), part.device)
            numbers.extend((dim + d, coordinates.select(1, d)) for d in range(part.ndim))
        self.dims = [dim for dim, _ in numbers]
        try:
            indices = broadcast_together(*(index for _, index in numbers))
        except RuntimeError as error:
            shapes = ", ".join(str(list(index.shape)) for _, index in numbers)
            raise IndexError(
                f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
            ) from error
        self.index_shape = indices[0]._array.shape
        self.sizes = [shape[dim] for dim in self.dims]
        row: Tensor | None = None
        for index, size in zip(indices, self.sizes):
            row = index if row is None else row * size + index
        assert row is not None
        self.row = reshape(row, (-1,)) if row._array.size else reshape(row, (0,))
        # Where the result's index dimensions go: in place of the indexed ones when those are neighbours, else in front.
        together = self.dims == list(range(self.dims[0], self.dims[0] + len(self.dims)))
        self.place = self.dims[0] if together else 0
        self.rest = [d for d in range(len(shape)) if d not in self.dims]
        self.rest_shape = tuple(shape[d] for d in self.rest)

    def _as_matrix(self, x: Tensor) -> Tensor:
        ordered = permute(x, *self.dims, *self.rest)
        return reshape(ordered, (math.prod(self.sizes), math.prod(self.rest_shape)))

    def gather(self) -> Tensor:
        rows = GatherRows.apply(self._as_matrix(self.x), self.row)
        result = shaped(rows, (*self.index_shape, *self.rest_shape))
        return self._index_dims_into_place(result)

    def _index_dims_into_place(self, x: Tensor) -> Tensor:
        if self.place == 0:
            return x
        count = len(self.index_shape)
        order = [*range(count, count + self.place), *range(count), *range(count + self.place, x.ndim)]
        return permute(x, *order)

    def scatter(self, values: Tensor) -> Tensor:
        """Return x with `values`, broadcast, at the index."""
        x, count = self.x, len(self.index_shape)
        placed = (*self.rest_shape[: self.place], *self.index_shape, *self.rest_shape[self.place :])
        if values.ndim > len(placed):
            values = reshape(values, values._array.shape[values.ndim - len(placed) :])
        values = broadcast(values, placed) if _fits(values._array.shape, placed) else _refuse(values, placed)
        if self.place:
            front = range(self.place, self.place + count)
            values = permute(values, *front, *(d for d in range(values.ndim) if d not in front))
        rows = reshape(values, (len_of(self.row), math.prod(self.rest_shape)))
        written = ScatterRows.apply(self._as_matrix(x), self.row, rows)
        ordered = reshape(written, (*self.sizes, *self.rest_shape))
        order = [*self.dims, *self.rest]
        return permute(ordered, *(order.index(d) for d in range(x.ndim)))


def len_of(x: Tensor) -> int:
    """Return the size of the first dimension."""
    return x._array.shape[0]


def _fits(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    return len(shape) <= len(target) and all(s in (1, t) for s, t in zip(shape[::-1], target[::-1]))


def _refuse(values: Tensor, target: tuple[int, ...]) -> Tensor:
    raise RuntimeError(
        f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result of shape "
        f"{list(target)}"
    )


def _counted(index: Tensor, size: int, dim: int) -> Tensor:
    message = f"index {{index}} is out of bounds for dimension {dim} with size {size}"
    return in_range(index, size, message, low=-size)


# ----------------------------------------------------------------------------------------- named gathers and scatters


def as_index(name: str, index: Tensor) -> Tensor:
    """Return an int64 or int32 index as int64; PyTorch's error for other dtypes."""
    if index._array.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32 or int64 for index (int32/int64), but got {index.dtype}")
    return cast(index, dtypes.int64)


def _along(x_shape: tuple[int, ...], dim: int, index: Tensor, name: str) -> Tensor:
    """Return the flat position in a tensor of `x_shape` of each element of a gather/scatter index along `dim`."""
    index = as_index(name, index)
    if not index._array.size:
        return reshape(index, (0,))
    if index.ndim != max(len(x_shape), index.ndim if not x_shape else 0):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as input tensor ({name}: {index.ndim} and "
            f"{len(x_shape)})"
        )
    if not x_shape:
        return in_range(
            reshape(index, (-1,)), 1, "index {index} is out of bounds for dimension 0 with size 1", RuntimeError
        )
    for d, (size, limit) in enumerate(zip(index._array.shape, x_shape)):
        if d != dim and size > limit:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.shape)} to be no larger than self "
                f"{list(x_shape)} apart from dimension {dim}"
            )
    message = f"index {{index}} is out of bounds for dimension {dim} with size {x_shape[dim]}"
    index = in_range(index, x_shape[dim], message, RuntimeError)
    position: Tensor | None = None
    stride = math.prod(x_shape)
    for d, size in enumerate(x_shape):
        stride //= max(size, 1)
        if d == dim:
            term = index * stride
        else:
            length = index._array.shape[d]
            steps = arange(length, device=index.device) * stride
            term = reshape(steps, tuple(length if e == d else 1 for e in range(len(x_shape))))
        position = term if position is None else position + term
    assert position is not None
    return reshape(broadcast(position, index._array.shape), (index._array.size,))


def _whole_rows(input: Tensor, dim: int, index: Tensor) -> Tensor | None:
    """Return the row numbers of an index along dimension 0 that is a vector expanded over whole rows, else None."""
    array, shape = index._array, input._array.shape
    strides = getattr(array, "strides", (1,))
    if dim != 0 or array.ndim < 2 or not array.size or array.shape[1:] != shape[1:] or any(strides[1:]):
        return None
    rows = Slice.apply(as_index("scatter_add", index), index=(slice(None), *(0,) * (array.ndim - 1)))
    message = f"index {{index}} is out of bounds for dimension 0 with size {shape[0]}"
    return in_range(rows, shape[0], message, RuntimeError)


@public(out=True)
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Return input's elements at `index` along `dim`: out[i][j] = input[index[i][j]][j] for dim 0."""
    dim = wrap_dim(dim, input.ndim)
    position = _along(input._array.shape, dim, index, "gather")
    column = reshape(input, (input._array.size, 1))
    return reshape(GatherRows.apply(column, position), index._array.shape)


@public(in_place="method", out=True)
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor | Number | None = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> Tensor:
    """Return input with src, a tensor or a number (also as `value`), written at `index` along `dim`.

    With `reduce`, "add" or "multiply", it is added or multiplied to what is there.
    """
    source: Any = value if src is None else src
    if source is None:
        raise TypeError("scatter(): missing the argument 'src', or 'value' for a number")
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError("reduce argument must be either add or multiply.")
        source = input.new_full(index._array.shape, source) if is_scalar(source) else source
        if reduce == "add":
            return scatter_add(input, dim, index, source)
        return input.scatter_reduce(dim, index, source, "prod")
    dim = wrap_dim(dim, input.ndim)
    position = _along(input._array.shape, dim, index, "scatter")
    if is_scalar(source):
        source = input.new_full(index._array.shape, source)
    _refuse_another_dtype(input, source)
    source = _part_under_index(source, index)
    written = ScatterRows.apply(reshape(input, (-1, 1)), position, reshape(source, (index._array.size, 1)))
    return reshape(written, input._array.shape)


@public(in_place="method", out=True)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Return input with src added at `index` along `dim`; repeated places add up, always in the same order."""
    dim = wrap_dim(dim, input.ndim)
    rows = _whole_rows(input, dim, index) if index._array.shape == src._array.shape else None
    if rows is not None:
        _refuse_another_dtype(input, src)
        added = ScatterAddRows.apply(reshape(src, (len(rows), -1)), rows, count=input._array.shape[0])
        return input + reshape(added, input._array.shape)
    position = _along(input._array.shape, dim, index, "scatter_add")
    _refuse_another_dtype(input, src)
    column = reshape(_part_under_index(src, index), (index._array.size, 1))
    added = ScatterAddRows.apply(column, position, count=input._array.size)
    return input + reshape(added, input._array.shape)


def _refuse_another_dtype(input: Tensor, src: Tensor) -> None:
    if input.dtype is not src.dtype:
        raise RuntimeError(
            f"scatter(): Expected self.dtype to be equal to src.dtype, but got {input.dtype} and {src.dtype}. Cast it "
            f"first: src.to({input.dtype})."
        )


def _part_under_index(src: Tensor, index: Tensor) -> Tensor:
    """A source may be larger than its index: only the part that the index covers is used."""
    own, wanted = src._array.shape, index._array.shape
    if own == wanted:
        return src
    if len(own) != len(wanted) and index._array.size:
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    if any(size > limit for size, limit in zip(wanted, own)):
        raise RuntimeError(
            f"Expected index {list(index.shape)} to be no larger than src {list(src.shape)} in every dimension"
        )
    return Slice.apply(src, index=tuple(slice(0, size) for size in index._array.shape))


@public(out=True)
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the slices of input at `index` (a vector) along `dim`."""
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    dim = wrap_dim(dim, input.ndim)
    index = reshape(as_index("index_select", index), (-1,))
    size = input._array.shape[dim] if input.ndim else 1
    index = in_range(index, size, f"index out of range in self: index {{index}} of dimension {dim} with size {size}")
    if input.ndim == 0:
        return reshape(getitem(reshape(input, (1,)), index), ())
    return _Advanced(input, [(dim, index)], is_checked=True).gather()


@public(in_place="method")
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Return input with `value` (a number or 0-d tensor) where the mask holds."""
    if mask._array.dtype.kind != "b":
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} "
                "dimension(s)."
            )
        if value.is_cpu and value.device.axis is None and value._edge is None:  # a GPU is not waited for
            dtypes.fitting(value._array.item(), input.dtype)
        value = cast(value, input.dtype)
    else:
        value = dtypes.fitting(as_number(value), input.dtype)
    return choose(MaskedFill, mask, value, input)


@public(out=True)
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the elements of input where the mask holds, as one dimension."""
    input, mask = broadcast_together(input, mask)
    return getitem(input, mask)


@public(out=True)
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Return the indices of nonzero elements, (n, ndim), or with `as_tuple` one vector per dimension. Synchronises."""
    coordinates = wrap(input.device.backend.nonzero(input._array), input.device)
    if not as_tuple:
        return coordinates
    if input.ndim == 0:
        return (coordinates.new_zeros(coordinates.shape[0]),)
    return tuple(coordinates.select(1, d) for d in range(input.ndim))


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 zeros with a 1 at each index along a new last dimension."""
    if tensor._array.dtype != np.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type LongTensor, but got {tensor.dtype}.")
    if num_classes == -1 and tensor._array.size == 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor. Pass num_classes.")
    if num_classes == -1:
        num_classes = int(tensor.max().item()) + 1 if tensor._array.size else 0
    if tensor._array.size and tensor.device.axis is None:  # vmapped values are not read
        low, high = int(tensor.min().item()), int(tensor.max().item())
        if low < 0:
            raise RuntimeError("Class values must be non-negative.")
        if high >= num_classes:
            raise RuntimeError(f"Class values must be smaller than num_classes, but {high} >= {num_classes}.")
    return cast(unsqueeze(tensor, -1) == arange(num_classes, device=tensor.device), dtypes.int64)
