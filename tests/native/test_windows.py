"""Convolutions, pooling and columns compiled for this processor: NumPy's values for every geometry of windows."""

import ml_dtypes
import numpy as np
import pytest

from autograd_gpu.arrays import cpu, native

pytestmark = pytest.mark.ours

GROUPS = 2
# size, kernel, stride, padding, dilation: strides that leave gaps, windows beyond the end, lines longer than a strip.
GEOMETRIES = [
    ((7,), (3,), (1,), (1,), (1,)),
    ((600,), (3,), (2,), (1,), (2,)),
    ((9, 8), (3, 2), (2, 1), (1, 0), (1, 2)),
    ((20, 33), (3, 3), (1, 1), (1, 1), (1, 1)),
    ((20, 17), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((6, 7), (1, 1), (3, 3), (0, 0), (1, 1)),
    ((4, 5, 6), (2, 3, 2), (1, 2, 3), (1, 1, 1), (2, 1, 1)),
    ((18, 300), (2, 3), (1, 1), (0, 1), (3, 1)),
]
TOLERANCE = {2: {"rtol": 5e-2, "atol": 0.2}, 4: {"rtol": 1e-4, "atol": 1e-3}, 8: {"rtol": 1e-12, "atol": 1e-12}}


def window_of(size, kernel, stride, padding, dilation):
    output = tuple(
        (s + 2 * p - d * (k - 1) - 1) // step + 1
        for s, k, step, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )
    return size, output, kernel, stride, padding, dilation


def assert_same(function, *arguments, exactly=False):
    ours, numpys = (getattr(backend, function)(*arguments) for backend in (native, cpu))
    for found, expected in zip(*(r if type(r) is tuple else (r,) for r in (ours, numpys)), strict=True):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        close = {"rtol": 0, "atol": 0} if exactly else TOLERANCE[found.dtype.itemsize]
        np.testing.assert_allclose(found.astype(float), expected.astype(float), err_msg=function, **close)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_windows_have_numpys_values(geometry, dtype):
    window, draw = window_of(*geometry), np.random.default_rng(0).standard_normal
    _, output, kernel, *_ = window
    x, gy = draw((3, 2 * GROUPS, *window[0])).astype(dtype), draw((3, 3 * GROUPS, *output)).astype(dtype)
    weight = draw((3 * GROUPS, 2, *kernel)).astype(dtype)
    assert_same("im2col", x, *window, exactly=True)
    assert_same("col2im", draw((4, *kernel, 3, *output)).astype(dtype), *window)
    assert_same("convolution", x, weight, *window, GROUPS)
    assert_same("convolution_transposed", gy, weight, *window, GROUPS)
    assert_same("convolution_weight", x, gy, *window, GROUPS)
    planes = np.round(x.reshape(-1, *window[0]).astype(np.float32)).astype(dtype)  # with ties
    planes[1, ..., -1] = np.nan
    planes[2] = -np.inf
    assert_same("max_pool", planes, *window, exactly=True)
    index = native.max_pool(planes, *window)[1]
    gradient = draw((len(planes), *output)).astype(dtype)
    assert_same("max_pool_backward", gradient, index, *window)
    window = window_of(*geometry[:4], (1,) * len(kernel))
    gradient = draw((len(planes), *window[1])).astype(dtype)
    for include_pad, divisor in ((True, 0), (False, 0), (True, 3)):
        assert_same("avg_pool", x.reshape(-1, *window[0]), *window, include_pad, divisor)
        assert_same("avg_pool_backward", gradient, *window, include_pad, divisor)


def test_columns_of_views_are_theirs():
    x = np.random.default_rng(0).standard_normal((2, 3, 8, 9)).astype(np.float32)
    window = window_of((9, 8), (3, 3), (1, 1), (1, 1), (1, 1))
    assert_same("im2col", x.swapaxes(2, 3), *window, exactly=True)
    assert_same("max_pool", x.reshape(-1, 8, 9).swapaxes(1, 2)[::2], *window, exactly=True)
