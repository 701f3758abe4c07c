"""Tensors from numbers, arrays and shapes."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..device import cpu as CPU
from ..device import resolve
from ..dtypes import DType
from ..layouts import MemoryFormat, check_memory_format
from ..modes import modes
from ..tensor import AccumulateGrad, Size, Tensor, check_can_require_grad, mark_inference, wrap
from ..user_line import warn
from . import nested
from .cast import Number, as_number, cast, to_device
from .integers import as_integer, as_new_sizes
from .public import public


def with_grad(tensor: Tensor, requires_grad: bool) -> Tensor:
    """Return the fresh tensor as a leaf that requires grad, or as it is; marked when made in inference mode."""
    if modes.inference:
        mark_inference(tensor)
        if requires_grad:
            check_can_require_grad(tensor._array)
            tensor._inert_flag = True
    elif requires_grad:
        check_can_require_grad(tensor._array)
        tensor._edge = (AccumulateGrad(tensor), 0)
    return tensor


@public(method=False)
def tensor(data: Any, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a new tensor with a copy of data: a number, nested sequences, a NumPy array or a tensor.

    Without `dtype`, Python floats give the default dtype, ints int64, bools bool; arrays keep theirs.
    """
    if isinstance(data, Tensor):
        return _from_tensor(data, dtype, device, requires_grad)
    place = resolve(device)
    array = _as_array(data, dtype)
    return with_grad(wrap(array if place is CPU else place.backend.from_numpy(array), place), requires_grad)


def _from_tensor(source: Tensor, dtype: DType | None, device: Any, requires_grad: bool) -> Tensor:
    place = source.device if device is None else resolve(device)
    copy = source.detach().clone()
    copy = to_device(cast(copy, dtype or source.dtype), place)
    return with_grad(wrap(copy._array, place), requires_grad)


def _as_array(data: Any, dtype: DType | None) -> np.ndarray:
    """Return a fresh C-contiguous array of a supported dtype."""
    if isinstance(data, (np.ndarray, np.generic)) or (hasattr(data, "__array__") and not nested.is_sequence(data)):
        data = np.asarray(data)
        wanted = dtypes.from_numpy(data.dtype) if dtype is None else dtypes.as_dtype(dtype)
        array = np.array(data, dtype=wanted.numpy, order="C", copy=True)
        return array if array.dtype is wanted.numpy else array.view(wanted.numpy)  # as in from_numpy
    if nested.is_sequence(data):
        return nested.array_of(data, dtype)
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    nested.dtype_of_number(data)
    return nested.array_of((data,), dtype).reshape(())


@public(method=False)
def as_tensor(data: Any, dtype: DType | None = None, device: Any = None) -> Tensor:
    """Return data as a tensor, sharing memory and history where dtype and device allow."""
    if isinstance(data, Tensor):
        data = to_device(data, data.device if device is None else resolve(device))
        return data if dtype is None else cast(data, dtype)
    if isinstance(data, np.ndarray) and resolve(device) is CPU:
        shared = from_numpy(data)
        return shared if dtype is None else cast(shared, dtype)
    return tensor(data, dtype=dtype, device=device)


@public(method=False)
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """Return a CPU tensor over the array's own memory: writes to either are seen in both."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    known = dtypes.from_numpy(ndarray.dtype).numpy
    if not ndarray.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte orders is "
            "currently not supported. Convert it first: array.astype(array.dtype.newbyteorder('='))"
        )
    if ndarray.dtype is not known:  # one that was unpickled has an equal dtype of its own, which no kernel is told by
        ndarray = ndarray.view(known)
    return with_grad(wrap(ndarray, CPU), False)


def _filled(size: tuple, value: Number, dtype: DType | None, device: Any, requires_grad: bool) -> Tensor:
    place = resolve(device)
    dtype = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    value = dtypes.fitting(value, dtype)
    return with_grad(wrap(place.backend.full(size, value, dtype.numpy), place), requires_grad)


@public(method=False, out=True)
def zeros(*size: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of the given size."""
    return _filled(as_new_sizes(size), 0, dtype, device, requires_grad)


