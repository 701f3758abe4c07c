"""Layer norm against NumPy in float64, on the emulated GPU."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.backends.cuda.norm import layer_norm, layer_norm_backward

EPS = 1e-5


def reference(x, weight, bias, gy):
    x, gy = double(x), double(gy)
    mean, rstd = x.mean(1), 1 / np.sqrt(x.var(1) + EPS)
    xhat = (x - mean[:, None]) * rstd[:, None]
    y = xhat * (1 if weight is None else double(weight)) + (0 if bias is None else double(bias))
    g = gy * (1 if weight is None else double(weight))
    gx = rstd[:, None] * (g - g.mean(1, keepdims=True) - xhat * (g * xhat).mean(1, keepdims=True))
    return y, mean, rstd, gx, (gy * xhat).sum(0), gy.sum(0)


@pytest.mark.parametrize("shape", [(4, 1), (150, 5), (3, 64), (5, 777), (40, 512), (2, 4100), (1, 20001)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_values_and_gradients(shape, dtype):
    x = normal(shape, dtype, scale=2) + normal((shape[0], 1), dtype, seed=4, scale=2)
    gy, weight, bias = (normal(s, dtype, seed) for seed, s in enumerate([shape, shape[1], shape[1]], 1))
    expected_y, expected_mean, expected_rstd, expected_gx, expected_gweight, expected_gbias = reference(
        x, weight, bias, gy
    )
    y, mean, rstd = run(layer_norm, x, weight, bias, EPS)
    wide = mean.dtype.name
    assert wide == ("float64" if dtype == "float64" else "float32")
    if shape[1] == 1:  # the variance is 0, and rstd 1 / sqrt(eps) all there is
        assert_near(y, np.broadcast_to(double(bias), shape), dtype)
    else:
        assert_near(y, expected_y, dtype, spacings=8, scale=np.abs(expected_mean * expected_rstd).max() + 1)
    assert_near(mean, expected_mean, wide, spacings=8)
    assert_near(rstd, expected_rstd, wide, spacings=8)

    mean, rstd = expected_mean.astype(wide), expected_rstd.astype(wide)
    gx, gweight, gbias = run(layer_norm_backward, gy, x, mean, rstd, weight)
    assert gx.dtype == gweight.dtype == gbias.dtype == x.dtype
    assert_near(gx, expected_gx, dtype, spacings=8, scale=np.abs(rstd).max() * 4)
    assert_near(gweight, expected_gweight, dtype, spacings=8, scale=np.sqrt(shape[0]))
    assert_near(gbias, expected_gbias, dtype, spacings=8, scale=np.sqrt(shape[0]))


def test_without_weight_and_bias():
    x, gy = normal((6, 37), "float32"), normal((6, 37), "float32", seed=1)
    expected_y, mean, rstd, expected_gx, _, expected_gbias = reference(x, None, None, gy)
    assert_near(run(layer_norm, x, None, None, EPS)[0], expected_y, "float32", spacings=8)
    statistics = mean.astype(np.float32), rstd.astype(np.float32)
    gx, gweight, gbias = run(layer_norm_backward, gy, x, *statistics, None)
    assert gweight is None
    assert_near(gx, expected_gx, "float32", spacings=8)
    assert_near(gbias, expected_gbias, "float32", spacings=8)


def test_a_large_mean_does_not_cancel_the_variance():
    x = normal((2, 1000), "float32") + np.float32(1e4)
    expected = reference(x, None, None, x)[0]
    # 1e4 in float32 has steps of 1e-3; the sum of squares would lose the variance altogether.
    np.testing.assert_allclose(run(layer_norm, x, None, None, EPS)[0], expected, atol=1e-3)


def test_gradients_of_no_rows_are_zeros():
    x, weight = normal((0, 5), "float32"), normal(5, "float32")
    statistics = np.empty(0, np.float32), np.empty(0, np.float32)
    gx, gweight, gbias = run(layer_norm_backward, x, x, *statistics, weight)
    assert gx.shape == (0, 5)
    np.testing.assert_array_equal(gweight, np.zeros(5))
    np.testing.assert_array_equal(gbias, np.zeros(5))


def test_mixed_dtypes_are_refused():
    with pytest.raises(TypeError, match=r"layer_norm.*float32 and float64"):
        run(layer_norm, normal((2, 3), "float32"), normal(3, "float64"), None, EPS)
