"""softmax and log_softmax against NumPy in float64, on the emulated GPU."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.arrays.cuda.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward

INF = np.inf


def reference(x, dim):
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted = double(x) - double(x).max(dim, keepdims=True)
        y = np.exp(shifted)
        total = y.sum(dim, keepdims=True)
        return y / total, shifted - np.log(total)


# One column, a few lanes, odd alignment, a whole warp, a whole block, and a row too long for shared memory.
@pytest.mark.parametrize("shape", [(5, 1), (7, 3), (3, 33), (2, 515), (2, 4099), (1, 40000)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_rows(shape, dtype):
    x = normal(shape, dtype, scale=3)
    y, log_y = reference(x, 1)
    assert_near(run(softmax, x, 1), y, dtype, scale=1e-3)
    assert_near(run(log_softmax, x, 1), log_y, dtype)

    gy, y, log_y = normal(shape, dtype, seed=1), y.astype(x.dtype), log_y.astype(x.dtype)
    g, p, log_p = double(gy), double(y), double(log_y)
    assert_near(run(softmax_backward, gy, y, 1), p * (g - (g * p).sum(1, keepdims=True)), dtype)
    expected = g - np.exp(log_p) * g.sum(1, keepdims=True)
    assert_near(run(log_softmax_backward, gy, log_y, 1), expected, dtype, scale=np.abs(g.sum(1)).max() + 1)


# On both sides of every size at which the geometry changes: lanes of a warp, a block, shared memory no more.
@pytest.mark.parametrize(
    ("dtype", "cols"),
    [
        ("float32", 4), ("float32", 5), ("float32", 128), ("float32", 129), ("bfloat16", 2048), ("bfloat16", 2049),
        ("float32", 1024), ("float32", 1025), ("float32", 8188), ("float32", 8189), ("float32", 16380),
        ("float32", 16381), ("float16", 32760), ("float16", 32761), ("float64", 8190), ("float64", 8191),
        ("float32", 262_144), ("bfloat16", 262_144), ("float16", 262_144), ("float64", 262_144),
    ],
)  # fmt: skip
def test_rows_of_any_length(dtype, cols):
    x, gy = normal((2, cols), dtype, scale=3), normal((2, cols), dtype, seed=1)
    y, log_y = reference(x, 1)
    # A float32 sum of a quarter of a million terms is some roundings off, and a small y is still held to its own size.
    assert_near(run(softmax, x, 1), y, dtype, spacings=32, scale=1 / cols)
    assert_near(run(log_softmax, x, 1), log_y, dtype, spacings=8)
    y = y.astype(x.dtype)
    expected = double(y) * (double(gy) - (double(gy) * double(y)).sum(1, keepdims=True))
    assert_near(run(softmax_backward, gy, y, 1), expected, dtype, spacings=8, scale=double(y).max())
    g, p = double(gy), np.exp(double(log_y.astype(x.dtype)))
    found = run(log_softmax_backward, gy, log_y.astype(x.dtype), 1)
    assert_near(found, g - p * g.sum(1, keepdims=True), dtype, spacings=8, scale=4)


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("shape", [(3, 40, 5), (1, 2, 33), (50, 1, 2)])
def test_a_dimension_that_is_not_the_last(shape, dim):
    x, gy = normal(shape, "float32", scale=3), normal(shape, "float32", seed=1)
    y, log_y = (value.astype(np.float32) for value in reference(x, dim))
    assert_near(run(softmax, x, dim), y, "float32")
    assert_near(run(log_softmax, x, dim), log_y, "float32")
    expected = double(y) * (gy - (double(gy) * y).sum(dim, keepdims=True))
    assert_near(run(softmax_backward, gy, y, dim), expected, "float32")
    expected = gy - np.exp(double(log_y)) * gy.sum(dim, keepdims=True)
    assert_near(run(log_softmax_backward, gy, log_y, dim), expected, "float32", scale=20)


@pytest.mark.parametrize("dim", [0, 1])
def test_infinities_and_nan_do_as_in_float64(dim):
    x = normal((40, 40), "float32")
    x[0, :] = x[:, 0] = -INF  # nothing but -inf: NaN
    x[1, :20] = x[:20, 1] = -INF
    x[2, 3], x[4, 5], x[6, 7] = INF, np.nan, 1e30
    y, log_y = reference(x, dim)
    assert_near(run(softmax, x, dim), y, "float32")
    assert_near(run(log_softmax, x, dim), log_y, "float32")


def test_a_view_and_a_misaligned_one():
    x = normal((6, 41), "float32")
    assert_near(run(lambda x: softmax(x.T, 1), x), reference(x.T, 1)[0], "float32")
    flat = normal(124, "float32")
    expected = reference(flat[1:124].reshape(3, 41), 1)[0]
    assert_near(run(lambda x: softmax(x[1:124].reshape(3, 41), 1), flat), expected, "float32")


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 3)])
def test_no_elements(shape):
    assert run(softmax, normal(shape, "float32"), 1).shape == shape


def test_integers_are_refused():
    with pytest.raises(TypeError, match=r"softmax.*int64"):
        run(softmax, np.ones((2, 2), np.int64), 1)