@public(method=False, out=True)
def ones(*size: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones of the given size."""
    return _filled(as_new_sizes(size), 1, dtype, device, requires_grad)


@public(method=False, out=True)
def full(
    size: Sequence[int],
    fill_value: Number,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor filled with one value, whose own dtype is the default."""
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    return _filled(as_new_sizes((size,)), fill_value, dtype or dtypes.of_scalar(fill_value), device, requires_grad)


@public(method=False, out=True)
def empty(*size: Any, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor whose elements are whatever the memory held."""
    place = resolve(device)
    dtype = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)
    return with_grad(wrap(place.backend.empty(as_new_sizes(size), dtype.numpy), place), requires_grad)


@public(method=False)
def zeros_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """Return zeros with the shape, dtype and device of input."""
    check_memory_format(memory_format, "zeros_like")
    return _filled(input._array.shape, 0, dtype or input.dtype, device or input.device, requires_grad)


@public(method=False)
def ones_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """Return ones with the shape, dtype and device of input."""
    check_memory_format(memory_format, "ones_like")
    return _filled(input._array.shape, 1, dtype or input.dtype, device or input.device, requires_grad)


@public(method=False)
def full_like(
    input: Tensor,
    fill_value: Number,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """Return a tensor filled with one value, with the shape, dtype and device of input."""
    check_memory_format(memory_format, "full_like")
    return _filled(input._array.shape, fill_value, dtype or input.dtype, device or input.device, requires_grad)


@public(method=False)
def empty_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """Return an unfilled tensor with the shape, dtype and device of input."""
    check_memory_format(memory_format, "empty_like")
    return empty(
        input._array.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad
    )


def _range(start: Any, end: Any, step: Any) -> tuple[Number, Number, Number]:
    """Return a range's numbers as Python's; PyTorch's errors for those that have none."""
    start, end, step = (as_number(v) for v in (start, end, step))
    if not (step > 0 or step < 0):
        raise RuntimeError(f"step must be nonzero, but got {step}")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    return start, end, step


@public(method=False, out=True)
def arange(
    start: Number | None = None,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return start, start + step, ... up to but without end; ``arange(end)`` starts at 0."""
    if end is None:
        start, end = 0, start
    if end is None:
        raise TypeError("arange() missing the argument 'end': arange(end), or arange(start, end)")
    start, end, step = _range(0 if start is None else start, end, step)
    count = builtins.max(math.ceil((end - start) / step), 0)
    if dtype is None:
        is_integer = builtins.all(isinstance(v, int) for v in (start, end, step))
        dtype = dtypes.int64 if is_integer else dtypes.get_default_dtype()
    place = resolve(device)
    return with_grad(wrap(place.backend.arange(start, step, count, dtype.numpy), place), requires_grad)


@public(method=False, out=True)
def linspace(
    start: float, end: float, steps: int, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return `steps` evenly spaced numbers from start to end, both included."""
    start, end = as_number(start, "linspace", "start"), as_number(end, "linspace", "end")
    if as_integer(steps, "steps") < 0:
        raise RuntimeError("number of steps must be non-negative")
    with np.errstate(invalid="ignore"):
        values = np.linspace(start, end, steps)
        if not (math.isfinite(start) and math.isfinite(end)):  # steps from the nearer end that are not finite
            step, places = np.float64(end - start), np.arange(steps)
            values = np.where(places < steps // 2, start + step * places, end - step * (steps - 1 - places))
            values = values if steps > 1 else np.full(steps, start)
    dtype = dtype or dtypes.get_default_dtype()
    for bound in (start, end):
        dtypes.fitting(bound, dtype)
    return tensor(values, dtype=dtype, device=device, requires_grad=requires_grad)


@public(method=False, out=True)
def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return base ** linspace(start, end, steps)."""
    if as_integer(steps, "steps") < 0:
        raise RuntimeError("number of steps must be non-negative")
    if steps == 1:
        dtypes.fitting(as_number(base) ** as_number(start), dtype or dtypes.get_default_dtype())
        end = start  # which may be infinite
    values = as_number(base) ** np.linspace(as_number(start), as_number(end), steps)
    return tensor(values, dtype=dtype or dtypes.get_default_dtype(), device=device, requires_grad=requires_grad)


@public(method=False, out=True)
def eye(
    n: int, m: int | None = None, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return an n x m matrix (m = n by default) with ones on the diagonal and zeros elsewhere."""
    n = as_integer(n, "n")
    m = n if m is None else as_integer(m, "m")
    if n < 0 or m < 0:
        raise RuntimeError(f"n must be greater or equal to 0, got {n} and {m}")
    is_diagonal = arange(n, device=device).unsqueeze(1) == arange(m, device=device)
    return with_grad(cast(is_diagonal, dtype or dtypes.get_default_dtype()), requires_grad)


def _triangle(input: Tensor, diagonal: int, keep_lower: bool) -> Tensor:
    from .elementwise import where

    diagonal = as_integer(diagonal, "diagonal")
    if input.ndim < 2:
        raise RuntimeError(f"{'tril' if keep_lower else 'triu'}: input tensor must have at least 2 dimensions")
    rows, columns = input._array.shape[-2:]
    distance = arange(columns, device=input.device) - arange(rows, device=input.device).unsqueeze(1)
    zero = False if input._array.dtype.kind == "b" else 0  # a number of a higher kind would raise the dtype
    return where(distance <= diagonal if keep_lower else distance >= diagonal, input, zero)


@public(in_place="method", out=True)
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the matrices of input with what lies above a diagonal set to 0."""
    return _triangle(input, diagonal, True)


@public(in_place="method", out=True)
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the matrices of input with what lies below a diagonal set to 0."""
    return _triangle(input, diagonal, False)


def initialise(self: Tensor, *data: Any, device: Any = None) -> None:
    """``Tensor(sizes)`` is not filled, ``Tensor(sequence)`` holds its numbers in the default dtype, ``Tensor(x)`` is
    x."""
    if len(data) == 1 and isinstance(data[0], Tensor):
        made = data[0].detach()
    elif len(data) == 1 and not isinstance(data[0], (Size, int, np.integer)):
        if isinstance(data[0], (float, complex)):
            raise TypeError(f"new(): data must be a sequence (got {type(data[0]).__name__})")
        made = tensor(data[0], dtype=dtypes.get_default_dtype(), device=device)
    else:
        made = empty(*(data or (0,)), device=device)
    self._array, self.device, self._cell = made._array, made.device, made._cell


@public(method=False)
def is_tensor(obj: Any) -> bool:
    """Return whether obj is a tensor."""
    return isinstance(obj, Tensor)


@public(method=False)
def scalar_tensor(s: Number, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor without dimensions that holds a number, in the default dtype unless another is given."""
    return full((), s, dtype=dtype or dtypes.get_default_dtype(), device=device, requires_grad=requires_grad)


@public(method=False)
def asarray(
    obj: Any,
    *,
    dtype: DType | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """Return obj as a tensor that shares its memory: where it can (copy=None), never (True), or else ValueError
    (False).

    obj is a tensor, a NumPy array, anything with `__dlpack__` or a buffer, or numbers. A tensor keeps its history
    unless requires_grad=False.
    """
    is_shared = True
    if isinstance(obj, (Tensor, np.ndarray)):
        y = as_tensor(obj, dtype=dtype, device=device)
        is_shared = y._array is (obj._array if isinstance(obj, Tensor) else obj)
    elif hasattr(obj, "__dlpack__") and not isinstance(obj, np.generic):
        y = as_tensor(np.from_dlpack(obj), dtype=dtype, device=device)
        is_shared = dtype is None and device is None
    elif isinstance(obj, (bytes, bytearray, memoryview)):
        y = frombuffer(obj, dtype=dtype or dtypes.get_default_dtype())
    else:
        y, is_shared = tensor(obj, dtype=dtype, device=device), False
    if copy is False and not is_shared:
        raise ValueError(
            "can't alias arbitrary sequence, or memory of another dtype or device, into a tensor. Pass copy=None."
        )
    if copy and is_shared:
        y = y.clone()
    if requires_grad is None or requires_grad == y.requires_grad:
        return y
    return with_grad(y.detach(), requires_grad)


@public(method=False)
def frombuffer(buffer: Any, *, dtype: DType, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """Return a vector over the memory of an object with a buffer: `count` elements (-1: all) from byte `offset` on."""
    dtype = dtypes.as_dtype(dtype)
    length, size = memoryview(buffer).nbytes, dtype.itemsize
    if length == 0 or count == 0:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} bytes) minus 1"
        )
    if count < 0 and (length - offset) % size:
        raise ValueError(
            f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple of element size "
            f"({size})"
        )
    if count > 0 and offset + count * size > length:
        raise ValueError(
            f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must not be greater than "
            f"actual buffer length ({length} bytes)"
        )
    array = np.frombuffer(buffer, dtype.numpy, count, offset)
    if not array.flags.writeable:
        warn("The given buffer is not writable; the tensor is a copy of it.")
        array = array.copy()
    return with_grad(wrap(array, CPU), requires_grad)


@public(method=False, out=True)
def range(
    start: Number,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return start, start + step, ... up to and with end.

    Deprecated, as in PyTorch: use `arange`, which excludes end.
    """
    warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end)."
    )
    if end is None:
        start, end = 0, start
    start, end, step = _range(start, end, step)
    place, count = resolve(device), math.floor((end - start) / step) + 1
    dtype = dtype or dtypes.get_default_dtype()
    return with_grad(wrap(place.backend.arange(start, step, count, dtype.numpy), place), requires_grad)
