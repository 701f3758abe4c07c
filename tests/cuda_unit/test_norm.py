"""Layer norm and RMS norm against NumPy in float64, on the emulated GPU."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.arrays.cuda import norm
from autograd_gpu.arrays.cuda.norm import layer_norm, layer_norm_backward, rms_norm, rms_norm_backward

EPS = 1e-5

# A lane a row, some lanes, a warp, a block; the last a row that its team's registers, and shared memory, do not hold.
SHAPES = [(4, 1), (150, 5), (3, 64), (5, 777), (40, 512), (2, 4100), (1, 20001)]


def statistics(x, centred):
    mean = x.mean(1) if centred else np.zeros(len(x))
    return mean, 1 / np.sqrt(np.square(x - mean[:, None]).mean(1) + EPS)


def reference(x, weight, bias, gy, gsum=None, centred=True):
    x, gy = double(x), double(gy)
    mean, rstd = statistics(x, centred)
    xhat = (x - mean[:, None]) * rstd[:, None]
    y = xhat * (1 if weight is None else double(weight)) + (0 if bias is None else double(bias))
    g = gy * (1 if weight is None else double(weight))
    offset = g.mean(1, keepdims=True) if centred else 0
    gx = rstd[:, None] * (g - offset - xhat * (g * xhat).mean(1, keepdims=True))
    return y, mean, rstd, gx + (0 if gsum is None else double(gsum)), (gy * xhat).sum(0), gy.sum(0)


def spread(shape, dtype):
    return normal(shape, dtype, scale=2) + normal((shape[0], 1), dtype, seed=4, scale=2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_layer_norm_and_its_gradients(shape, dtype):
    x = spread(shape, dtype)
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
    gx, gweight, gbias = run(layer_norm_backward, gy, x, mean, rstd, weight, None, True)
    assert gx.dtype == gweight.dtype == gbias.dtype == x.dtype
    assert_near(gx, expected_gx, dtype, spacings=8, scale=np.abs(rstd).max() * 4)
    assert_near(gweight, expected_gweight, dtype, spacings=8, scale=np.sqrt(shape[0]))
    assert_near(gbias, expected_gbias, dtype, spacings=8, scale=np.sqrt(shape[0]))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_rms_norm_and_its_gradients(shape, dtype):
    x, gy, weight = spread(shape, dtype), normal(shape, dtype, seed=1), normal(shape[1], dtype, seed=2)
    expected_y, _, expected_rstd, expected_gx, expected_gweight, _ = reference(x, weight, None, gy, centred=False)
    y, rstd = run(rms_norm, x, weight, EPS)
    assert rstd.dtype == (np.float64 if dtype == "float64" else np.float32)
    assert_near(y, expected_y, dtype, spacings=8)
    assert_near(rstd, expected_rstd, rstd.dtype, spacings=8)

    gx, gweight = run(rms_norm_backward, gy, x, expected_rstd.astype(rstd.dtype), weight, None)
    assert_near(gx, expected_gx, dtype, spacings=8, scale=np.abs(expected_rstd).max() * 4)
    assert_near(gweight, expected_gweight, dtype, spacings=8, scale=np.sqrt(shape[0]))


@pytest.mark.parametrize("centred", [True, False], ids=["layer_norm", "rms_norm"])
@pytest.mark.parametrize("shape", [(5, 37), (2, 513), (1, 20001)])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_a_residual_is_added_first_and_its_gradient_last(centred, shape, dtype):
    x, residual, gy, gsum = (normal(shape, dtype, seed) for seed in range(4))
    weight, bias = normal(shape[1], dtype, 5), normal(shape[1], dtype, 6) if centred else None
    if centred:
        y, total, mean, rstd = run(norm.add_layer_norm, x, residual, weight, bias, EPS)
    else:
        y, total, rstd = run(norm.add_rms_norm, x, residual, weight, EPS)
    np.testing.assert_array_equal(double(total), double((double(x) + double(residual)).astype(x.dtype)))
    expected_y, _, _, expected_gx, expected_gweight, expected_gbias = reference(total, weight, bias, gy, gsum, centred)
    assert_near(y, expected_y, dtype, spacings=8)
    if centred:
        gx, gweight, gbias = run(layer_norm_backward, gy, total, mean, rstd, weight, gsum, True)
        assert_near(gbias, expected_gbias, dtype, spacings=8)
    else:
        gx, gweight = run(rms_norm_backward, gy, total, rstd, weight, gsum)
    assert_near(gx, expected_gx, dtype, spacings=8, scale=4)
    assert_near(gweight, expected_gweight, dtype, spacings=8, scale=4)


@pytest.mark.parametrize("shape", [(6, 37), (2, 9001)])
def test_without_weight_and_bias(shape):
    x, gy = normal(shape, "float32"), normal(shape, "float32", seed=1)
    expected_y, mean, rstd, expected_gx, _, expected_gbias = reference(x, None, None, gy)
    assert_near(run(layer_norm, x, None, None, EPS)[0], expected_y, "float32", spacings=8)
    given = mean.astype(np.float32), rstd.astype(np.float32)
    gx, gweight, gbias = run(layer_norm_backward, gy, x, *given, None, None, True)
    assert gweight is None
    assert_near(gx, expected_gx, "float32", spacings=8)
    assert_near(gbias, expected_gbias, "float32", spacings=8)
    gx, gweight, gbias = run(layer_norm_backward, gy, x, *given, None, None, False)
    assert gweight is gbias is None
    assert_near(gx, expected_gx, "float32", spacings=8)


# On both sides of every size at which another kernel, or another geometry, takes over; and the longest rows promised.
@pytest.mark.parametrize(
    ("dtype", "cols"),
    [
        ("float32", 16), ("float32", 17), ("float32", 512), ("float32", 513), ("float32", 8192), ("float32", 8193),
        ("float32", 16380), ("float32", 16381), ("bfloat16", 8193), ("float16", 32761), ("float64", 4096),
        ("float64", 4097), ("float64", 8191), ("float32", 262_144), ("bfloat16", 262_144), ("float16", 262_144),
        ("float64", 262_144),
    ],
)  # fmt: skip
def test_rows_of_any_length(dtype, cols):
    shape = (2 if cols < 100_000 else 1, cols)
    x, gy, weight = spread(shape, dtype), normal(shape, dtype, seed=1), normal(cols, dtype, seed=2)
    y, mean, rstd = run(layer_norm, x, weight, None, EPS)
    expected_y, _, _, expected_gx, expected_gweight, expected_gbias = reference(x, weight, None, gy)
    assert_near(y, expected_y, dtype, spacings=8, scale=4)
    gx, gweight, gbias = run(layer_norm_backward, gy, x, mean, rstd, weight, None, True)
    assert_near(gx, expected_gx, dtype, spacings=8, scale=4)
    assert_near(gweight, expected_gweight, dtype, spacings=8, scale=4)
    assert_near(gbias, expected_gbias, dtype, spacings=8, scale=4)

    y, rstd = run(rms_norm, x, weight, EPS)
    expected_y, _, _, expected_gx, expected_gweight, _ = reference(x, weight, None, gy, centred=False)
    assert_near(y, expected_y, dtype, spacings=8, scale=4)
    gx, gweight = run(rms_norm_backward, gy, x, rstd, weight, None)
    assert_near(gx, expected_gx, dtype, spacings=8, scale=4)
    assert_near(gweight, expected_gweight, dtype, spacings=8, scale=4)


@pytest.mark.parametrize("cols", [3, 40, 1030])
def test_many_rows_share_a_block_and_its_sums(cols):
    x, gy, weight = spread((700, cols), "float32"), normal((700, cols), "float32", 1), normal(cols, "float32", 2)
    _, mean, rstd = run(layer_norm, x, weight, None, EPS)
    expected = reference(x, weight, None, gy)[3:]
    for found, value in zip(run(layer_norm_backward, gy, x, mean, rstd, weight, None, True), expected, strict=True):
        assert_near(found, value, "float32", spacings=16, scale=60)


def test_a_large_mean_does_not_cancel_the_variance():
    x = normal((2, 1000), "float32") + np.float32(1e4)
    expected = reference(x, None, None, x)[0]
    # 1e4 in float32 has steps of 1e-3; the sum of squares would lose the variance altogether.
    np.testing.assert_allclose(run(layer_norm, x, None, None, EPS)[0], expected, atol=1e-3)


@pytest.mark.parametrize("starts", [(1, 1), (1, 0), (0, 3)])
def test_operands_off_a_16_byte_boundary(starts):
    flat, other, weight, gy = (normal(250, "float32", seed) for seed in range(4))
    x, residual = (values[start : start + 246].reshape(6, 41) for values, start in zip((flat, other), starts))

    def both_ways(flat, other, weight, gy):
        x, residual = (values[start : start + 246].reshape(6, 41) for values, start in zip((flat, other), starts))
        y, total, mean, rstd = norm.add_layer_norm(x, residual, weight[1:42], None, EPS)
        gx, gweight, _ = layer_norm_backward(gy[2:248].reshape(6, 41), total, mean, rstd, weight[1:42], residual, False)
        return y, gx, gweight

    expected_y, _, _, *expected = reference(x + residual, weight[1:42], None, gy[2:248].reshape(6, 41), residual)
    for found, value in zip(run(both_ways, flat, other, weight, gy), (expected_y, *expected[:2]), strict=True):
        assert_near(found, value, "float32", spacings=8, scale=4)


def test_gradients_of_no_rows_are_zeros():
    x, weight = normal((0, 5), "float32"), normal(5, "float32")
    given = np.empty(0, np.float32), np.empty(0, np.float32)
    gx, gweight, gbias = run(layer_norm_backward, x, x, *given, weight, None, True)
    assert gx.shape == (0, 5)
    np.testing.assert_array_equal(gweight, np.zeros(5))
    np.testing.assert_array_equal(gbias, np.zeros(5))
