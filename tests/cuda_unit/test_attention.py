"""Attention and its gradients against NumPy in float64, on the emulated GPU."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.backends.cuda.attention import attention, attention_backward


def reference(q, k, v, go, causal, scale):
    q, k, v, go = map(double, (q, k, v, go))
    scores = scale * q @ k.swapaxes(-1, -2)
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    highest = scores.max(-1, keepdims=True)
    p = np.exp(scores - highest)
    total = p.sum(-1, keepdims=True)
    p /= total
    o = p @ v
    ds = p * (go @ v.swapaxes(-1, -2) - (go * o).sum(-1, keepdims=True)) * scale
    return o, (np.log(total) + highest)[..., 0], ds @ k, ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ go


def operands(shape, keys, dtype):
    batch, heads, queries, d = shape
    lengths = [queries, keys, keys, queries]
    return [normal((batch, heads, length, d), dtype, seed) for seed, length in enumerate(lengths)]


# One query and key; within a tile; several tiles; more queries than keys and the reverse; each bound on d.
SHAPES = [
    ((1, 1, 1, 1), 1),
    ((2, 3, 5, 8), 5),
    ((1, 2, 70, 30), 70),
    ((1, 1, 40, 64), 9),
    ((1, 1, 7, 66), 37),
    ((1, 1, 18, 200), 17),
]


@pytest.mark.parametrize("shape, keys", SHAPES)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_values_and_gradients(dtype, causal, shape, keys):
    q, k, v, go = operands(shape, keys, dtype)
    scale = shape[-1] ** -0.5
    expected_o, expected_lse, *expected_gradients = reference(q, k, v, go, causal, scale)
    o, lse = run(attention, q, k, v, causal, scale)
    wide = "float64" if dtype == "float64" else "float32"
    assert o.dtype == q.dtype and lse.dtype.name == wide
    # 16 bits round at the end alone; the others at each of the d products of a score, which the exponential passes on.
    spacings = 8 if "16" in dtype else 32
    assert_near(o, expected_o, dtype, spacings)
    assert_near(lse, expected_lse, wide, spacings=32)

    gradients = run(attention_backward, go, q, k, v, expected_o.astype(q.dtype), lse, causal, scale)
    for actual, expected in zip(gradients, expected_gradients, strict=True):
        assert actual.dtype == q.dtype
        assert_near(actual, expected, dtype, spacings, scale=4)


def test_heads_that_lie_between_the_queries():
    """(B, T, H, D) seen as (B, H, T, D), as a model makes them: no copies, the same values."""
    q, k, v, go = (normal((2, 6, 3, 5), "float32", seed) for seed in range(4))
    swapped = [x.transpose(0, 2, 1, 3) for x in (q, k, v, go)]
    expected_o, lse, *expected_gradients = reference(*swapped, True, 0.5)
    o, _ = run(lambda *x: attention(*(a.transpose(0, 2, 1, 3) for a in x), True, 0.5), q, k, v)
    assert_near(o, expected_o, "float32")
    o, lse = np.ascontiguousarray(expected_o, np.float32), lse.astype(np.float32)
    gradients = run(
        lambda go, q, k, v, *saved: attention_backward(
            *(a.transpose(0, 2, 1, 3) for a in (go, q, k, v)), *saved, True, 0.5
        ),
        *(go, q, k, v, o, lse),
    )
    for actual, expected in zip(gradients, expected_gradients, strict=True):
        assert_near(actual, expected, "float32", spacings=16)


def test_huge_scores_pick_one_key():
    q, k, v, go = operands((1, 1, 4, 8), 40, "float32")
    expected = reference(q * 1e4, k, v, go, False, 1.0)[0]
    assert_near(run(attention, q * np.float32(1e4), k, v, False, 1.0)[0], expected, "float32")


@pytest.mark.parametrize("queries, keys", [(0, 3), (3, 0)])
def test_no_queries_or_no_keys_give_zeros(queries, keys):
    q, k, v, go = operands((1, 2, queries, 4), keys, "float32")
    o, lse = run(attention, q, k, v, False, 1.0)
    np.testing.assert_array_equal(o, np.zeros((1, 2, queries, 4)))
    for actual, x in zip(run(attention_backward, go, q, k, v, o, lse, False, 1.0), (q, k, v), strict=True):
        np.testing.assert_array_equal(actual, np.zeros(x.shape))


def test_what_no_kernel_takes_is_refused():
    q = normal((1, 1, 2, 300), "float32")
    with pytest.raises(TypeError, match="head dimension at most 256, got 300"):
        run(attention, q, q, q, False, 1.0)
    with pytest.raises(TypeError, match="one dtype"):
        run(attention, q, q, q.astype(np.float64), False, 1.0)
