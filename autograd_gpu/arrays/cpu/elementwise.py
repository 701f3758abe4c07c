"""Elementwise functions on the CPU: one NumPy pass each where there is one, and no more temporaries than needed."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy import ndarray

from ..complex_numbers import refuse_complex
from .erf import erf_float, erfc_float
from .precision import HALVES, wide
from .quiet import quiet

__all__ = [
    "abs", "acos", "acosh", "add", "addcmul", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and",
    "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "copysign", "cos", "cosh", "div", "eq", "erf",
    "erfc", "exp", "exp2", "expm1", "floor", "floor_divide", "fmod", "gcd", "ge", "gelu", "gelu_backward", "gt",
    "isfinite", "isinf", "isnan", "le", "log", "log10", "log1p", "log2", "logical_and", "logical_not",
    "logical_or", "logical_xor", "lt", "maximum", "minimum", "mul", "ne", "neg", "pow", "reciprocal", "relu",
    "relu_backward", "remainder", "round", "rsqrt", "sigmoid", "sigmoid_backward", "sign", "sin", "sinh",
    "sqrt", "square", "sub", "tan", "tanh", "tanh_backward", "trunc", "where",
]  # fmt: skip


def _array(result):
    """NumPy's functions turn 0-d arrays into scalars; a result is an array."""
    return result if type(result) is ndarray else np.asarray(result)


def _with_a_dimension(function):
    """For functions that write into their own temporaries: a 0-d array meanwhile has one dimension, so they are
    arrays."""

    def raised(value):
        return value.reshape(1) if isinstance(value, np.ndarray) else value

    @functools.wraps(function)
    def apply(x, *rest, **options):
        if x.ndim:
            return function(x, *rest, **options)
        result = function(raised(x), *map(raised, rest), **{name: raised(value) for name, value in options.items()})
        return result.reshape(())

    return apply


def _store(result, dtype, out):
    if out is None:
        return _array(result if result.dtype == dtype else result.astype(dtype))
    np.copyto(out, result, casting="unsafe")
    return out


