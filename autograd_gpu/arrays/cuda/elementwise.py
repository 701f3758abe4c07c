"""Elementwise functions on the GPU: one kernel each, any layout. Knows dtypes and scalars; the formulas are in
kernels/elementwise_*.cu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_gpu.arrays.alike import check_dtype
from autograd_gpu.arrays.cuda.map import MapKernel
from autograd_gpu.arrays.cuda.memory import empty
from autograd_gpu.arrays.scalars import Scalar, compared, scalar_for

__all__ = [
    "abs", "acos", "acosh", "add", "addcmul", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and",
    "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "copysign", "cos", "cosh", "div", "eq", "erf",
    "erfc", "exp", "exp2", "expm1", "floor", "floor_divide", "fmod", "gcd", "ge", "gelu", "gelu_backward", "gt",
    "isfinite", "isinf", "isnan", "le", "log", "log10", "log1p", "log2", "logical_and", "logical_not",
    "logical_or", "logical_xor", "lt", "maximum", "minimum", "mul", "ne", "neg", "pow", "reciprocal", "relu",
    "relu_backward", "remainder", "round", "rsqrt", "sigmoid", "sigmoid_backward", "sign", "sin", "sinh",
    "sqrt", "square", "sub", "tan", "tanh", "tanh_backward", "trunc", "where",
]  # fmt: skip

Array = Any

BOOL = np.dtype(bool)
NUMBERS = (int, float)


# ---- one array


def _unary(name: str, result: np.dtype | None = None) -> Callable[..., Array]:
    kernel = MapKernel("elementwise_unary.cu", f"unary_{name}", ("P",), gives=result and "bool")

    def function(x, out=None):
        return kernel(x.dtype, result_in(name, out, x, result or x.dtype), x)

    return _named(function, name)


def result_in(name: str, out: Array | None, like: Array, dtype: np.dtype) -> Array:
    """Where a function writes what it returns: `out`, which has the dtype for it, or memory of its own."""
    if out is None:
        return empty(like.shape, dtype)
    if out.dtype is not dtype and out.dtype != dtype:
        raise RuntimeError(f"{name}: expected out to be {dtype}, but found {out.dtype}")
    return out


def _named(function: Callable[..., Array], name: str) -> Callable[..., Array]:
    function.__name__ = function.__qualname__ = name
    return function


neg, abs, sign, square, relu = map(_unary, ("neg", "abs", "sign", "square", "relu"))
exp, log, sqrt, rsqrt, reciprocal = map(_unary, ("exp", "log", "sqrt", "rsqrt", "reciprocal"))
tanh, sigmoid, sin, cos, tan = map(_unary, ("tanh", "sigmoid", "sin", "cos", "tan"))
asin, acos, atan, sinh, cosh = map(_unary, ("asin", "acos", "atan", "sinh", "cosh"))
asinh, acosh, atanh, erf, erfc = map(_unary, ("asinh", "acosh", "atanh", "erf", "erfc"))
exp2, expm1, log2, log10, log1p = map(_unary, ("exp2", "expm1", "log2", "log10", "log1p"))
floor, ceil, trunc, round, bitwise_not = map(_unary, ("floor", "ceil", "trunc", "round", "bitwise_not"))
isnan, isinf, isfinite, logical_not = (_unary(name, BOOL) for name in ("isnan", "isinf", "isfinite", "logical_not"))


# ---- two arrays, or an array and a number


def _binary(name: str) -> Callable[..., Array]:
    kernel = MapKernel("elementwise_binary.cu", f"binary_{name}", ("PA", "PA"))

    def function(x, y, out=None):
        like, *operands = _operands(x, y, name, scalar_for)
        return kernel(like.dtype, result_in(name, out, like, like.dtype), *operands)

    return _named(function, name)


def _compare(name: str) -> Callable[..., Array]:
    kernel = MapKernel("elementwise_binary.cu", f"binary_{name}", ("PA", "PA"), gives="bool")

    def function(x, y, out=None):
        like, *operands = _operands(x, y, name, compared)
        return kernel(like.dtype, result_in(name, out, like, BOOL), *operands)

    return _named(function, name)


def _operands(x: Array | Scalar, y: Array | Scalar, name: str, number: Callable[..., Scalar]) -> tuple[Any, ...]:
    """The operand that is an array, which says shape and dtype, then the (pointer, value) pair that a kernel takes for
    each of the two."""
    if isinstance(y, NUMBERS):
        return x, x, 0, None, number(y, x.dtype, name)
    if isinstance(x, NUMBERS):
        return y, None, number(x, y.dtype, name), y, 0
    if x.dtype is not y.dtype:
        check_dtype(name, x=x, y=y)
    return x, x, 0, y, 0


add, sub, mul, div, pow = map(_binary, ("add", "sub", "mul", "div", "pow"))
maximum, minimum, fmod, remainder, floor_divide = map(
    _binary, ("maximum", "minimum", "fmod", "remainder", "floor_divide")
)
atan2, copysign, bitwise_and, bitwise_or, bitwise_xor, gcd = map(
    _binary, ("atan2", "copysign", "bitwise_and", "bitwise_or", "bitwise_xor", "gcd")
)
eq, ne, lt, le, gt, ge = map(_compare, ("eq", "ne", "lt", "le", "gt", "ge"))
logical_and, logical_or, logical_xor = map(_compare, ("logical_and", "logical_or", "logical_xor"))


# ---- choosing

_where = MapKernel("elementwise_select.cu", "where", ("C", "PA", "PA"))
_clamp = MapKernel("elementwise_select.cu", "clamp", ("P", "iA", "iA"))


def where(condition, x, y, out=None):
    like, *operands = _operands(x, y, "where", scalar_for)
    return _where(like.dtype, result_in("where", out, condition, like.dtype), condition, *operands)


def clamp(x, minimum, maximum, out=None):
    bounds = (
        part
        for bound in (minimum, maximum)
        for part in ((0, 0) if bound is None else (1, scalar_for(bound, x.dtype, "clamp")))
    )
    return _clamp(x.dtype, result_in("clamp", out, x, x.dtype), x, *bounds)


# ---- fused


def _fused(name: str, *operands: str) -> MapKernel:
    return MapKernel("elementwise_fused.cu", name, operands)


_gelu = {"none": _fused("gelu", "P"), "tanh": _fused("gelu_tanh", "P")}
_gelu_backward = {"none": _fused("gelu_backward", "P", "P"), "tanh": _fused("gelu_tanh_backward", "P", "P")}
_relu_backward = _fused("relu_backward", "P", "P")
_tanh_backward = _fused("tanh_backward", "P", "P")
_sigmoid_backward = _fused("sigmoid_backward", "P", "P")
_addcmul = _fused("addcmul", "P", "P", "P", "A")


def gelu(x, approximate):
    return _gelu[approximate](x.dtype, empty(x.shape, x.dtype), x)


def gelu_backward(gy, x, approximate):
    return _gelu_backward[approximate](x.dtype, empty(x.shape, x.dtype), gy, x)


def relu_backward(gy, y):
    return _relu_backward(y.dtype, empty(y.shape, y.dtype), gy, y)


def tanh_backward(gy, y):
    return _tanh_backward(y.dtype, empty(y.shape, y.dtype), gy, y)


def sigmoid_backward(gy, y):
    return _sigmoid_backward(y.dtype, empty(y.shape, y.dtype), gy, y)


def addcmul(x, y, z, value):
    """x + value * y * z."""
    return _addcmul(x.dtype, empty(x.shape, x.dtype), x, y, z, scalar_for(value, x.dtype, "addcmul"))
