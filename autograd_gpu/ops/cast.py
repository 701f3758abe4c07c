"""Making operands alike: dtype conversion, device moves and broadcasting, each an operation with its own backward.

These backwards are the only places that reduce a gradient to its input's dtype, device and shape.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .. import dtypes
from ..autocasting import casts_alike
from ..device import Device, cpu
from ..dtypes import DType
from ..modes import modes
from ..op import Op, View, interceptors
from ..tensor import Tensor, wrap
from .public import public

F = TypeVar("F", bound=Callable[..., Any])
Number = bool | int | float  # and complex, where a function says so
Scalar = (bool, int, float, complex, np.number, np.bool_)


class Cast(Op):
    """y = x in another dtype; of a complex number in a real one, its real part."""

    is_linear = True

    def forward(ctx, x, dtype):
        ctx.dtype = x.dtype
        return ctx.backend.cast(x, dtype)

    def backward(ctx, gy):
        return Cast.apply(gy, dtype=ctx.dtype)

    def name(ctx) -> str:
        return "ToCopyBackward0"


class CastToWhole(Cast):
    """y = x in an integer or bool dtype, where no gradient passes."""

    differentiable = False


class ToDevice(Op):
    """y = x on another device."""

    is_linear = True

    @classmethod
    def apply(cls, x, device):
        if x.device is device:
            return x
        if device.axis is not None or x.device.axis is not None:
            return (x.device if device.axis is None else device).move(x, device)
        y = super().apply(x, device=device)
        y.device = device
        return y

    def forward(ctx, x, device):
        host = x if ctx.backend is cpu.backend else ctx.backend.to_numpy(x)
        return host.copy() if device is cpu else device.backend.from_numpy(host)

    def keep(ctx, y, x, device):
        ctx.source = x.device

    def backward(ctx, gy):
        return ToDevice.apply(gy, device=ctx.source)

    def name(ctx) -> str:
        return "ToCopyBackward0"


class Expand(View):
    """y = x repeated along new or size-1 dimensions, without a copy (stride 0)."""

    def forward(ctx, x, shape):
        ctx.shape = x.shape
        missing = len(shape) - x.ndim
        if missing:
            x = x.reshape((1,) * missing + x.shape) if x.flags.c_contiguous else x[(None,) * missing]
        return ctx.backend.expand(x, shape)

    def backward(ctx, gy):
        return sum_to(gy, ctx.shape)


class SumTo(Op):
    """y = x summed over the dimensions that broadcasting `shape` would have repeated."""

    def forward(ctx, x, shape):
        ctx.shape = x.shape
        return ctx.backend.sum(x, _repeated(x.shape, shape), True, x.dtype).reshape(shape)

    def backward(ctx, gy):
        return Expand.apply(gy, shape=ctx.shape)

    def name(ctx) -> str:
        return "SumBackward1"


@functools.lru_cache(maxsize=4096)
def _repeated(shape: tuple[int, ...], of: tuple[int, ...]) -> tuple[int, ...]:
    """Return the dimensions of `shape` along which broadcasting repeats what has the shape `of`."""
    new = len(shape) - len(of)
    return tuple(d for d in range(len(shape)) if d < new or (of[d - new] == 1 and shape[d] != 1))


def cast(x: Tensor, dtype: DType) -> Tensor:
    """Return x in `dtype`; x itself when it has that dtype already."""
    if x._array.dtype == dtype.numpy:
        return x
    return (Cast if dtype.is_inexact else CastToWhole).apply(x, dtype=dtype.numpy)


def cast_to_sum(x: Tensor, dtype: DType) -> Tensor:
    """Return x in the dtype that it is to be summed in; whole numbers have no gradients to hand on."""
    if not dtype.is_floating_point and modes.grad and x.requires_grad:
        raise RuntimeError(
            f"Autograd not support dtype: {dtypes.SCALAR_TYPES[dtype.name]}: no gradient passes; x.detach() first"
        )
    return cast(x, dtype)


def same_dtype(name: str, like: Tensor, *, mixed: bool = False, **others: Tensor | None) -> None:
    """Refuse tensors, or None, of another dtype than `like`'s.

    With `mixed`, a half type takes parameters in float32 too.
    """
    for argument, x in others.items():
        if x is None or x._array.dtype == like._array.dtype or casts_alike(like, x):
            continue
        if mixed and like._array.dtype.itemsize == 2 and x.dtype is dtypes.float32:
            continue
        wanted, found = dtypes.SCALAR_TYPES[like.dtype.name], dtypes.SCALAR_TYPES[x.dtype.name]
        raise RuntimeError(
            f"{name}(): mixed dtype: expected {argument} to have the same dtype as the input: expected scalar type "
            f"{wanted} but found {found}. Cast it first: {argument}.to({like.dtype})."
        )


def rounded_once(function: F) -> F:
    """Decorate a function that is made of several operations: of half types it computes in float32, and rounds the end.

    That is for tensors of one half type, and not under autocast, which has rules of its own.
    """

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], Tensor) and args[0]._array.dtype.kind == "f" and not is_half(args[0]):
            return function(*args, **kwargs)
        floats = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor) and x._array.dtype.kind in "fV"]
        if not floats or not is_half(floats[0]) or kwargs.get("dtype") is not None:
            return function(*args, **kwargs)
        dtype = floats[0].dtype
        if any(x.dtype is not dtype for x in floats) or casts_alike(*floats):
            return function(*args, **kwargs)
        results = function(*map(in_full, args), **{name: in_full(x) for name, x in kwargs.items()})
        if isinstance(results, Tensor):
            return _rounded(results, dtype)
        parts = [_rounded(y, dtype) for y in results]
        return type(results)(*parts) if hasattr(results, "_fields") else type(results)(parts)

    return run  # type: ignore[return-value]


def slope_rounded_once(backward: F) -> F:
    """Decorate an operation's `backward` that is made of several: of half types it computes in float32, and rounds the
    end."""

    @functools.wraps(backward)
    def run(ctx: Any, *gradients: Any) -> Any:
        half = next((g.dtype for g in gradients if g is not None and is_half(g)), None)
        if half is None:
            return backward(ctx, *gradients)
        results = backward(_ReadInFloat32(ctx), *map(in_full, gradients))
        if not isinstance(results, tuple):
            return cast(results, half)
        return tuple(None if g is None else cast(g, half) for g in results)

    return run  # type: ignore[return-value]


class _ReadInFloat32:
    """A node whose saved values are read in float32 where they are of a half type."""

    def __init__(self, node: Any) -> None:
        self._node = node

    @property
    def saved(self) -> tuple:
        return tuple(map(in_full, self._node.saved))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)


def counting(dtype: DType) -> DType:
    """Return the dtype to count in for values of a dtype: a half type cannot, from 2049 (or 257) on."""
    return dtypes.float32 if dtype.itemsize == 2 else dtype


def _rounded(y: Tensor, dtype: DType) -> Tensor:
    return cast(y, dtype) if y.is_floating_point() else y


def wide_under_autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors, under autocast in float32: what PyTorch computes in, in functions made of several operations
    here."""
    if not interceptors:
        return tensors
    return tuple(cast(x, dtypes.float32) if casts_alike(x) else x for x in tensors)


