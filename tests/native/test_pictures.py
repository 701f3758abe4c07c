"""Pictures read at the places of a grid, compiled for this processor: NumPy's values, on any number of threads."""

import itertools

import ml_dtypes
import numpy as np
import pytest

import autograd_gpu as ag
from autograd_gpu.arrays import cpu, native

pytestmark = pytest.mark.ours

TOLERANCE = {2: 0.05, 4: 2e-5, 8: 1e-12}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("size", [(5, 4), (1, 1), (3, 2, 6)])
def test_pictures_have_numpys_values(size, dtype):
    rng, dims = np.random.default_rng(0), len(size)
    threads = ag.get_num_threads()
    places = (5, 30) if dims == 2 else (3, 5, 10)  # more than a strip, no whole number of them
    x = rng.standard_normal((2, 9, *size)).astype(dtype)
    grid = rng.uniform(-1.6, 1.6, (2, *places, dims)).astype(dtype)
    grid[0, 0, 0] = np.nan  # which stands for -1
    grid[1, 0, 0], grid[1, 0, 1] = np.inf, -np.inf  # which are nowhere, or at an edge
    gy = rng.standard_normal((2, 9, *places)).astype(dtype)
    modes = ("bilinear", "nearest", "bicubic")[: 3 if dims == 2 else 2]
    for mode, padding, is_aligned in itertools.product(modes, ("zeros", "border", "reflection"), (False, True)):
        options = (mode, padding, is_aligned)
        calls = [("grid_sample", x, grid, *options)]
        calls += [("grid_sample_backward", gy, x, grid, *options, *needs) for needs in ((True, True), (False, True))]
        for name, *arguments in calls:
            results = []
            for backend, count in ((cpu, 1), (native, 1), (native, 3)):
                ag.set_num_threads(count)
                found = getattr(backend, name)(*arguments)
                results.append([y for y in (found if isinstance(found, tuple) else (found,)) if y is not None])
            ag.set_num_threads(threads)
            for numpys, ours, on_threads in zip(*results, strict=True):
                close = TOLERANCE[np.dtype(dtype).itemsize]
                if name == "grid_sample_backward" and numpys.shape == grid.shape:  # no slope where there is no place
                    numpys, ours, on_threads = (g[0, 1:].astype(float) for g in (numpys, ours, on_threads))
                    close *= max(1.0, float(np.abs(numpys).max()))
                expected, found = numpys.astype(float), ours.astype(float)
                np.testing.assert_allclose(found, expected, rtol=close, atol=4 * close, err_msg=str((name, *options)))
                np.testing.assert_array_equal(found, on_threads.astype(float))


@pytest.mark.parametrize("in_dims", [(0, None), (None, 0), (0, 0)])
def test_vmap_of_grid_sample_is_a_loop(in_dims):
    ag.manual_seed(0)
    x, grid = ag.randn(3, 2, 4, 5, 6), ag.rand(3, 2, 4, 3, 2) * 3 - 1.5
    chosen = (x if in_dims[0] == 0 else x[0], grid if in_dims[1] == 0 else grid[0])

    def gradients(x, grid):
        return ag.func.grad(
            lambda x, grid: ag.nn.functional.grid_sample(x, grid, align_corners=False).square().sum(), argnums=(0, 1)
        )(x, grid)

    found = ag.vmap(gradients, in_dims=in_dims)(*chosen)
    for n in range(3):
        each = (x[n] if in_dims[0] == 0 else x[0], grid[n] if in_dims[1] == 0 else grid[0])
        for ours, expected in zip(found, gradients(*each), strict=True):
            np.testing.assert_allclose(ours[n].tolist(), expected.tolist(), rtol=1e-4, atol=1e-4)
