"""Cross entropy against NumPy in float64, on the emulated GPU."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.arrays.cuda.loss import cross_entropy, cross_entropy_backward, cross_entropy_with_gradient
from autograd_gpu.arrays.cuda.memory import from_numpy

IGNORE = -100


def reference(x, target, gloss):
    x = double(x)
    highest = x.max(1)
    lse = np.log(np.exp(x - highest[:, None]).sum(1)) + highest
    counted = target != IGNORE
    rows = np.flatnonzero(counted)
    loss = np.zeros(len(x))
    loss[rows] = (lse - x[np.arange(len(x)), np.where(counted, target, 0)])[rows]
    gx = np.exp(x - lse[:, None])
    gx[rows, target[rows]] -= 1
    return loss, lse, gx * np.where(counted, gloss, 0)[:, None]


@pytest.mark.parametrize("shape", [(3, 1), (9, 10), (5, 257), (2, 4099)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_values_and_gradients(shape, dtype):
    x = normal(shape, dtype, scale=4)
    target = np.random.default_rng(1).integers(0, shape[1], shape[0])
    target[1] = IGNORE
    loss, lse = run(cross_entropy, x, target, IGNORE)
    wide = loss.dtype.name
    assert wide == lse.dtype.name == ("float64" if dtype == "float64" else "float32")
    gloss = normal(shape[0], wide, seed=2)
    expected_loss, expected_lse, expected_gx = reference(x, target, gloss)
    # In 16 bits the exponential is the fast one.
    assert_near(loss, expected_loss, wide, spacings=8, scale=8)
    assert_near(lse, expected_lse, wide, spacings=8)
    gx = run(cross_entropy_backward, gloss, x, lse, target, IGNORE)
    assert gx.dtype == x.dtype
    assert_near(gx, expected_gx, dtype, spacings=8)
    assert not gx[1].any()


# On both sides of every size at which the geometry changes: lanes of a warp, a block, shared memory no more.
@pytest.mark.parametrize(
    ("dtype", "cols"),
    [
        ("float32", 1), ("float32", 3), ("bfloat16", 129), ("float16", 257), ("float32", 4099), ("float32", 16380),
        ("float32", 16381), ("bfloat16", 32760), ("bfloat16", 32761), ("float64", 8191), ("float32", 262_144),
        ("bfloat16", 262_144), ("float16", 262_144), ("float64", 262_144),
    ],
)  # fmt: skip
def test_loss_and_gradient_in_one_reading(dtype, cols):
    x = normal((3, cols), dtype, scale=4)
    target = np.array([cols - 1, IGNORE, cols // 2])
    expected_loss, _, expected_gx = reference(x, target, np.ones(3))
    loss, gx = run(cross_entropy_with_gradient, x, target, IGNORE)
    assert gx.dtype == x.dtype
    # The sums run over many more terms than the tolerance's few roundings.
    assert_near(loss, expected_loss, loss.dtype.name, spacings=16, scale=8)
    assert_near(gx, expected_gx, dtype, spacings=8)
    assert not gx[1].any()

    loss, lse = run(cross_entropy, x, target, IGNORE)
    assert_near(loss, expected_loss, loss.dtype.name, spacings=16, scale=8)
    gx = run(cross_entropy_backward, np.ones(3, loss.dtype), x, lse, target, IGNORE)
    assert_near(gx, expected_gx, dtype, spacings=16)


def test_the_gradient_takes_the_place_of_the_logits():
    x = from_numpy(normal((9, 40), "float32"))
    assert cross_entropy_with_gradient(x, from_numpy(np.zeros(9, np.int64)), IGNORE)[1] is x


def test_a_huge_logit_leaves_the_loss_exact():
    x = np.array([[1e6, 1e6, -1e6]], np.float32)
    loss, _ = run(cross_entropy, x, np.array([1]), IGNORE)
    np.testing.assert_allclose(loss, [np.log(2)], rtol=1e-6)


@pytest.mark.parametrize("function", [cross_entropy, cross_entropy_with_gradient])
@pytest.mark.parametrize("label", [-1, 3])
def test_a_class_out_of_range_stops_the_kernel(label, function):
    with pytest.raises(RuntimeError, match="trap"):
        run(function, normal((2, 3), "float32"), np.array([0, label]), IGNORE)


def test_no_classes():
    x = normal((2, 0), "float32")
    np.testing.assert_array_equal(run(cross_entropy, x, np.full(2, IGNORE), IGNORE)[0], np.zeros(2))
    with pytest.raises(RuntimeError, match="trap"):
        run(cross_entropy, x, np.zeros(2, np.int64), IGNORE)


def test_infinite_logits_do_as_in_the_two_passes():
    x = np.array([[0, -np.inf, 1], [-np.inf] * 3, [np.inf, 0, 0], [np.nan, 0, 0]], np.float32)
    target = np.array([1, 0, 1, 1])
    loss, gx = run(cross_entropy_with_gradient, x, target, IGNORE)
    expected_loss, lse = run(cross_entropy, x, target, IGNORE)
    np.testing.assert_array_equal(loss, expected_loss)
    np.testing.assert_allclose(gx, run(cross_entropy_backward, np.ones(4, np.float32), x, lse, target, IGNORE), 1e-6)


def test_no_rows():
    loss, lse = run(cross_entropy, normal((0, 4), "float32"), np.empty(0, np.int64), IGNORE)
    assert loss.shape == lse.shape == (0,)
