"""Scans against NumPy, on the emulated GPU: rows longer than a block, columns, ties, NaN, and the recurrence's
transpose."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, dtype_of, normal, run

from autograd_gpu.arrays import cpu, cuda
from autograd_gpu.arrays.cuda import scan

SHAPES = [((3, 5), 0), ((3, 5), 1), ((2, 300), 1), ((300, 2), 0), ((2, 3, 4), 1), ((0, 3), 1), ((3, 0), 1), ((), 0)]


@pytest.mark.parametrize("dtype", [*FLOATS, "int64"])
@pytest.mark.parametrize("shape, dim", SHAPES)
def test_running_sums_and_products(shape, dim, dtype):
    x = np.asarray(normal(shape, dtype, scale=3))
    near = dtype if dtype in FLOATS else "float64"
    expected = double(x) if x.ndim == 0 else double(x).cumsum(dim)
    assert_near(run(cuda.cumsum, x, dim, x.dtype), expected, near, 8, scale=30)
    x = np.asarray(1 + normal(shape, "float64", scale=0.05)).astype(dtype_of(dtype))
    expected = double(x) if x.ndim == 0 else double(x).cumprod(dim)
    assert_near(run(cuda.cumprod, x, dim, x.dtype), expected, near, 400)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape, dim", SHAPES)
def test_logcumsumexp_does_not_overflow(shape, dim, dtype):
    x = np.asarray(normal(shape, dtype, scale=200))
    expected = double(x) if x.ndim == 0 else np.logaddexp.accumulate(double(x), axis=dim)
    assert_near(run(cuda.logcumsumexp, x, dim), expected, dtype, 8, scale=10)
    nothing = np.full(3, -np.inf, dtype_of(dtype))
    assert (double(run(cuda.logcumsumexp, nothing, 0)) == -np.inf).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64", "uint8", "int64", "bool"])
@pytest.mark.parametrize("shape, dim", SHAPES)
@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_the_extreme_so_far_is_the_last_of_equals(name, shape, dim, dtype):
    x = np.random.default_rng(0).integers(0, 9, shape).astype(dtype_of(dtype))
    if dtype in FLOATS and x.size > 9:
        x.reshape(-1)[[7, 11]] = np.nan
    found, expected = run(getattr(cuda, name), x, dim), getattr(cpu, name)(np.asarray(x), dim)
    np.testing.assert_array_equal(double(found[0]), double(expected[0]))
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("shape, dim", SHAPES)
@pytest.mark.parametrize("reverse", [False, True])
def test_linear_recurrences(shape, dim, dtype, reverse):
    a, b = (np.asarray(normal(shape, dtype, seed, scale=0.9)) for seed in (0, 1))
    expected = double(b).copy()
    if expected.ndim:
        lines, factors = np.moveaxis(expected, dim, 0), np.moveaxis(double(a), dim, 0)
        for i in range(len(lines) - 2, -1, -1) if reverse else range(1, len(lines)):
            lines[i] += factors[i + 1] * lines[i + 1] if reverse else factors[i] * lines[i - 1]
    for backend_run in (lambda: run(cuda.linear_scan, a, b, dim, reverse), lambda: cpu.linear_scan(a, b, dim, reverse)):
        assert_near(backend_run(), expected, dtype if dtype in FLOATS else "float64", 64, scale=4)


def test_the_reversed_recurrence_is_the_transpose():
    a = normal((1, 40), "float64")
    columns = cpu.linear_scan(np.repeat(a, 40, 0), np.eye(40), 1, False)
    rows = cpu.linear_scan(np.repeat(a, 40, 0), np.eye(40), 1, True)
    np.testing.assert_allclose(columns, rows.T, rtol=1e-12)


def samples(name, shape, dtype, dim):
    """Arguments whose scan stays small, and in integers exact."""
    x = np.random.default_rng(0).integers(-3, 4, shape).astype(dtype)
    if name == "linear_scan":
        return [(x % 2, x, dim, reverse) for reverse in (False, True)]
    if name == "cumprod":
        x = (x == 3) + np.ones_like(x)
    return [(x, dim, x.dtype) if name in ("cumsum", "cumprod") else (x, dim)]


def assert_like_the_cpu(name, call, dtype):
    found, expected = run(getattr(cuda, name), *call), getattr(cpu, name)(*call)
    for a, b in zip(*(side if isinstance(side, tuple) else (side,) for side in (found, expected)), strict=True):
        np.testing.assert_allclose(double(a), double(b), rtol=1e-5 if dtype == "float32" else 1e-12)


EVERY = [(name, dtype) for name in cuda.scan.__all__ for dtype in ("float32", "float64", "int64")]
EVERY.remove(("logcumsumexp", "int64"))


@pytest.mark.parametrize("name, dtype", EVERY)
def test_long_rows_are_cut_into_chunks(name, dtype, monkeypatch):
    launched = []
    kernels = getattr(scan, f"_{name}")
    carries = kernels._carries
    monkeypatch.setattr(scan, "SHORTEST", 40)
    monkeypatch.setattr(kernels, "_carries", lambda *a: (launched.append(a[-1]), carries(*a)))
    for call in samples(name, (2, 733), dtype, 1):
        assert_like_the_cpu(name, call, dtype)
    assert launched and set(launched) == {18}


@pytest.mark.parametrize("name, dtype", EVERY)
def test_few_long_columns_are_turned(name, dtype, monkeypatch):
    kernels = getattr(scan, f"_{name}")
    monkeypatch.setattr(scan, "FEW", 32)
    monkeypatch.setattr(kernels, "_columns", None)
    for call in samples(name, (2, 70, 3), dtype, 1):
        assert_like_the_cpu(name, call, dtype)
