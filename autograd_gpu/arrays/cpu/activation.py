"""Activations of one element and up to three numbers on the CPU: values and slopes, in few passes over the array."""

from __future__ import annotations

import numpy as np

from .precision import wide
from .quiet import quiet

__all__ = ["activation", "activation_backward"]


@quiet
def activation(x, kind, numbers):
    y = _of(_VALUE, "_VALUE", kind)(np.atleast_1d(wide(x)), *numbers)
    return np.ascontiguousarray(y.reshape(x.shape), x.dtype).reshape(x.shape)


@quiet
def activation_backward(gy, x, kind, numbers):
    gx = _of(_SLOPE, "_SLOPE", kind)(np.atleast_1d(wide(x)), *numbers) * wide(gy)
    return np.ascontiguousarray(gx.reshape(x.shape), x.dtype).reshape(x.shape)


def _of(table, name, kind):
    try:
        return table[kind]
    except KeyError:
        raise TypeError(
            f"{kind}: unknown on the CPU: add it to {name} in autograd_gpu/arrays/cpu/activation.py"
        ) from None


def _logistic(x):
    y = np.exp(-x)
    y += 1
    return np.reciprocal(y, out=y)


def _log_of_one_and_exp(x):
    """log(1 + e^x), which overflows nowhere."""
    y = np.abs(x)
    np.negative(y, out=y)
    np.exp(y, out=y)
    np.log1p(y, out=y)
    y += np.maximum(x, 0)
    return y


# Where signs are random, products with 0 and 1 are several times faster than choices, which a processor cannot foresee.


def _elu(x, a, b, c):
    y = np.minimum(x, 0)
    y *= c / 2
    np.tanh(y, out=y)  # e^x - 1 = 2 t / (1 - t) with t = tanh(x / 2); NumPy's expm1 is not vectorised
    y /= 1 - y
    y *= 2 * a
    positive = np.maximum(x, 0)
    positive *= b
    y += positive
    return y


def _elu_slope(x, a, b, c):
    y = np.fmin(x, 0)
    y *= c
    np.exp(y, out=y)
    y *= a * c
    is_negative = (x <= 0).astype(x.dtype)
    y *= is_negative
    y += (1 - is_negative) * x.dtype.type(b)
    return y


def _leaky_relu(x, a):
    y = np.minimum(x, 0)
    y *= a
    y += np.maximum(x, 0)
    return y


def _leaky_relu_slope(x, a):
    is_positive = (x > 0).astype(x.dtype)
    return is_positive + (1 - is_positive) * x.dtype.type(a)


def _mish_slope(x):
    t = np.tanh(_log_of_one_and_exp(x))
    return t + x * _logistic(x) * (1 - t * t)


def _silu_slope(x):
    s = _logistic(x)
    return s * (1 + x * (1 - s))


def _softplus(x, a, b):
    return np.where(x * a > b, x, _log_of_one_and_exp(x * a) / x.dtype.type(a))


def _softshrink(x, a):
    y = np.clip(x, -a, a)
    return np.subtract(x, y, out=y)


# Comparisons are written so that NaN gives NaN.
_VALUE = {
    "elu": _elu,
    "hardshrink": lambda x, a: np.where((-a <= x) & (x <= a), 0, x),
    "hardsigmoid": lambda x: np.clip(x / 6 + x.dtype.type(0.5), 0, 1),
    "hardswish": lambda x: x * np.clip(x / 6 + x.dtype.type(0.5), 0, 1),
    "hardtanh": np.clip,
    "leaky_relu": _leaky_relu,
    "logsigmoid": lambda x: -_log_of_one_and_exp(-x),
    "mish": lambda x: x * np.tanh(_log_of_one_and_exp(x)),
    "silu": lambda x: x * _logistic(x),
    "softplus": _softplus,
    "softshrink": _softshrink,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanhshrink": lambda x: x - np.tanh(x),
    "threshold": lambda x, a, b: np.where(x <= a, x.dtype.type(b), x),
}

_SLOPE = {
    "elu": _elu_slope,
    "hardshrink": lambda x, a: ~((-a <= x) & (x <= a)),
    "hardsigmoid": lambda x: ((x > -3) & (x < 3)) * x.dtype.type(1 / 6),
    "hardswish": lambda x: np.where(x <= -3, 0, np.where(x < 3, x / 3 + x.dtype.type(0.5), 1)),
    "hardtanh": lambda x, a, b: ~((x <= a) | (x >= b)),
    "leaky_relu": _leaky_relu_slope,
    "logsigmoid": lambda x: _logistic(-x),
    "mish": _mish_slope,
    "silu": _silu_slope,
    "softplus": lambda x, a, b: np.where(x * a > b, 1, _logistic(x * a)),
    "softshrink": lambda x, a: ~((-a <= x) & (x <= a)),
    "softsign": lambda x: 1 / np.square(1 + np.abs(x)),
    "tanhshrink": lambda x: np.square(np.tanh(x)),
    "threshold": lambda x, a, b: ~(x <= a),
}
