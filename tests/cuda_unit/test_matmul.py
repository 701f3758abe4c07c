"""The matrix product against NumPy in float64, on the emulated GPU."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.arrays.cuda.matmul import matmul
from autograd_gpu.arrays.cuda.memory import expand


def check(dtype, x, y, actual, expected=None):
    expected = double(x) @ double(y) if expected is None else expected
    assert actual.shape == expected.shape and actual.dtype == x.dtype
    assert_near(actual, expected, dtype, scale=4 * np.sqrt(x.shape[-1] + 1))


# Within one tile, over several, off every multiple; vectors; K of one step, of many, and cut into slices.
SHAPES = [(1, 1, 1), (3, 5, 7), (130, 33, 140), (1, 65, 40), (40, 65, 1), (64, 1, 64), (20, 600, 24)]


@pytest.mark.parametrize("m, k, n", SHAPES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_shapes(dtype, m, k, n):
    x, y = normal((m, k), dtype), normal((k, n), dtype, seed=1)
    check(dtype, x, y, run(matmul, x, y))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("k", [40, 43])  # rows at multiples of 16 bytes, and not
def test_transposed_operands(dtype, k):
    x, y, x_t, y_t = (normal(shape, dtype, i) for i, shape in enumerate([(24, k), (k, 72), (k, 24), (72, k)]))
    check(dtype, x, y_t.T, run(lambda x, y: matmul(x, y.T), x, y_t))
    check(dtype, x_t.T, y, run(lambda x, y: matmul(x.T, y), x_t, y))
    check(dtype, x_t.T, y_t.T, run(lambda x, y: matmul(x.T, y.T), x_t, y_t))


@pytest.mark.parametrize("dtype", FLOATS)
def test_operands_with_no_neighbours(dtype):
    x, y = normal((20, 36), dtype), normal((36, 10), dtype, seed=1)
    check(dtype, x[::2, ::3], y[::3, ::2], run(lambda x, y: matmul(x[::2, ::3], y[::3, ::2]), x, y))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_batches(dtype):
    x, y = normal((2, 3, 5, 9), dtype), normal((2, 3, 9, 4), dtype, seed=1)
    check(dtype, x, y, run(matmul, x, y))
    heads_last = normal((2, 5, 3, 9), dtype)  # batch dimensions that do not merge
    swapped = heads_last.transpose(0, 2, 1, 3)
    check(dtype, swapped, y, run(lambda x, y: matmul(x.transpose(0, 2, 1, 3), y), heads_last, y))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_expanded_operand(dtype):
    x, y, one_x = normal((4, 5, 8), dtype), normal((1, 8, 6), dtype, seed=1), normal((1, 5, 8), dtype, seed=2)
    check(dtype, x, y, run(lambda x, y: matmul(x, expand(y, (4, 8, 6))), x, y))
    swapped = x.transpose(1, 0, 2)
    check(dtype, swapped, y, run(lambda x, y: matmul(x.transpose(1, 0, 2), expand(y, (5, 8, 6))), x, y))
    ys = normal((4, 8, 6), dtype, seed=3)
    check(dtype, one_x, ys, run(lambda x, y: matmul(expand(x, (4, 5, 8)), y), one_x, ys))
    row = normal((1, 6), dtype, seed=4)
    check(dtype, x[0, :, :1], row, run(lambda x, y: matmul(x[0, :, :1], y), x, row))


@pytest.mark.parametrize("dtype, m", [("bfloat16", 2100), ("float32", 1100)])
def test_more_rows_of_tiles_than_a_band(dtype, m):
    x, y = normal((m, 3), dtype), normal((3, 140), dtype, seed=1)
    check(dtype, x, y, run(matmul, x, y))


def test_enough_tiles_for_the_large_one():
    x, y = normal((64, 130, 11), "float32"), normal((64, 11, 7), "float32", seed=1)
    check("float32", x, y, run(matmul, x, y))


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_empty_sum_is_zero(dtype):
    x, y = normal((3, 0), dtype), normal((0, 4), dtype)
    np.testing.assert_array_equal(double(run(matmul, x, y)), np.zeros((3, 4)))
    assert run(matmul, normal((0, 3), dtype), normal((3, 4), dtype)).shape == (0, 4)
    assert run(matmul, normal((0, 3, 2), dtype), normal((0, 2, 4), dtype)).shape == (0, 3, 4)


def test_infinities_stay_in_their_row_and_column():
    x, y = normal((3, 5), "bfloat16"), normal((5, 3), "bfloat16", seed=1)
    x[1, 2] = np.inf
    actual = double(run(matmul, x, y))
    assert np.isinf(actual[1]).all() and np.isfinite(actual[[0, 2]]).all()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64"])
def test_integers_are_exact_and_wrap(dtype):
    x, y = (np.random.default_rng(0).integers(-100, 100, shape).astype(dtype) for shape in ((3, 600), (600, 5)))
    np.testing.assert_array_equal(run(matmul, x, y), x @ y)  # long enough to be cut into slices


def test_other_dtypes_are_refused():
    with pytest.raises(TypeError, match="matmul: no CUDA kernel for bool"):
        run(matmul, np.ones((2, 2), bool), np.ones((2, 2), bool))
    with pytest.raises(RuntimeError, match="expected scalar type Float, the dtype of x, but found Double for y"):
        run(matmul, normal((2, 2), "float32"), normal((2, 2), "float64"))
