"""Substitution on the GPU against NumPy's inverse: blocks, columns, both triangles, in every dtype that has a
kernel."""

import numpy as np
import pytest
from on_device import normal, run

from autograd_gpu.arrays.cuda.linalg import solve_triangular

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize(("batch", "n", "columns"), [((), 1, 1), ((2,), 64, 65), ((3, 1), 100, 2), ((), 129, 130)])
def test_a_triangle_times_the_solution_is_the_right_hand_side(dtype, upper, batch, n, columns):
    a = (np.triu if upper else np.tril)(normal((*batch, n, n), dtype) / np.float32(n)) + 2 * np.eye(n, dtype=dtype)
    a, b = a.astype(dtype), normal((*batch, n, columns), dtype, seed=1)
    y = run(lambda a, b: solve_triangular(a, b, upper, False), a, b)
    np.testing.assert_allclose(a @ y, b, rtol=0, atol=TOLERANCE[dtype])


def test_a_zero_on_the_diagonal_gives_an_infinity():
    y = run(lambda a, b: solve_triangular(a, b, True, False), np.zeros((1, 1)), np.ones((1, 2)))
    assert np.isinf(y).all()
