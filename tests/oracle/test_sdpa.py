"""Scaled dot-product attention and the precision of products: results, gradients and refusals are PyTorch's."""

import warnings

import numpy as np
import pytest
import torch

import autograd_gpu as ag

RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def mask(*shape):
    seen = RANDOM.random(shape) < 0.6
    seen[..., 0, :] = False  # a query that sees nothing
    return seen


def hidden(*shape):
    return np.where(mask(*shape), 0, -np.inf).astype(np.float32)


CALLS = {
    "matrices": ([(3, 4), (5, 4), (5, 4)], {}),
    "batches": ([(2, 3, 4), (2, 5, 4), (2, 5, 4)], {"is_causal": True}),
    "five dimensions": ([(2, 1, 3, 4, 5), (2, 2, 3, 6, 5), (1, 2, 3, 6, 5)], {}),
    "a key for all heads": ([(2, 3, 4, 5), (2, 1, 6, 5), (1, 3, 6, 5)], {"scale": 0.7}),
    "shared keys": ([(2, 6, 4, 5), (2, 2, 7, 5), (2, 2, 7, 5)], {"enable_gqa": True}),
    "shared keys, causal": ([(2, 6, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5)], {"enable_gqa": True, "is_causal": True}),
    "shared keys, others of the values": ([(1, 6, 4, 5), (1, 2, 7, 5), (1, 3, 7, 5)], {"enable_gqa": True}),
    "as many keys as queries": ([(1, 2, 4, 5), (1, 2, 7, 5), (1, 2, 7, 5)], {"enable_gqa": True}),
    "narrow values": ([(1, 2, 4, 5), (1, 2, 7, 5), (1, 2, 7, 3)], {"is_causal": True}),
    "wide values": ([(1, 2, 4, 5), (1, 2, 7, 5), (1, 2, 7, 9)], {}),
    "bools": ([(2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5)], {"attn_mask": mask(4, 6)}),
    "bools a batch": ([(2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5)], {"attn_mask": mask(2, 1, 4, 6)}),
    "bools for shared keys": (
        [(2, 4, 4, 5), (2, 2, 6, 5), (2, 2, 6, 5)], {"attn_mask": mask(4, 4, 6), "enable_gqa": True}
    ),
    "one bool a query": ([(2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5)], {"attn_mask": mask(4, 1)}),
    "bools of a batch of matrices": ([(3, 4, 5), (3, 6, 5), (3, 6, 5)], {"attn_mask": mask(3, 4, 6)}),
    "bools in five dimensions": ([(2, 2, 3, 4, 5)] * 3, {"attn_mask": mask(2, 1, 3, 4, 4)}),
    "added": ([(2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5)], {"attn_mask": normal(3, 4, 6)}),
    "added, some hidden": ([(2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5)], {"attn_mask": hidden(4, 6)}),
    "added to matrices": ([(4, 5), (6, 5), (6, 5)], {"attn_mask": hidden(4, 6)}),
    "nothing left by dropout": ([(1, 2, 4, 5)] * 3, {"dropout_p": 1.0}),
    "mask and dropout": ([(1, 2, 4, 5)] * 3, {"dropout_p": 1.0, "attn_mask": mask(4, 4)}),
}  # fmt: skip


def attended(T, arrays, options, dtype, mask_wants_gradient=False):
    leaves = [T.tensor(array).to(dtype).requires_grad_() for array in arrays]
    options = {name: T.tensor(value) if isinstance(value, np.ndarray) else value for name, value in options.items()}
    if mask_wants_gradient:
        leaves.append(options["attn_mask"].requires_grad_())
    y = T.nn.functional.scaled_dot_product_attention(*leaves[:3], **options)
    weights = T.tensor(np.linspace(-1, 1, y.numel(), dtype=np.float32).reshape(tuple(y.shape))).to(dtype)
    (y * weights).sum().backward()
    return [np.asarray(x.detach().float().numpy()) for x in (y, *(leaf.grad for leaf in leaves))]


@pytest.mark.parametrize("name", CALLS)
def test_results_and_gradients(name):
    shapes, options = CALLS[name]
    arrays = [normal(*shape) for shape in shapes]
    expected = attended(torch, arrays, options, torch.float32)
    for ours, theirs in zip(attended(ag, arrays, options, ag.float32), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ["shared keys", "bools", "added, some hidden"])
def test_in_half_precision(name):
    shapes, options = CALLS[name]  # the mask stays float32
    arrays = [normal(*shape) for shape in shapes]
    expected = attended(torch, arrays, options, torch.bfloat16)
    for ours, theirs in zip(attended(ag, arrays, options, ag.bfloat16), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=4e-2, atol=4e-2)


def test_the_gradient_of_a_mask():
    for added in (normal(3, 4, 6), hidden(4, 6)):
        arrays = [normal(2, 3, 4, 5), normal(2, 3, 6, 5), normal(2, 3, 6, 5)]
        expected = attended(torch, arrays, {"attn_mask": added}, torch.float32, True)
        for ours, theirs in zip(attended(ag, arrays, {"attn_mask": added}, ag.float32, True), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


REFUSED = {
    "heads that do not divide": ([(1, 4, 3, 5), (1, 3, 3, 5), (1, 3, 3, 5)], {"enable_gqa": True}),
    "heads that differ": ([(1, 4, 3, 5), (1, 2, 3, 5), (1, 2, 3, 5)], {}),
    "no heads to share": ([(3, 5), (3, 5), (3, 5)], {"enable_gqa": True}),
    "a mask of other keys": ([(1, 1, 3, 4), (1, 1, 5, 4), (1, 1, 5, 4)], {"attn_mask": normal(3, 4)}),
    "a mask of a larger batch": ([(1, 1, 3, 4), (1, 1, 5, 4), (1, 1, 5, 4)], {"attn_mask": normal(2, 1, 3, 5)}),
    "a mask of integers": ([(1, 1, 3, 4), (1, 1, 5, 4), (1, 1, 5, 4)], {"attn_mask": np.zeros((3, 5), np.int64)}),
    "a mask of doubles": ([(1, 1, 3, 4), (1, 1, 5, 4), (1, 1, 5, 4)], {"attn_mask": np.zeros((3, 5))}),
    "widths that differ": ([(1, 1, 3, 4), (1, 1, 5, 6), (1, 1, 5, 4)], {}),
    "a vector": ([(4,), (5, 4), (5, 4)], {}),
    "too much dropout": ([(1, 1, 3, 4)] * 3, {"dropout_p": 1.5}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    shapes, options = REFUSED[name]
    raised = []
    for T in (torch, ag):
        arrays = [T.tensor(normal(*shape)) for shape in shapes]
        given = {key: T.tensor(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
        with pytest.raises(Exception) as caught:
            T.nn.functional.scaled_dot_product_attention(*arrays, **given)
        raised.append(caught.type)
    assert raised[0] is raised[1]


def test_the_precision_of_products():
    for T in (torch, ag):
        assert T.get_float32_matmul_precision() == "highest"
        with pytest.raises(RuntimeError, match="set_float32_matmul_precision expects a str, but got int"):
            T.set_float32_matmul_precision(1)
        with pytest.warns(UserWarning, match="foo is not one of 'highest', 'high', or 'medium'"):
            T.set_float32_matmul_precision("foo")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for name in ("medium", "high", "highest"):
                T.set_float32_matmul_precision(name)
                assert T.get_float32_matmul_precision() == name
