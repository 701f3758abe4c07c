"""Elementwise kernels against NumPy in float64, in every layout, on the emulated GPU."""

import math

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, dtype_of, normal, run

from autograd_gpu.arrays.cuda import elementwise, memory

INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]

erf, erfc = np.vectorize(math.erf, otypes=[float]), np.vectorize(math.erfc, otypes=[float])

# function: (reference, low, high) with the range in which it is tried
UNARY = {
    "neg": (np.negative, -4, 4),
    "abs": (np.abs, -4, 4),
    "sign": (np.sign, -4, 4),
    "square": (np.square, -4, 4),
    "relu": (lambda x: np.maximum(x, 0), -4, 4),
    "exp": (np.exp, -4, 4),
    "log": (np.log, 0.01, 9),
    "sqrt": (np.sqrt, 0, 9),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 0.01, 9),
    "reciprocal": (lambda x: 1 / x, 0.1, 9),
    "tanh": (np.tanh, -4, 4),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -9, 9),
    "sin": (np.sin, -4, 4),
    "cos": (np.cos, -4, 4),
    "tan": (np.tan, -1, 1),
    "asin": (np.arcsin, -1, 1),
    "acos": (np.arccos, -1, 1),
    "atan": (np.arctan, -4, 4),
    "sinh": (np.sinh, -4, 4),
    "cosh": (np.cosh, -4, 4),
    "asinh": (np.arcsinh, -4, 4),
    "acosh": (np.arccosh, 1.01, 9),
    "atanh": (np.arctanh, -0.9, 0.9),
    "erf": (erf, -3, 3),
    "erfc": (erfc, -3, 3),
    "exp2": (np.exp2, -4, 4),
    "expm1": (np.expm1, -4, 4),
    "log2": (np.log2, 0.01, 9),
    "log10": (np.log10, 0.01, 9),
    "log1p": (np.log1p, -0.9, 9),
    "floor": (np.floor, -4, 4),
    "ceil": (np.ceil, -4, 4),
    "trunc": (np.trunc, -4, 4),
    "round": (np.rint, -4, 4),
}

BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "fmod": np.fmod,
    "remainder": np.remainder,
    "floor_divide": np.floor_divide,
}
FLOAT_BINARY = {"div": np.divide, "pow": lambda x, y: np.abs(x) ** y, "atan2": np.arctan2, "copysign": np.copysign}
COMPARE = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}


def between(low, high, dtype, count=37):
    """Numbers of a range with its ends, an odd count of them: packs and a tail."""
    return np.linspace(low, high, count).astype(dtype_of(dtype))


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", FLOATS)
def test_unary(name, dtype):
    reference, low, high = UNARY[name]
    x = between(low, high, dtype)
    assert_near(run(getattr(elementwise, name), x), reference(double(x)), dtype, spacings=8)