def in_full(x: Any) -> Any:
    """Return x; a tensor of a half type in float32, where squares overflow late and a small bound is not zero."""
    return cast(x, dtypes.float32) if isinstance(x, Tensor) and is_half(x) else x


def is_half(x: Tensor) -> bool:
    """Whether a tensor is of a floating point dtype of 16 bits."""
    dtype = x._array.dtype
    return dtype.itemsize == 2 and dtype.kind in "fV"


def sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return x summed down to `shape`, the reverse of broadcasting."""
    return x if x._array.shape == shape else SumTo.apply(x, shape=shape)


def zero_gradient(g: Tensor) -> Tensor:
    """Return zeros like g, which a product with 0 would not give where g is infinite or NaN."""
    return wrap(g.device.backend.full(g._array.shape, 0, g._array.dtype), g.device)


def broadcast_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that a and b broadcast to; PyTorch's RuntimeError when they do not."""
    if len(a) < len(b):
        longer, shorter = b, a
    else:
        longer, shorter = a, b
    offset = len(longer) - len(shorter)
    if longer[offset:] == shorter:
        return longer
    shape = list(longer)
    for d in range(len(longer) - 1, offset - 1, -1):  # of several that differ the last is named
        size = shorter[d - offset]
        if size != shape[d] and size != 1:
            if shape[d] != 1:
                raise RuntimeError(
                    f"The size of tensor a ({a[d - len(longer)]}) must match the size of tensor b "
                    f"({b[d - len(longer)]}) at non-singleton dimension {d}"
                )
            shape[d] = size
    return tuple(shape)


