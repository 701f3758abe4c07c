"""Attention and its gradients against NumPy in float64, on the emulated GPU."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.arrays.cuda.attention import attention, attention_backward


def reference(q, k, v, go, mask, causal, scale):
    """o, lse, gq, gk, gv; heads of keys are repeated for the queries that share them, and their gradients summed."""
    q, k, v, go = map(double, (q, k, v, go))
    group = q.shape[1] // k.shape[1]
    keys, values = (np.repeat(x, group, axis=1) for x in (k, v))
    scores = scale * q @ keys.swapaxes(-1, -2)
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + double(mask)
    highest = scores.max(-1, keepdims=True)
    p = np.exp(scores - np.where(highest == -np.inf, 0, highest))
    total = p.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = (np.log(total) + highest)[..., 0]
    p /= np.where(total == 0, 1, total)
    o = p @ values
    ds = p * (go @ values.swapaxes(-1, -2) - (go * o).sum(-1, keepdims=True)) * scale
    gk, gv = (
        g.reshape(*k.shape[:2], group, *k.shape[2:]).sum(2) for g in (ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ go)
    )
    return o, lse, ds @ keys, gk, gv


def operands(shape, keys, dtype, key_heads=None):
    batch, heads, queries, d = shape
    lengths = [(heads, queries), (key_heads or heads, keys), (key_heads or heads, keys), (heads, queries)]
    return [normal((batch, *length, d), dtype, seed) for seed, length in enumerate(lengths)]


def check(dtype, q, k, v, go, mask=None, causal=False):
    scale = q.shape[-1] ** -0.5
    expected_o, expected_lse, *expected_gradients = reference(q, k, v, go, mask, causal, scale)
    o, lse = run(attention, q, k, v, mask, causal, scale)
    wide = "float64" if dtype == "float64" else "float32"
    assert o.dtype == q.dtype and lse.dtype.name == wide
    # 16 bits round at the end alone; the others at each of the d products of a score, which the exponential passes on.
    spacings = 8 if "16" in dtype else 32
    assert_near(o, expected_o, dtype, spacings)
    assert_near(lse, expected_lse, wide, spacings=32)

    gradients = run(attention_backward, go, q, k, v, expected_o.astype(q.dtype), lse, mask, causal, scale)
    for actual, expected, x in zip(gradients, expected_gradients, (q, k, v), strict=True):
        assert actual.dtype == q.dtype and actual.shape == x.shape
        assert_near(actual, expected, dtype, spacings, scale=4)


# One query and key; within a tile; several tiles; more queries than keys and the reverse; each bound on d.
SHAPES = [
    ((1, 1, 1, 1), 1),
    ((2, 3, 5, 8), 5),
    ((1, 2, 70, 30), 70),
    ((1, 1, 40, 64), 9),
    ((1, 1, 7, 66), 37),
    ((1, 1, 18, 200), 17),
    ((1, 1, 3, 256), 66),
]


@pytest.mark.parametrize("shape, keys", SHAPES)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_values_and_gradients(dtype, causal, shape, keys):
    check(dtype, *operands(shape, keys, dtype), causal=causal)


@pytest.mark.parametrize("dtype, key_heads, d", [("bfloat16", 2, 136), ("float32", 2, 20), ("float64", 1, 8)])
@pytest.mark.parametrize("causal", [False, True])
def test_heads_of_queries_share_one_of_keys(dtype, causal, key_heads, d):
    check(dtype, *operands((2, 4, 35, d), 40, dtype, key_heads), causal=causal)


# All of it; one for every batch, head, query or key.
MASKS = [(2, 4, 20, 70), (1, 1, 20, 70), (2, 1, 1, 70), (1, 4, 20, 1)]


@pytest.mark.parametrize("shape", MASKS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_masks(dtype, shape):
    q, k, v, go = operands((2, 4, 20, 12), 70, dtype, key_heads=2)
    seen = np.random.default_rng(5).random(shape) < 0.5
    seen[-1, -1, -1] = False  # a whole row of what it is broadcast to
    check(dtype, q, k, v, go, seen)
    added = normal(shape, dtype, seed=6)
    check(dtype, q, k, v, go, added)
    added[~seen] = -np.inf
    check(dtype, q, k, v, go, added, causal=True)


def test_a_mask_is_read_as_it_lies():
    q, k, v, go = operands((1, 2, 9, 4), 9, "float32")
    mask = normal((9, 2, 1, 9), "float32", seed=4)
    expected = reference(q, k, v, go, mask.transpose(2, 1, 0, 3), False, 0.5)[0]
    o, _ = run(lambda q, k, v, m: attention(q, k, v, m.transpose(2, 1, 0, 3), False, 0.5), q, k, v, mask)
    assert_near(o, expected, "float32", spacings=16)


def test_a_query_that_sees_nothing_gets_zeros():
    for dtype in ("float32", "bfloat16"):
        q, k, v, go = operands((1, 1, 3, 4), 5, dtype)
        mask = np.array([True, False, True]).reshape(1, 1, 3, 1)
        o, lse = run(attention, q, k, v, mask, False, 1.0)
        np.testing.assert_array_equal(double(o[0, 0, 1]), np.zeros(4))
        assert lse[0, 0, 1] == -np.inf and np.isfinite(double(o)).all()
        for g in run(attention_backward, go, q, k, v, o, lse, mask, False, 1.0):
            assert np.isfinite(double(g)).all()


def test_heads_that_lie_between_the_queries():
    """(B, T, H, D) seen as (B, H, T, D), as a model makes them: no copies, the same values."""
    q, k, v, go = (normal((2, 6, 3, 5), "float32", seed) for seed in range(4))
    swapped = [x.transpose(0, 2, 1, 3) for x in (q, k, v, go)]
    expected_o, lse, *expected_gradients = reference(*swapped, None, True, 0.5)
    o, _ = run(lambda *x: attention(*(a.transpose(0, 2, 1, 3) for a in x), None, True, 0.5), q, k, v)
    assert_near(o, expected_o, "float32")
    o, lse = np.ascontiguousarray(expected_o, np.float32), lse.astype(np.float32)
    gradients = run(
        lambda go, q, k, v, *saved: attention_backward(
            *(a.transpose(0, 2, 1, 3) for a in (go, q, k, v)), *saved, None, True, 0.5
        ),
        *(go, q, k, v, o, lse),
    )
    for actual, expected in zip(gradients, expected_gradients, strict=True):
        assert_near(actual, expected, "float32", spacings=16)


def test_huge_scores_pick_one_key():
    q, k, v, go = operands((1, 1, 4, 8), 40, "float32")
    expected = reference(q * 1e4, k, v, go, None, False, 1.0)[0]
    assert_near(run(attention, q * np.float32(1e4), k, v, None, False, 1.0)[0], expected, "float32")


@pytest.mark.parametrize("queries, keys", [(0, 3), (3, 0)])
def test_no_queries_or_no_keys_give_zeros(queries, keys):
    q, k, v, go = operands((1, 2, queries, 4), keys, "float32")
    o, lse = run(attention, q, k, v, None, False, 1.0)
    np.testing.assert_array_equal(o, np.zeros((1, 2, queries, 4)))
    for actual, x in zip(run(attention_backward, go, q, k, v, o, lse, None, False, 1.0), (q, k, v), strict=True):
        np.testing.assert_array_equal(actual, np.zeros(x.shape))


def test_what_no_kernel_takes_is_refused():
    q = normal((1, 1, 2, 300), "float32")
    with pytest.raises(TypeError, match="head dimension at most 256, got 300"):
        run(attention, q, q, q, None, False, 1.0)
