"""Sorting against NumPy, on the emulated GPU."""

import numpy as np
import pytest
from on_device import FLOATS, double, dtype_of, run

from autograd_gpu.arrays.cuda.sort import sort


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "int64", "bool"])
@pytest.mark.parametrize("shape, dim", [((4, 7), 0), ((4, 7), 1), ((2, 2100), 1), ((0, 3), 1), ((), 0)])
def test_sort_is_stable_with_nan_greatest(shape, dim, dtype, descending):
    x = np.random.default_rng(0).integers(-5, 5, shape).astype(dtype_of(dtype))
    if dtype in FLOATS and x.size > 1:
        x.reshape(-1)[::6] = np.nan
    keys = np.where(np.isnan(double(x)), 99, double(x)) * (-1 if descending else 1)
    expected = np.argsort(keys, axis=dim, kind="stable") if x.ndim else np.zeros((), np.int64)
    values, indices = run(sort, x, dim, descending, True)
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_array_equal(double(values), double(np.take_along_axis(x, expected, dim)) if x.ndim else double(x))
