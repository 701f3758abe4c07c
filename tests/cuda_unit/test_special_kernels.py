"""The special functions' kernels against the CPU's float64, which tests/oracle holds to PyTorch's, on the emulated
GPU."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, dtype_of, run

from autograd_gpu.arrays import cpu, cuda

RANGES = {"lgamma": (0.1, 40), "digamma": (-4.9, 40), "erfinv": (-0.99, 0.99), "erfcx": (-2, 30), "i0": (-9, 9),
          "i0e": (-60, 60), "i1": (-9, 9), "i1e": (-60, 60)}  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", RANGES)
def test_a_range(name, dtype):
    x = (np.random.default_rng(0).uniform(*RANGES[name], 301)).astype(dtype_of(dtype))
    x = x[double(x) != np.round(double(x))]
    expected = getattr(cpu, name)(double(x))
    assert_near(run(getattr(cuda, name), x), expected, dtype, spacings=48 if name == "digamma" else 24)


@pytest.mark.parametrize("s", [1.0, 1.5, 2.0, 3.0, 7.0, 0.5])
def test_zeta(s):
    q = np.array([0.1, 1.0, 4.5, 30.0, 0.0, -1.0, -0.5, -3.25, np.inf, np.nan])
    np.testing.assert_allclose(run(lambda x: cuda.zeta(s, x), q), cpu.zeta(s, q), rtol=1e-13)
    exponents = np.full(q.shape, s)
    np.testing.assert_allclose(run(cuda.zeta, exponents, q), cpu.zeta(exponents, q), rtol=1e-13)


@pytest.mark.parametrize("dtype", FLOATS)
def test_nextafter_goes_by_the_dtype_s_own_spacing(dtype):
    x = np.array([1, 1, -1, -1, 0, 0, 3, np.nan, np.inf, 65504], dtype_of(dtype))
    y = np.array([2, 0, -2, 0, 1, -1, 3, 1, 0, np.inf], dtype_of(dtype))
    np.testing.assert_array_equal(double(run(cuda.nextafter, x, y)), double(np.nextafter(x, y)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["igamma", "igammac"])
def test_incomplete_gamma(name, dtype):
    a = np.repeat([0.0, 0.3, 1, 4.5, 30, 400], 30).astype(dtype)
    x = (a * np.tile(np.linspace(0, 2.5, 30), 6)).astype(dtype)
    expected = getattr(cpu, name)(double(a), double(x))
    assert_near(run(getattr(cuda, name), a, x), expected, dtype, spacings=400)
    assert_near(run(lambda x: getattr(cuda, name)(2.0, x), x), getattr(cpu, name)(2.0, double(x)), dtype, spacings=64)