@pytest.mark.parametrize("name", ["neg", "abs", "sign", "square", "relu", "floor", "ceil", "trunc", "round"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_unary_of_integers(name, dtype):
    x = np.arange(-20, 21).astype(dtype)
    reference = np.array if name in ("floor", "ceil", "trunc", "round") else UNARY[name][0]
    result = run(getattr(elementwise, name), x)
    assert result.dtype == x.dtype
    np.testing.assert_array_equal(result, reference(x).astype(dtype))


def test_bits():
    x = np.arange(-9, 9, dtype=np.int32)
    np.testing.assert_array_equal(run(elementwise.bitwise_not, x), ~x)
    np.testing.assert_array_equal(run(elementwise.bitwise_not, x > 0), x <= 0)
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        np.testing.assert_array_equal(run(getattr(elementwise, name), x, x[::-1]), getattr(np, name)(x, x[::-1]))


@pytest.mark.parametrize("dtype", [*FLOATS, "int64", "bool"])
def test_predicates(dtype):
    x = np.array([0, 1, -1, np.inf, -np.inf, np.nan] if dtype in FLOATS else [0, 1, 0], dtype_of(dtype))
    for name in ("isnan", "isinf", "isfinite", "logical_not"):
        np.testing.assert_array_equal(run(getattr(elementwise, name), x), getattr(np, name)(double(x)))


@pytest.mark.parametrize("name", BINARY | FLOAT_BINARY)
@pytest.mark.parametrize("dtype", FLOATS)
def test_binary(name, dtype):
    x, y = normal((5, 7), dtype, 1, 3), normal((5, 7), dtype, 2, 3)
    if name == "pow":
        x = np.abs(x)
    expected = (BINARY | FLOAT_BINARY)[name](double(x), double(y))
    assert_near(run(getattr(elementwise, name), x, y), expected, dtype, spacings=8)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_binary_of_integers(name, dtype):
    x, y = (grid.reshape(-1) for grid in np.meshgrid(np.arange(-7, 8), np.arange(-7, 8)))
    x, y = x.astype(dtype), y.astype(dtype)
    with np.errstate(divide="ignore"):
        expected = BINARY[name](x, y)
    np.testing.assert_array_equal(run(getattr(elementwise, name), x, y), expected)


def test_powers_of_integers_wrap_and_vanish():
    x, y = np.array([2, 3, -2, 7, 1, -1, 5, 0], np.int64), np.array([10, 4, 3, 23, -3, -3, -1, 0], np.int64)
    np.testing.assert_array_equal(run(elementwise.pow, x, y), [1024, 81, -8, 7**23 - 2**64 * 1, 1, -1, 0, 1])


def test_the_least_integer_by_minus_one_wraps():
    x, y = np.array([-(2**31)], np.int32), np.array([-1], np.int32)
    np.testing.assert_array_equal(run(elementwise.floor_divide, x, y), x)
    np.testing.assert_array_equal(run(elementwise.remainder, x, y), [0])


@pytest.mark.parametrize("name", COMPARE)
@pytest.mark.parametrize("dtype", [*FLOATS, "uint8", "int64", "bool"])
def test_compare(name, dtype):
    x, y = normal((4, 9), dtype, 1, 2), normal((4, 9), dtype, 2, 2)
    if dtype in FLOATS:
        x[0, :3], y[0, 1:4] = np.nan, np.nan
    result = run(getattr(elementwise, name), x, y)
    assert result.dtype == bool
    np.testing.assert_array_equal(result, COMPARE[name](double(x), double(y)))


@pytest.mark.parametrize("dtype", FLOATS)
def test_scalars_on_either_side_travel_by_value(dtype):
    x = normal((3, 5), dtype)
    assert_near(run(elementwise.sub, x, 2), double(x) - 2, dtype)
    assert_near(run(elementwise.sub, 0.5, x), 0.5 - double(x), dtype)
    np.testing.assert_array_equal(run(elementwise.lt, x, 0), double(x) < 0)


def test_half_types_compare_with_the_scalar_rounded_to_themselves():
    x = np.array([0.1], dtype_of("bfloat16"))
    assert run(elementwise.eq, x, 0.1)[0]


def test_scalars_beyond_the_dtype():
    assert run(elementwise.mul, np.ones(1, np.float32), 1e300)[0] == np.inf
    assert run(elementwise.lt, np.array([255], np.uint8), 300)[0]
    with pytest.raises(OverflowError, match=r"add: 300 does not fit into uint8"):
        run(elementwise.add, np.ones(1, np.uint8), 300)


def test_nan_wins_and_survives():
    x, y = np.array([np.nan, 1, np.nan], np.float32), np.array([1, np.nan, np.nan], np.float32)
    for name in ("maximum", "minimum"):
        assert np.isnan(run(getattr(elementwise, name), x, y)).all()
    assert np.isnan(run(elementwise.relu, x)[0])
    assert run(elementwise.sign, x)[0] == 0  # NaN has no sign, as in PyTorch
    assert np.isnan(run(elementwise.clamp, x, 0, 1)[0])


@pytest.mark.parametrize("dtype", [*FLOATS, "int32"])
def test_where_and_clamp(dtype):
    x, y = normal((4, 5), dtype, 1, 3), normal((4, 5), dtype, 2, 3)
    condition = double(x) > double(y)
    np.testing.assert_array_equal(run(elementwise.where, condition, x, y), np.where(condition, x, y))
    np.testing.assert_array_equal(double(run(elementwise.where, condition, x, 2)), np.where(condition, double(x), 2))
    np.testing.assert_array_equal(double(run(elementwise.clamp, x, -1, 2)), np.clip(double(x), -1, 2))
    np.testing.assert_array_equal(double(run(elementwise.clamp, x, None, 1)), np.minimum(double(x), 1))
    np.testing.assert_array_equal(run(elementwise.clamp, x, 2, 1), np.ones_like(x))  # the upper bound wins


@pytest.mark.parametrize("dtype", FLOATS)
def test_activations_and_their_derivatives(dtype):
    x, gy = between(-4, 4, dtype), normal(37, dtype, scale=2)
    phi, cubic = (1 + erf(double(x) / 2**0.5)) / 2, (2 / np.pi) ** 0.5 * (double(x) + 0.044715 * double(x) ** 3)
    density = np.exp(-(double(x) ** 2) / 2) / (2 * np.pi) ** 0.5
    slope = (2 / np.pi) ** 0.5 * (1 + 3 * 0.044715 * double(x) ** 2)
    t = np.tanh(cubic)
    assert_near(run(elementwise.gelu, x, "none"), double(x) * phi, dtype)
    assert_near(run(elementwise.gelu, x, "tanh"), double(x) * (1 + t) / 2, dtype)
    expected = double(gy) * (phi + double(x) * density)
    assert_near(run(elementwise.gelu_backward, gy, x, "none"), expected, dtype, scale=4)
    expected = double(gy) * (1 + t + double(x) * (1 - t * t) * slope) / 2
    assert_near(run(elementwise.gelu_backward, gy, x, "tanh"), expected, dtype, scale=4)
    assert_near(run(elementwise.relu_backward, gy, x), double(gy) * (double(x) > 0), dtype)
    assert_near(run(elementwise.tanh_backward, gy, x), double(gy) * (1 - double(x) ** 2), dtype)
    assert_near(run(elementwise.sigmoid_backward, gy, x), double(gy) * double(x) * (1 - double(x)), dtype)
    expected = double(x) + 0.5 * double(gy) * double(x)
    assert_near(run(elementwise.addcmul, x, gy, x, 0.5), expected, dtype, scale=4)


LAYOUTS = {
    "transposed": lambda x: x.transpose(2, 0, 1),
    "every other": lambda x: x[::2, 1:, ::3],
    "backwards": lambda x: x[:, ::-1],
    "misaligned": lambda x: x.reshape(-1)[1:],
    "expanded": lambda x: memory.expand(x[:, :1, :], (4, 6, 5)),
    "one element": lambda x: x[1:2, 1:2, 1:2],
    "0-d": lambda x: x[1, 1, 1],
    "empty": lambda x: x[:, 2:2],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_any_layout_will_do(layout, dtype):
    x = memory.from_numpy(normal((4, 6, 5), dtype))
    view = LAYOUTS[layout](x)
    values = double(memory.to_numpy(view))
    result = elementwise.add(view, view)
    assert result.flags.c_contiguous
    assert_near(memory.to_numpy(result), 2 * values, dtype)
    np.testing.assert_array_equal(memory.to_numpy(elementwise.lt(view, 0)), values < 0)


# Views of a (6, 64, 64) array, all of shape (6, 64, 32).
IN_PACKS = {
    "a slice of whole packs": lambda x, expand: x[:, :, 16:48],
    "a slice off their boundaries": lambda x, expand: x[:, :, 3:35],
    "a repeated row": lambda x, expand: expand(x[:, :1, :32], (6, 64, 32)),
    "a repeated column": lambda x, expand: expand(x[:, :, :1], (6, 64, 32)),
    "one for all": lambda x, expand: expand(x[5:, 63:, 63:], (6, 64, 32)),
    "every second": lambda x, expand: x[:, :, ::2],
    "across": lambda x, expand: x.transpose(0, 2, 1)[:, :, :32],
    "backwards": lambda x, expand: x[:, ::-1, 31::-1],
    "outermost innermost": lambda x, expand: x.reshape(64, 64, 6).transpose(2, 0, 1)[:, :, 8:40],
}


@pytest.mark.parametrize("layout", IN_PACKS)
@pytest.mark.parametrize("dtype", ["bool", "int8", "bfloat16", "float32", "float64"])
def test_layouts_that_move_in_packs_or_nearly(layout, dtype):
    host = normal((6, 64, 64), dtype, scale=9)
    whole = memory.from_numpy(host)
    x, flat = IN_PACKS[layout](whole, memory.expand), memory.from_numpy(host)[:, :, :32]
    values = double(IN_PACKS[layout](host, np.broadcast_to))
    np.testing.assert_array_equal(double(memory.to_numpy(memory.copy(x))), values)
    expected = np.maximum(double(host[:, :, :32]), values)
    np.testing.assert_array_equal(double(memory.to_numpy(elementwise.maximum(flat, x))), expected)
    np.testing.assert_array_equal(memory.to_numpy(elementwise.lt(x, flat)), values < double(host[:, :, :32]))
    out = memory.full((6, 64, 40), 0, whole.dtype)
    for start in (0, 8, 5):  # whole packs, and off their boundaries
        view = out[:, :, start : start + 32]
        elementwise.maximum(x, flat, out=view)
        np.testing.assert_array_equal(double(memory.to_numpy(memory.copy(view))), expected)
    elementwise.maximum(flat, x, out=flat)
    np.testing.assert_array_equal(double(memory.to_numpy(flat)), expected)


def test_out_may_be_any_view_and_an_input():
    host = normal((6, 8), "float32")
    x = memory.from_numpy(host)
    assert elementwise.mul(x.T[2:], 2, out=x.T[2:]).shape == (6, 6)
    host.T[2:] *= 2
    np.testing.assert_array_equal(memory.to_numpy(x), host)


def test_more_dimensions_than_a_layout_holds():
    host = normal((2,) * 10, "float32")
    x = memory.from_numpy(host).transpose(1, 0, 3, 2, 5, 4, 7, 6, 9, 8)
    expected = host.transpose(1, 0, 3, 2, 5, 4, 7, 6, 9, 8) * 2
    np.testing.assert_array_equal(memory.to_numpy(elementwise.mul(x, 2)), expected)


def test_a_dtype_without_a_kernel_is_named():
    with pytest.raises(TypeError, match=r"unary_exp: no CUDA kernel for int32"):
        run(elementwise.exp, np.ones(2, np.int32))
    with pytest.raises(TypeError, match=r"gelu: no CUDA kernel for int64; there is one for float16, bfloat16"):
        run(elementwise.gelu, np.ones(2, np.int64), "none")
    with pytest.raises(RuntimeError, match=r"add: expected scalar type Float, the dtype of x, but found Double for y"):
        run(elementwise.add, np.ones(2, np.float32), np.ones(2))
