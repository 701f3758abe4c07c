"""Gathers, scatters and nonzero against NumPy, on the emulated GPU."""

import numpy as np
import pytest
from on_device import assert_near, double, dtype_of, normal, run

from autograd_gpu.arrays.cuda.index import gather_rows, nonzero, scatter_add_rows, scatter_rows
from autograd_gpu.arrays.cuda.memory import expand

DTYPES = ["float16", "bfloat16", "float32", "float64", "bool", "uint8", "int8", "int16", "int32", "int64"]


def some(shape, dtype, seed=0):
    return (normal(shape, "float64", seed) * 3).astype(dtype_of(dtype))


def rows_between(low, high, count, seed=1):
    return np.random.default_rng(seed).integers(low, high, count)


@pytest.mark.parametrize("shape", [(5, 1), (9, 7), (3, 200), (4, 16)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gather(shape, dtype):
    x, index = some(shape, dtype), rows_between(-shape[0], shape[0], 11)
    np.testing.assert_array_equal(run(gather_rows, x, index), x[index])


def test_gather_from_views():
    x, index = normal((6, 10), "float32"), np.array([3, -1, 0])
    np.testing.assert_array_equal(run(lambda x, i: gather_rows(x.T, i), x, index), x.T[index])
    np.testing.assert_array_equal(run(lambda x, i: gather_rows(x[::2, 1:], i), x, index[1:]), x[::2, 1:][index[1:]])
    one = x[:1]
    np.testing.assert_array_equal(run(lambda x, i: gather_rows(expand(x, (6, 10)), i), one, index), one[[0, 0, 0]])


@pytest.mark.parametrize("count", [1, 5, 300, 70000])
def test_scatter_add(count):
    """Over one, two and three digits of the sort; many sources per row and none."""
    gy, index = normal((77, 3), "float32"), rows_between(-count, count, 77)
    expected = np.zeros((count, 3))
    np.add.at(expected, index, double(gy))
    assert_near(run(scatter_add_rows, gy, index, count), expected, "float32", spacings=16)


@pytest.mark.parametrize("cols", [35, 48])  # element by element, and in packs
@pytest.mark.parametrize("dtype", DTYPES)
def test_scatter_add_in_each_dtype(dtype, cols):
    gy, index = some((2100, cols), dtype), rows_between(0, 4, 2100)  # more than one chunk of the sort
    expected = np.zeros((4, cols), gy.dtype if gy.dtype.kind in "iub" else np.float64)
    np.add.at(expected, index, gy if gy.dtype.kind in "iub" else double(gy))
    actual = run(scatter_add_rows, gy, index, 4)
    if gy.dtype.kind in "iub":
        np.testing.assert_array_equal(actual, expected)
    else:
        assert_near(actual, expected, dtype, spacings=16, scale=100)


def test_scatter_add_has_the_same_bits_each_time():
    gy, index = normal((500, 8), "float32", scale=1e3), rows_between(0, 3, 500)
    first = run(scatter_add_rows, gy, index, 3)
    np.testing.assert_array_equal(first, run(scatter_add_rows, gy, index, 3))


@pytest.mark.parametrize("dtype", DTYPES)
def test_of_duplicates_the_last_scattered_row_wins(dtype):
    out, x, index = some((6, 5), dtype), some((9, 5), dtype, seed=2), rows_between(-6, 6, 9)
    expected = out.copy()
    for i, row in zip(index, x, strict=True):
        expected[i] = row
    np.testing.assert_array_equal(run(scattered, out, index, x), expected)


def test_scatter_into_a_view():
    out, x, index = normal((8, 6), "float32"), normal((3, 4), "float32", seed=2), np.array([2, 0, 3])
    for view, rows in [(lambda out: out[::2, 1:5], x), (lambda out: out.T[:4], np.concatenate([x, x], 1))]:
        expected = out.copy()
        view(expected)[index] = rows
        np.testing.assert_array_equal(run(scattered, out, index, rows, view), expected)


def scattered(out, index, x, view=lambda out: out):
    scatter_rows(view(out), index, x)
    return out


@pytest.mark.parametrize("function", [gather_rows, lambda x, i: scatter_add_rows(x[:1], i, 3)])
@pytest.mark.parametrize("row", [3, -4])
def test_a_row_out_of_range_stops_the_kernel(function, row):
    with pytest.raises(RuntimeError, match="trap"):
        run(function, normal((3, 2), "float32"), np.array([row]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_nonzero(dtype):
    x = some((3, 7, 5), dtype)
    x[normal(x.shape, "float32") < 0.5] = 0
    np.testing.assert_array_equal(run(nonzero, x), np.argwhere(double(x)))


def test_nonzero_over_many_blocks_of_a_view_and_of_none():
    x = normal((50, 60), "float32") > 1
    np.testing.assert_array_equal(run(nonzero, x), np.argwhere(x))
    np.testing.assert_array_equal(run(lambda x: nonzero(x.T), x), np.argwhere(x.T))
    for shape in [(), (0, 3)]:
        for x in (np.zeros(shape, bool), np.ones(shape, bool)):
            assert run(nonzero, x).shape == np.argwhere(x).shape


def test_no_rows():
    x, none = normal((4, 3), "float32"), np.empty(0, np.int64)
    assert run(gather_rows, x, none).shape == (0, 3)
    np.testing.assert_array_equal(run(scatter_add_rows, x[:0], none, 2), np.zeros((2, 3)))
    np.testing.assert_array_equal(run(scattered, x, none, x[:0]), x)
