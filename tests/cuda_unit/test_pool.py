"""Pooling and its gradients against windows cut out in NumPy, on the emulated GPU."""

import math

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.arrays.cuda import pool

# size, kernel, stride, padding, dilation; planes
MAX_CASES = {
    "1-d": ((11,), (3,), (2,), (1,), (1,), 4),
    "2-d": ((7, 8), (2, 3), (2, 2), (1, 1), (1, 1), 3),
    "2-d, overlapping": ((6, 7), (3, 3), (1, 1), (1, 1), (1, 1), 2),
    "2-d, dilated": ((9, 8), (3, 2), (2, 1), (1, 0), (2, 3), 2),
    "2-d, gaps between windows": ((9, 8), (2, 1), (3, 4), (0, 0), (1, 1), 2),
    "3-d": ((4, 5, 6), (2, 2, 3), (2, 1, 2), (1, 0, 1), (1, 1, 1), 2),
}
AVG_CASES = {name: case for name, case in MAX_CASES.items() if max(case[4]) == 1}


def window_of(size, kernel, stride, padding, dilation):
    output = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )
    return size, output, kernel, stride, padding, dilation


def windows(window):
    """(output, the elements of x in its window in row-major order, as indices of the flat plane)."""
    size, output, kernel, stride, padding, dilation = window
    numbers = np.arange(math.prod(size)).reshape(size)
    for o in np.ndindex(output):
        inside = [
            [i for i in range(a * s - p, a * s - p + (k - 1) * d + 1, d) if 0 <= i < n]
            for a, n, k, s, p, d in zip(o, size, kernel, stride, padding, dilation, strict=True)
        ]
        yield o, numbers[np.ix_(*inside)].reshape(-1)


@pytest.mark.parametrize("case", MAX_CASES.values(), ids=MAX_CASES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_max_pool_and_its_gradient(case, dtype):
    *geometry, planes = case
    window = window_of(*geometry)
    x, gy = normal((planes, *window[0]), dtype), normal((planes, *window[1]), dtype, 1)
    y, index = run(pool.max_pool, x, *window)
    gx = run(pool.max_pool_backward, gy, index, *window)
    expected = np.zeros((planes, math.prod(window[0])))
    for plane in range(planes):
        flat = double(x[plane]).reshape(-1)
        for o, seen in windows(window):
            best = seen[flat[seen].argmax()]
            assert index[(plane, *o)] == best
            assert y[(plane, *o)] == x[plane].reshape(-1)[best]
            expected[plane, best] += double(gy[(plane, *o)])
    assert_near(gx.reshape(planes, -1), expected, dtype, 4, scale=4)


def test_the_first_of_equals_and_the_last_nan():
    window = window_of((6,), (3,), (3,), (0,), (1,))
    x = np.array([[2, 5, 5, np.nan, 1, np.nan], [-np.inf] * 6], np.float32)
    y, index = run(pool.max_pool, x, *window)
    np.testing.assert_array_equal(index, [[1, 5], [0, 3]])
    np.testing.assert_array_equal(y, [[5, np.nan], [-np.inf, -np.inf]])


@pytest.mark.parametrize("case", AVG_CASES.values(), ids=AVG_CASES)
@pytest.mark.parametrize("how", [(True, 0), (False, 0), (True, 5)], ids=["padded", "without padding", "divisor"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_avg_pool_and_its_gradient(case, how, dtype):
    *geometry, planes = case
    window = window_of(*geometry)
    include_pad, divisor = how
    x, gy = normal((planes, *window[0]), dtype), normal((planes, *window[1]), dtype, 1)
    shares = np.zeros((math.prod(window[1]), math.prod(window[0])))  # y = shares @ x
    for row, (o, seen) in enumerate(windows(window)):
        size, _, kernel, stride, padding, _ = window
        with_padding = math.prod(
            min(a * s + k, n + 2 * p) - a * s for a, n, k, s, p in zip(o, size, kernel, stride, padding, strict=True)
        )
        shares[row, seen] = 1 / (divisor or (with_padding if include_pad else len(seen)))
    y = run(pool.avg_pool, x, *window, include_pad, divisor)
    assert_near(y.reshape(planes, -1), double(x).reshape(planes, -1) @ shares.T, dtype, 4)
    gx = run(pool.avg_pool_backward, gy, *window, include_pad, divisor)
    assert_near(gx.reshape(planes, -1), double(gy).reshape(planes, -1) @ shares, dtype, 4, scale=2)


def test_more_planes_than_a_grid_has():
    """Planes beyond the 65,535 blocks along y are walked by the same blocks."""
    window = window_of((2,), (2,), (2,), (0,), (1,))
    x = np.arange(2 * 65_600, dtype=np.float32).reshape(-1, 2)
    y, index = run(pool.max_pool, x, *window)
    np.testing.assert_array_equal(y, x[:, 1:])
    np.testing.assert_array_equal(run(pool.max_pool_backward, y, index, *window), np.where([False, True], x, 0))