def broadcast(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return x expanded to `shape`, which it is known to broadcast to."""
    return x if x._array.shape == shape else Expand.apply(x, shape=shape)


def broadcast_together(*tensors: Tensor) -> list[Tensor]:
    """Return the tensors expanded to their common shape."""
    shape: tuple[int, ...] = ()
    for tensor in tensors:
        shape = broadcast_shape(shape, tensor._array.shape)
    return [broadcast(tensor, shape) for tensor in tensors]


@public(method=False)
def result_type(*operands: Any) -> DType:
    """Return the dtype that mixing tensors and numbers gives.

    A 0-d tensor or a number does not raise the dtype within a kind: float32[1] with float64[] is float32.
    """
    with_dims = zero_dim = number = None
    for operand in operands:
        if isinstance(operand, Tensor):
            dtype = operand.dtype
            if operand._array.ndim:
                with_dims = dtype if with_dims is None else dtypes.promote_types(with_dims, dtype)
            else:
                zero_dim = dtype if zero_dim is None else dtypes.promote_types(zero_dim, dtype)
        else:
            dtype = dtypes.of_scalar(operand)
            number = dtype if number is None else dtypes.promote_types(number, dtype)
    result = with_dims
    if result is None or (zero_dim is not None and number is not None and zero_dim.kind < number.kind):
        zero_dim, number = _combined(zero_dim, number), None
    for weaker in (zero_dim, number):
        if result is None or (weaker is not None and weaker.kind > result.kind):
            result = _combined(result, weaker)
    assert result is not None
    return result


def _combined(result: DType | None, weaker: DType | None) -> DType | None:
    """Return the dtype of a kind with what does not raise it within the kind: complex numbers have parts as it has."""
    if result is None or weaker is None:
        return weaker if result is None else result
    if weaker.kind <= result.kind:
        return result
    return result.to_complex() if weaker.is_complex and result.is_floating_point else weaker


def is_scalar(value: Any) -> bool:
    """Whether a value is a plain number: those stay weak in promotion and reach kernels by value."""
    return isinstance(value, Scalar)


def as_number(value: Any, name: str = "", argument: str = "value") -> Any:
    """Return a plain Python number for a NumPy scalar or a tensor without dimensions, whose value is read now.

    TypeError for a tensor that has dimensions or requires grad: it cannot be the number `argument` of function `name`.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Tensor):
        if value._array.ndim or value.requires_grad:
            what = "one that requires grad" if value.requires_grad else f"one of shape {list(value.shape)}"
            raise TypeError(f"{name}(): argument '{argument}' must be Number, not Tensor ({what}; see x.item())")
        return value.item()
    return value


def operands(name: str, x: Any, y: Any, floating: bool = False) -> tuple[Any, Any]:
    """Return x and y ready for an elementwise kernel: one dtype, one shape, one device; at most one a Python number.

    With `floating`, integers become the default float dtype. TypeError for anything that is no tensor and no number.
    """
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        a, b = x._array, y._array
        if a.dtype is b.dtype and x.device is y.device and (not floating or a.dtype.kind in "fVc"):
            if a.shape == b.shape:
                return x, y
            shape = broadcast_shape(a.shape, b.shape)
            return broadcast(x, shape), broadcast(y, shape)
        if x.device is not y.device:
            x, y = _bring_scalars_together(x, y)
        dtype = _float_of(result_type(x, y)) if floating else result_type(x, y)
        x, y = cast(x, dtype), cast(y, dtype)
        if x._array.shape != y._array.shape:
            shape = broadcast_shape(x._array.shape, y._array.shape)
            x, y = broadcast(x, shape), broadcast(y, shape)
        return x, y
    if isinstance(x, Tensor) and is_scalar(y):
        return _with_number(name, x, as_number(y), floating)
    if isinstance(y, Tensor) and is_scalar(x):
        return _with_number(name, y, as_number(x), floating)[::-1]
    wrong = y if isinstance(x, Tensor) else x
    raise TypeError(
        f"{name}(): expected tensors or numbers, but got {type(wrong).__name__}. "
        "Make a tensor of it first: autograd_gpu.tensor(value)."
    )


# In these, integers count modulo 2^bits, so a number of any size has its place; comparisons take it as it is.
_MODULAR = frozenset(("add", "sub", "mul", "bitwise_and", "bitwise_or", "bitwise_xor"))
_COMPARISONS = frozenset(("eq", "ne", "lt", "le", "gt", "ge"))


def _with_number(name: str, x: Tensor, number: Number, floating: bool) -> tuple[Tensor, Number]:
    kind = x._array.dtype.kind
    if kind == "c":
        return x, number
    if (kind == "f" or kind == "V") and number.__class__ is not complex:  # V: bfloat16. Any real number fits it.
        if x._array.dtype.itemsize == 2 and (name in _COMPARISONS or name in ("remainder", "fmod")):
            number = dtypes.rounded(number, x.dtype)  # a rounding here is a jump there
        return x, number
    dtype = result_type(x, number)
    if floating:
        dtype = _float_of(dtype)
    if dtype.kind == dtypes.INTEGRAL and name not in _COMPARISONS:
        number = dtypes.wrapped(int(number), dtype) if name in _MODULAR else dtypes.fitting(number, dtype)
    return cast(x, dtype), number


def _float_of(dtype: DType) -> DType:
    return dtype if dtype.is_inexact else dtypes.get_default_dtype()


def _bring_scalars_together(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """A 0-d tensor on the CPU follows the other operand to its device, as in PyTorch."""
    if x.device is cpu and x._array.ndim == 0:
        return ToDevice.apply(x, device=y.device), y
    if y.device is cpu and y._array.ndim == 0:
        return x, ToDevice.apply(y, device=x.device)
    return x, y  # Op.apply refuses mixed devices with the operation's name


def floating(x: Tensor) -> Tensor:
    """Return x, or x in the default float dtype when it holds integers."""
    return x if x._array.dtype.kind in "fVc" else cast(x, dtypes.get_default_dtype())


def to_device(x: Tensor, device: Device) -> Tensor:
    """Return x on `device`; x itself when it is there already. Differentiable."""
    return ToDevice.apply(x, device=device)
