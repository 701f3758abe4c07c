"""Bags of rows on the emulated GPU against NumPy, at sizes that take several columns' and rows' blocks."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.arrays.cuda.bag import bag_dot, bag_max, bag_scatter, bag_sum

RAGGED = np.array([0, 3, 3, 40, 41])


def items(rows, shape, seed=0):
    """Row numbers, some of them none."""
    return np.random.default_rng(seed).integers(-1, rows, shape)


def bags_of(index, offsets):
    return index if offsets is None else np.split(index, offsets[1:-1])


@pytest.mark.parametrize("columns", [1, 3, 70, 300])
@pytest.mark.parametrize("offsets", [None, RAGGED])
@pytest.mark.parametrize("dtype", FLOATS)
def test_each_is_the_others_transpose(columns, offsets, dtype):
    x = normal((9, columns), dtype)
    index = items(9, (5, 8) if offsets is None else RAGGED[-1])
    weight = normal(index.shape, dtype, seed=1)
    rows, one_hot = double(x), np.zeros((index.size, 9))
    one_hot[np.flatnonzero(index.ravel() >= 0), index.ravel()[index.ravel() >= 0]] = 1
    in_bag = np.zeros((5 if offsets is None else 4, index.size))
    start = 0
    for bag, part in enumerate(bags_of(index, offsets)):
        in_bag[bag, start : start + len(part)] = 1
        start += len(part)
    matrix = in_bag * double(weight).ravel() @ one_hot  # (bags, rows)
    expected = matrix @ rows
    scale = np.abs(matrix) @ np.abs(rows) + 1
    assert_near(run(bag_sum, x, index, weight, offsets) / scale, expected / scale, dtype)

    gy = normal(expected.shape, dtype, seed=2)
    scale = np.abs(matrix).T @ np.abs(double(gy)) + 1
    assert_near(run(bag_scatter, gy, index, weight, offsets, 9) / scale, matrix.T @ double(gy) / scale, dtype)

    dots = np.einsum("bi,bc,ir,rc->i", in_bag, double(gy), one_hot, rows).reshape(index.shape)
    assert_near(run(bag_dot, gy, x, index, offsets) / columns, dots / columns, dtype, scale=8)


def test_many_items_of_one_row_are_shared_out():
    gy, index = normal((500, 4), "float64"), np.zeros((500, 3), np.int64)
    found = run(bag_scatter, gy, index, None, None, 2)
    np.testing.assert_allclose(found, [3 * gy.sum(0), np.zeros(4)], atol=1e-11)


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_largest_and_its_row(dtype):
    x, index = normal((9, 70), dtype), items(9, RAGGED[-1])
    values, rows = run(bag_max, x, index, RAGGED)
    for bag, part in enumerate(np.split(index, RAGGED[1:-1])):
        named = part[part >= 0]
        if len(named):
            np.testing.assert_array_equal(double(values[bag]), double(x[named]).max(0))
            np.testing.assert_array_equal(double(x)[rows[bag], np.arange(70)], double(values[bag]))
        else:
            assert not values[bag].any() and (rows[bag] == -1).all()


def test_nan_is_the_largest():
    x = np.array([[1.0], [np.nan], [2.0]])
    values, rows = run(bag_max, x, np.array([[0, 1, 2]]), None)
    assert np.isnan(values).all() and rows.item() == 1


@pytest.mark.parametrize("row", [-2, 9])
@pytest.mark.parametrize("function", [bag_sum, bag_max])
def test_a_row_outside_the_table_stops_the_kernel(function, row):
    more = (None, None) if function is bag_sum else (None,)
    with pytest.raises(RuntimeError, match="trap"):
        run(function, normal((9, 2), "float32"), np.array([[0, row]]), *more)
