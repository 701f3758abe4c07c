"""The affine map with bias, gelu and gelu's slope in the product's kernel, on the emulated GPU."""

import math
import sys

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu import settings
from autograd_gpu.arrays.cuda.linear import gelu_linear_backward, linear, linear_gelu, linear_parameters_backward
from autograd_gpu.arrays.cuda.matmul import matmul

erf = np.vectorize(math.erf)
MODES = [(dtype, "highest") for dtype in FLOATS] + [("float32", "high")]


def gelu(x, approximate):
    if approximate == "tanh":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * (1 + erf(x / math.sqrt(2))) / 2


def slope(x, approximate):
    if approximate == "tanh":
        c = math.sqrt(2 / math.pi)
        t = np.tanh(c * (x + 0.044715 * x**3))
        return (1 + t + x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x)) / 2
    return (1 + erf(x / math.sqrt(2))) / 2 + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def operands(dtype, precision, rows, width, out):
    """x, weight, bias and the tolerance in spacings; float32's grows to tf32's."""
    settings.set_float32_matmul_precision(precision)
    x, weight, bias = normal((rows, width), dtype), normal((out, width), dtype, 1), normal((out,), dtype, 2)
    return x, weight, bias, (4 * 2**13 if precision == "high" else 4) * math.sqrt(width + 1)


@pytest.mark.parametrize("rows, width, out", [(1, 1, 1), (3, 40, 130), (130, 33, 7), (20, 600, 24)])
@pytest.mark.parametrize("dtype, precision", MODES)
def test_linear(dtype, precision, rows, width, out):
    x, weight, bias, spacings = operands(dtype, precision, rows, width, out)
    expected = double(x) @ double(weight).T
    assert_near(run(linear, x, weight, None), expected, dtype, spacings, scale=4)
    assert_near(run(linear, x, weight, bias), expected + double(bias), dtype, spacings, scale=4)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
@pytest.mark.parametrize("rows, width, out", [(3, 40, 130), (130, 33, 7), (20, 600, 24)])
@pytest.mark.parametrize("dtype, precision", MODES)
def test_gelu_after_and_before(dtype, precision, rows, width, out, approximate):
    x, weight, bias, spacings = operands(dtype, precision, rows, width, out)
    h = double(x) @ double(weight).T + double(bias)
    actual_h, y = run(linear_gelu, x, weight, bias, approximate)
    assert_near(actual_h, h, dtype, spacings, scale=4)
    assert_near(y, gelu(h, approximate), dtype, spacings, scale=4)

    gy, before = normal((rows, out), dtype, 3), normal((rows, width), dtype, 4)
    gh = run(gelu_linear_backward, gy, weight, before, approximate)
    expected = double(gy) @ double(weight) * slope(double(before), approximate)
    assert_near(gh, expected, dtype, spacings * math.sqrt((out + 1) / (width + 1)) + 8, scale=8)


def test_one_kernel_does_it(monkeypatch):
    def refused(*arguments):
        raise AssertionError("a pass of its own")

    module = sys.modules[linear.__module__]
    monkeypatch.setattr(module, "gelu", refused)
    monkeypatch.setattr(module, "gelu_backward", refused)
    x, weight, bias, _ = operands("bfloat16", "highest", 20, 40, 24)
    h, _ = run(linear_gelu, x, weight, bias, "tanh")
    run(gelu_linear_backward, h, weight, x, "tanh")


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_of_the_parameters(dtype):
    gy, x = normal((33, 5), dtype), normal((33, 12), dtype, 1)
    gweight, gbias = run(linear_parameters_backward, gy, x)
    assert_near(gweight, double(gy).T @ double(x), dtype, 24, scale=4)
    assert_near(gbias, double(gy).sum(0), dtype, 24)


def test_an_empty_product_is_the_bias():
    bias = normal((3,), "bfloat16")
    y = run(linear, normal((2, 0), "bfloat16"), normal((3, 0), "bfloat16"), bias)
    np.testing.assert_array_equal(double(y), np.broadcast_to(double(bias), (2, 3)))


def test_tf32_is_asked_for_and_rounds_to_nearest():
    # 1 + 2**-11 lies halfway between tf32's numbers and rounds away from zero, 1 + 2**-12 goes down.
    x = np.array([[1 + 2**-11, 1 + 2**-12, -1 - 2**-11]], np.float32)
    exact = run(matmul, x, np.eye(3, dtype=np.float32))
    np.testing.assert_array_equal(exact, x)
    settings.set_float32_matmul_precision("medium")
    rounded = run(matmul, x, np.eye(3, dtype=np.float32))
    np.testing.assert_array_equal(rounded, np.array([[1 + 2**-10, 1, -1 - 2**-10]], np.float32))


@pytest.mark.parametrize("k", [40, 43])  # rows at multiples of 16 bytes, and not
def test_tf32_of_operands_in_every_direction(k):
    settings.set_float32_matmul_precision("high")
    x, y, x_t, y_t = (normal(s, "float32", i) for i, s in enumerate([(24, k), (k, 72), (k, 24), (72, k)]))
    for function, a, b, expected in (
        (matmul, x, y, double(x) @ double(y)),
        (lambda x, y: matmul(x, y.T), x, y_t, double(x) @ double(y_t).T),
        (lambda x, y: matmul(x.T, y), x_t, y, double(x_t).T @ double(y)),
        (lambda x, y: matmul(x.T, y.T), x_t, y_t, double(x_t).T @ double(y_t).T),
    ):
        actual = run(function, a, b)
        assert_near(actual, expected, "float32", 4 * 2**13, scale=math.sqrt(k))
        assert abs(actual - expected).max() > 1e-5  # so it was tf32


def test_operands_of_several_dtypes_are_refused():
    x, weight = normal((2, 3), "float32"), normal((4, 3), "float32")
    with pytest.raises(
        RuntimeError, match="linear: expected scalar type Float, the dtype of x, but found Double for bias"
    ):
        run(linear, x, weight, normal((4,), "float64"))
