"""Elementwise functions compiled for this processor. Knows which kernel is whose; the formulas are in
kernels/elementwise_*.cu."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import map_function

__all__ = [
    "abs", "acos", "acosh", "add", "addcmul", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and",
    "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "copysign", "cos", "cosh", "div", "eq", "erf",
    "erfc", "exp", "exp2", "expm1", "floor", "floor_divide", "fmod", "gcd", "ge", "gelu", "gelu_backward", "gt",
    "isfinite", "isinf", "isnan", "le", "log", "log10", "log1p", "log2", "logical_and", "logical_not",
    "logical_or", "logical_xor", "lt", "maximum", "minimum", "mul", "ne", "neg", "pow", "reciprocal", "relu",
    "relu_backward", "remainder", "round", "rsqrt", "sigmoid", "sigmoid_backward", "sign", "sin", "sinh",
    "sqrt", "square", "sub", "tan", "tanh", "tanh_backward", "trunc", "where",
]  # fmt: skip

# ---- one array, two, or an array and a number

BOOL = np.dtype(bool)

# What an element takes where it is more than an addition, as measured: it decides from where threads share the work.
_COST = {
    name: cost
    for cost, names in {
        2: "exp sqrt reciprocal div",
        3: "exp2 expm1 log tanh sigmoid cosh rsqrt",
        4: "log1p log2 log10",
        6: "erf erfc sinh atanh",
        10: "asinh acosh",
        20: "sin cos tan asin acos atan fmod remainder floor_divide gcd",
        40: "pow atan2",
    }.items()
    for name in names.split()
}


def _unary(name: str, gives: np.dtype | None = None) -> Callable[..., np.ndarray]:
    numpy_function, cost = getattr(cpu, name), _COST.get(name, 1)
    return map_function(numpy_function, "elementwise_unary.cu", f"unary_{name}", ("P",), gives=gives, cost=cost)


def _binary(name: str) -> Callable[..., np.ndarray]:
    numpy_function, cost = getattr(cpu, name), _COST.get(name, 1)
    return map_function(numpy_function, "elementwise_binary.cu", f"binary_{name}", ("PA", "PA"), cost=cost)


def _compare(name: str) -> Callable[..., np.ndarray]:
    operands = ("PA", "PA")
    return map_function(
        getattr(cpu, name), "elementwise_binary.cu", f"binary_{name}", operands, gives=BOOL, compares=True
    )


neg, abs, sign, square, relu = map(_unary, ("neg", "abs", "sign", "square", "relu"))
exp, log, sqrt, rsqrt, reciprocal = map(_unary, ("exp", "log", "sqrt", "rsqrt", "reciprocal"))
tanh, sigmoid, sin, cos, tan = map(_unary, ("tanh", "sigmoid", "sin", "cos", "tan"))
asin, acos, atan, sinh, cosh = map(_unary, ("asin", "acos", "atan", "sinh", "cosh"))
asinh, acosh, atanh, erf, erfc = map(_unary, ("asinh", "acosh", "atanh", "erf", "erfc"))
exp2, expm1, log2, log10, log1p = map(_unary, ("exp2", "expm1", "log2", "log10", "log1p"))
floor, ceil, trunc, round, bitwise_not = map(_unary, ("floor", "ceil", "trunc", "round", "bitwise_not"))
isnan, isinf, isfinite, logical_not = (_unary(name, BOOL) for name in ("isnan", "isinf", "isfinite", "logical_not"))

add, sub, mul, div, _power = map(_binary, ("add", "sub", "mul", "div", "pow"))
maximum, minimum, fmod, remainder, floor_divide = map(
    _binary, ("maximum", "minimum", "fmod", "remainder", "floor_divide")
)
atan2, copysign, bitwise_and, bitwise_or, bitwise_xor, gcd = map(
    _binary, ("atan2", "copysign", "bitwise_and", "bitwise_or", "bitwise_xor", "gcd")
)
eq, ne, lt, le, gt, ge = map(_compare, ("eq", "ne", "lt", "le", "gt", "ge"))
logical_and, logical_or, logical_xor = map(_compare, ("logical_and", "logical_or", "logical_xor"))

# Small powers are products, several times sooner there and with a product's bits.
_POWERS: dict[object, Callable[..., np.ndarray]] = {2: square, 0.5: sqrt}


def pow(x, y, out=None):
    if type(y) is int or type(y) is float:
        power = _POWERS.get(y)
        if power is not None and (y == 2 or x.dtype.kind in "fV"):
            return power(x, out)
        if y == 3:
            return mul(square(x), x, out)
    return _power(x, y, out)


# ---- choosing

where = map_function(cpu.where, "elementwise_select.cu", "where", ("C", "PA", "PA"))
clamp = map_function(cpu.clamp, "elementwise_select.cu", "clamp", ("P", "iA", "iA"))


# ---- fused


def _fused(numpy_function: Callable[..., np.ndarray], kernel: str, arrays: int, cost: float = 1) -> Callable:
    return map_function(numpy_function, "elementwise_fused.cu", kernel, ("P",) * arrays, cost=cost)


_gelu = {
    "none": _fused(lambda x: cpu.gelu(x, "none"), "gelu", 1, 4),
    "tanh": _fused(lambda x: cpu.gelu(x, "tanh"), "gelu_tanh", 1, 4),
}
_gelu_backward = {
    "none": _fused(lambda gy, x: cpu.gelu_backward(gy, x, "none"), "gelu_backward", 2, 5),
    "tanh": _fused(lambda gy, x: cpu.gelu_backward(gy, x, "tanh"), "gelu_tanh_backward", 2, 5),
}


def gelu(x, approximate):
    return _gelu[approximate](x)


def gelu_backward(gy, x, approximate):
    return _gelu_backward[approximate](gy, x)


relu_backward = _fused(cpu.relu_backward, "relu_backward", 2)
tanh_backward = _fused(cpu.tanh_backward, "tanh_backward", 2)
sigmoid_backward = _fused(cpu.sigmoid_backward, "sigmoid_backward", 2)
addcmul = map_function(cpu.addcmul, "elementwise_fused.cu", "addcmul", ("P", "P", "P", "A"))