def _round(result, dtype, out):
    """Round a float32 result to a half type; too large becomes infinite without a warning."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _store(result, dtype, out)


def _unary(name, function):
    def apply(x, out=None):
        if x.dtype in HALVES:
            return _round(function(x.astype(np.float32)), x.dtype, out)
        if out is None:
            return _array(function(x, order="C"))
        return function(x, out=out)

    return _export(apply, name)


def _composed_unary(name, function):
    """A function made of several NumPy calls; it gets a float array that it must not change."""

    @_with_a_dimension
    def apply(x, out=None):
        return _store(function(wide(x)), x.dtype, out)

    return _export(apply, name)


def _binary(name, function):
    def apply(x, y, out=None):
        dtype = x.dtype if isinstance(x, ndarray) else y.dtype
        if dtype.itemsize == 2 and dtype in HALVES:  # the size first: looking up a dtype costs 0.1 us
            x = x.astype(np.float32) if isinstance(x, np.ndarray) else x
            y = y.astype(np.float32) if isinstance(y, np.ndarray) else y
            return _round(function(x, y), dtype, out)
        if out is None:
            return _array(function(x, y, order="C"))
        return function(x, y, out=out)

    return _export(apply, name)


def _of_reals(name, function):
    """The function, which NumPy has of complex numbers too, or has not in words that help."""

    @functools.wraps(function)
    def apply(x, *others, **options):
        for value in (x, *others):
            if isinstance(value, ndarray) and value.dtype.kind == "c":
                refuse_complex(name, value)
        return function(x, *others, **options)

    return apply


def _ordered(x, name):
    """x as it is compared: half types in float32."""
    dtype = x.dtype
    if dtype.kind == "c":
        refuse_complex(name, x)
    return x.astype(np.float32) if dtype.itemsize == 2 and dtype in HALVES else x


def _order(name, function):
    def apply(x, y, out=None):
        x = _ordered(x, name) if isinstance(x, np.ndarray) else x
        y = _ordered(y, name) if isinstance(y, np.ndarray) else y
        return _array(function(x, y, order="C")) if out is None else function(x, y, out=out)

    return _export(apply, name)


def _compare(name, function):
    def apply(x, y, out=None):
        x = wide(x) if isinstance(x, np.ndarray) else x
        y = wide(y) if isinstance(y, np.ndarray) else y
        return _array(function(x, y, order="C")) if out is None else function(x, y, out=out)

    return _export(apply, name)


def _test(name, function):
    def apply(x, out=None):
        x = wide(x)
        return _array(function(x, order="C")) if out is None else function(x, out=out)

    return _export(apply, name)


def _export(function, name):
    function.__name__ = function.__qualname__ = name
    return quiet(function) if name in _NOISY else function


_NOISY = frozenset(  # those that meet infinities and NaN in ordinary use; a backward pass is quiet as a whole
    "add sub mul exp log sqrt rsqrt reciprocal div pow tan asin acos atanh acosh cosh sinh exp2 expm1 log2 log10 log1p "
    "fmod remainder floor_divide square sin cos".split()
)


def _sigmoid(x):
    # tanh does not overflow and is accurate at both ends: 1/(1+exp(-x)) = (1 + tanh(x/2)) / 2
    y = np.multiply(x, 0.5)
    np.tanh(y, out=y)
    y *= 0.5
    y += 0.5
    return y


def _sign(x):
    y = np.sign(x)
    y[x != x] = 0  # NaN has no sign: 0, as in PyTorch
    return y


def _rsqrt(x):
    y = np.sqrt(x)
    return np.reciprocal(y, out=y)


neg, abs, sqrt, exp, log, square = (
    _unary(name, function)
    for name, function in (
        ("neg", np.negative), ("abs", np.absolute), ("sqrt", np.sqrt), ("exp", np.exp), ("log", np.log),
        ("square", np.square),
    )
)  # fmt: skip
reciprocal, tanh, sin, cos, tan = (
    _unary(name, function)
    for name, function in (
        ("reciprocal", np.reciprocal), ("tanh", np.tanh), ("sin", np.sin), ("cos", np.cos), ("tan", np.tan),
    )
)  # fmt: skip
asin, acos, atan, sinh, cosh, asinh, acosh, atanh = (
    _unary(name, function)
    for name, function in (
        ("asin", np.arcsin), ("acos", np.arccos), ("atan", np.arctan), ("sinh", np.sinh), ("cosh", np.cosh),
        ("asinh", np.arcsinh), ("acosh", np.arccosh), ("atanh", np.arctanh),
    )
)  # fmt: skip
exp2, expm1, log2, log10, log1p = (
    _unary(name, function)
    for name, function in (
        ("exp2", np.exp2), ("expm1", np.expm1), ("log2", np.log2), ("log10", np.log10), ("log1p", np.log1p),
    )
)  # fmt: skip
floor, ceil, trunc, round = (
    _unary(name, _of_reals(name, function))
    for name, function in (
        ("floor", np.floor), ("ceil", np.ceil), ("trunc", np.trunc), ("round", np.rint),
    )
)  # fmt: skip
bitwise_not = _unary("bitwise_not", _of_reals("bitwise_not", np.invert))
sign = _composed_unary("sign", _of_reals("sign", _sign))
rsqrt = _composed_unary("rsqrt", _rsqrt)
sigmoid = _composed_unary("sigmoid", _sigmoid)
erf = _composed_unary("erf", _of_reals("erf", erf_float))
erfc = _composed_unary("erfc", _of_reals("erfc", erfc_float))
isnan, isinf, isfinite, logical_not = (
    _test(name, function)
    for name, function in (
        ("isnan", np.isnan), ("isinf", np.isinf), ("isfinite", np.isfinite), ("logical_not", np.logical_not),
    )
)  # fmt: skip


def relu(x, out=None):
    if x.dtype in HALVES:
        return _store(np.maximum(x.astype(np.float32), 0), x.dtype, out)
    if x.dtype.kind == "c":
        refuse_complex("relu", x)
    return _array(np.maximum(x, 0, order="C")) if out is None else np.maximum(x, 0, out=out)


add, sub, mul, div = (
    _binary(name, function)
    for name, function in (("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("div", np.divide))
)
maximum, minimum, fmod, remainder, floor_divide, atan2, copysign = (
    _binary(name, _of_reals(name, function))
    for name, function in (
        ("maximum", np.maximum), ("minimum", np.minimum), ("fmod", np.fmod), ("remainder", np.remainder),
        ("floor_divide", np.floor_divide), ("atan2", np.arctan2), ("copysign", np.copysign),
    )
)  # fmt: skip
bitwise_and, bitwise_or, bitwise_xor, gcd = (
    _binary(name, _of_reals(name, function))
    for name, function in (
        ("bitwise_and", np.bitwise_and), ("bitwise_or", np.bitwise_or), ("bitwise_xor", np.bitwise_xor),
        ("gcd", np.gcd),
    )
)  # fmt: skip
lt, le, gt, ge = (
    _order(name, function)
    for name, function in (
        ("lt", np.less), ("le", np.less_equal), ("gt", np.greater), ("ge", np.greater_equal),
    )
)  # fmt: skip
eq, ne, logical_and, logical_or, logical_xor = (
    _compare(name, function)
    for name, function in (
        ("eq", np.equal), ("ne", np.not_equal), ("logical_and", np.logical_and), ("logical_or", np.logical_or),
        ("logical_xor", np.logical_xor),
    )
)  # fmt: skip


_power = _binary("pow", np.power)


def pow(x, y, out=None):
    # NumPy's general power is some 30 times slower than the products that small exponents are.
    if not isinstance(y, np.ndarray) and not isinstance(y, bool):
        if y == 2:
            return square(x, out)
        if y == 3:
            return mul(square(x), x, out)
        if y == 0.5 and x.dtype.kind in "fVc":
            return sqrt(x, out)
        if y == 1:
            return _store(x.copy(), x.dtype, out)
    if isinstance(y, np.ndarray) and y.dtype.kind == "i" and y.size and y.min() < 0:
        return _store(_whole_power(x, y), y.dtype, out)
    return _power(x, y, out)


def _whole_power(x, y):
    """Powers of integers, cut off to integers: of a negative one only 1 and -1 leave something."""
    of_one = np.where(np.equal(x, -1) & (y & 1 == 1), -1, np.equal(np.abs(x), 1))
    return np.where(y < 0, of_one, np.power(x, np.maximum(y, 0)))


def where(condition, x, y, out=None):
    dtype = x.dtype if isinstance(x, np.ndarray) else y.dtype
    if out is None:
        out = np.empty(condition.shape, dtype)
    elif np.may_share_memory(out, condition):
        condition = condition.copy()
    if isinstance(x, np.ndarray) and np.may_share_memory(out, x):
        x = x.copy()
    np.copyto(out, np.asarray(y, dtype))
    np.copyto(out, np.asarray(x, dtype), where=condition)
    return out


def clamp(x, minimum, maximum, out=None):
    result = _ordered(x, "clamp")
    if minimum is not None:
        result = np.maximum(result, minimum, order="C")
    if maximum is not None:
        result = np.minimum(result, maximum, order="C")
    return _store(result, x.dtype, out)


def addcmul(x, y, z, value):
    product = wide(y) * wide(z)
    if value != 1:
        product *= value
    product += wide(x)
    return _store(product, x.dtype, None)


# ---------------------------------------------------------------------------------------------- activations

_SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
_CUBIC = 0.044715 * _SQRT_2_OVER_PI
# As arrays of the dtype: that halves the price of an operation on a small array.
_GELU_NUMBERS = {
    np.dtype(kind): tuple(
        np.array(value, kind)
        for value in (1, 0.5, -0.5, _SQRT_2_OVER_PI, _CUBIC, 3 * _CUBIC, math.sqrt(0.5), 1 / math.sqrt(2 * math.pi))
    )
    for kind in (np.float32, np.float64)
}


@quiet
@_with_a_dimension
def gelu(x, approximate):
    wide_x = wide(x)
    one, half, _, linear, cubic, _, inv_sqrt_2, _ = _GELU_NUMBERS[wide_x.dtype]
    if approximate == "tanh":
        y = wide_x * wide_x
        y *= cubic
        y += linear
        y *= wide_x
        np.tanh(y, out=y)
    else:
        y = erf_float(wide_x * inv_sqrt_2)
    y += one
    y *= half
    y *= wide_x
    return _store(y, x.dtype, None)


@quiet
@_with_a_dimension
def gelu_backward(gy, x, approximate):
    wide_x = wide(x)
    one, half, minus_half, linear, cubic, cubic_slope, inv_sqrt_2, inv_sqrt_2pi = _GELU_NUMBERS[wide_x.dtype]
    squared = wide_x * wide_x
    if approximate == "tanh":
        t = squared * cubic
        t += linear
        t *= wide_x
        np.tanh(t, out=t)
        squared *= cubic_slope
        squared += linear
        squared *= wide_x  # x * u'
        slope = t * t
        np.subtract(one, slope, out=slope)
        np.multiply(slope, squared, out=slope, where=slope != 0)  # where tanh is flat its argument may be infinite
        slope += t
        slope += one
        slope *= half
    else:  # Phi(x) + x phi(x)
        slope = erf_float(wide_x * inv_sqrt_2)
        slope += one
        slope *= half
        squared *= minus_half
        np.exp(squared, out=squared)
        squared *= wide_x
        squared *= inv_sqrt_2pi
        slope += squared
    slope *= wide(gy)
    return _store(slope, x.dtype, None)


def relu_backward(gy, y):
    gx = np.zeros(gy.shape, gy.dtype)
    np.copyto(gx, gy, where=~(y <= 0))  # NaN passes its gradient on, as in PyTorch
    return gx


@_with_a_dimension
def tanh_backward(gy, y):
    slope = np.square(wide(y), order="C")
    np.subtract(1, slope, out=slope)
    slope *= wide(gy)
    return _store(slope, gy.dtype, None)


@_with_a_dimension
def sigmoid_backward(gy, y):
    wide_y = wide(y)
    slope = np.subtract(1, wide_y, order="C")
    slope *= wide_y
    slope *= wide(gy)
    return _store(slope, gy.dtype, None)
