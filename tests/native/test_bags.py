"""Bags of rows, resampling and special functions compiled for this processor: NumPy's values, and what it refuses."""

import ml_dtypes
import numpy as np
import pytest

from autograd_gpu.arrays import cpu, native
from autograd_gpu.arrays.native import runtime

pytestmark = pytest.mark.ours

DTYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]
TOLERANCE = {2: 2e-2, 4: 2e-5, 8: 1e-9}


def assert_same(function, *arguments, tolerance=None):
    ours, numpys = (getattr(backend, function)(*arguments) for backend in (native, cpu))
    for found, expected in zip(*(r if type(r) is tuple else (r,) for r in (ours, numpys)), strict=True):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        close = TOLERANCE[found.dtype.itemsize] if tolerance is None else tolerance
        np.testing.assert_allclose(
            found.astype(float), expected.astype(float), rtol=close, atol=3 * close, err_msg=function
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("is_ragged", [False, True])
@pytest.mark.parametrize(
    ("rows", "cols", "bags", "size"), [(5, 3, 4, 3), (50, 70, 20, 7), (7, 130, 3, 200), (9, 4, 0, 3), (9, 4, 3, 0)]
)
def test_bags_have_numpys_values(rows, cols, bags, size, is_ragged, dtype):
    rng = np.random.default_rng(0)
    x, gy = rng.standard_normal((rows, cols)).astype(dtype), rng.standard_normal((bags, cols)).astype(dtype)
    index, offsets = rng.integers(-1, rows, (bags, size)), None
    if is_ragged:
        index, cuts = index.reshape(-1), np.sort(rng.integers(0, bags * size + 1, max(bags - 1, 0)))
        offsets = np.array([0, *cuts, bags * size][: bags + 1])
    for weight in (None, rng.standard_normal(index.shape).astype(dtype)):
        assert_same("bag_sum", x, index, weight, offsets)
        assert_same("bag_scatter", gy, index, weight, offsets, rows)
    assert_same("bag_dot", gy, x, index, offsets)
    assert_same("bag_max", x, index, offsets, tolerance=0)


def test_a_long_bag_keeps_its_digits():
    x, index = np.full((1, 3), 0.1, np.float32), np.zeros((1, 3_000_000), np.int64)
    np.testing.assert_allclose(native.bag_sum(x, index, None, None), 3e5, rtol=1e-6)
    gx = native.bag_scatter(x, index, None, None, 1)
    np.testing.assert_allclose(gx, 3e5, rtol=1e-6)


def test_a_row_that_there_is_not_is_refused():
    x, index = np.ones((3, 2), np.float32), np.array([[0, 3]])
    for call in (
        lambda: native.bag_sum(x, index, None, None),
        lambda: native.bag_scatter(x[:1], index, None, None, 3),
        lambda: native.bag_dot(x[:1], x, index, None),
        lambda: native.bag_max(x, -index, None),
    ):
        with pytest.raises(IndexError, match="out of range"):
            call()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 7, 1), (2, 9, 300), (0, 3, 2)])
def test_resampling_has_numpys_values(shape, dtype):
    rng = np.random.default_rng(0)
    start = np.concatenate([[0], np.cumsum(rng.integers(0, 4, 5))])
    index = rng.integers(0, shape[1], start[-1])
    weight = rng.standard_normal(start[-1]).astype(np.float64 if dtype is np.float64 else np.float32)
    assert_same("resample", rng.standard_normal(shape).astype(dtype), start, index, weight)


@pytest.mark.parametrize("dtype", DTYPES)
def test_special_functions_have_numpys_values(dtype):
    rng = np.random.default_rng(0)
    x, a = np.abs(rng.standard_normal((2, 40, 9))).astype(dtype)
    for name in ("digamma", "erfcx", "lgamma"):
        assert_same(name, x)
        assert_same(name, x.T)
    for name in ("igamma", "igammac"):
        assert_same(name, a, x)
        assert_same(name, a, 0.5)
    assert_same("zeta", (a.astype(float) + 1.5).astype(dtype), (x.astype(float) + 0.1).astype(dtype))


def test_every_file_that_these_families_ask_for_compiles():
    for file in ("bag.cu", "incomplete_gamma.cu", "resample.cu", "special.cu"):
        for dtype in ("float32", "float64", "float16", "bfloat16"):
            assert runtime.entries(file, dtype) is not None, runtime.failures[file, dtype]
