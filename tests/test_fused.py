"""What one operation does is recorded as one: no matrix of all scores for an attention, no pass of its own for gelu."""

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.autograd.saved_memory import memory_report

pytestmark = [pytest.mark.ours, pytest.mark.usefixtures("on_each_device")]
F = torch.nn.functional

TIME, WIDTH = 40, 4
ATTENTIONS = {
    "plain": {},
    "causal": {"is_causal": True},
    "shared keys": {"enable_gqa": True},
    "bools": {"attn_mask": lambda: torch.ones(TIME, TIME, dtype=torch.bool).tril()},
    "one row of bools": {"attn_mask": lambda: torch.arange(TIME) < 30},
    "added": {"attn_mask": lambda: torch.zeros(1, 1, TIME, TIME)},
}


def attended(key_heads=4, value_width=WIDTH, **options):
    options = {name: value() if callable(value) else value for name, value in options.items()}
    if "attn_mask" in options and options["attn_mask"].ndim == 1:
        options["attn_mask"] = options["attn_mask"][None]
    q = torch.randn(2, 4, TIME, WIDTH, requires_grad=True)
    k = torch.randn(2, key_heads, TIME, WIDTH, requires_grad=True)
    v = torch.randn(2, key_heads, TIME, value_width, requires_grad=True)
    return F.scaled_dot_product_attention(q, k, v, **options)


@pytest.mark.parametrize("name", ATTENTIONS)
def test_no_attention_keeps_a_score_for_each_query_and_key(name):
    y = attended(key_heads=2 if name == "shared keys" else 4, **ATTENTIONS[name])
    assert "ScaledDotProduct" in names(y)
    # Eight heads' scores in float32 would be 51,200 bytes; q, k, v and o are 20,480, a mask 6,400 at most.
    assert memory_report(y).total < 30_000


def names(y):
    found, pending = set(), [y.grad_fn]
    while pending:
        node = pending.pop()
        if node is not None:
            found.add(node.name())
            pending += [parent for parent, _ in node.next_functions]
    return " ".join(sorted(found))


def test_a_value_of_another_width_is_fused_too():
    for width in (2, 7):
        y = attended(value_width=width)
        assert y.shape == (2, 4, TIME, width) and "ScaledDotProduct" in names(y)


def test_heads_wider_than_the_kernels_take_are_composed():
    q, k = torch.randn(1, 1, 3, 300, requires_grad=True), torch.randn(1, 1, 4, 300)
    y = F.scaled_dot_product_attention(q, k, k)
    assert y.shape == (1, 1, 3, 300) and "SoftmaxBackward0" in names(y)


def test_what_wants_the_scores_gets_them():
    assert "SoftmaxBackward0" in names(attended(dropout_p=0.5))
    mask = torch.zeros(TIME, TIME, requires_grad=True)
    y = attended(attn_mask=mask)
    assert "SoftmaxBackward0" in names(y)
    y.sum().backward()
    assert mask.grad.abs().sum() > 0


@pytest.mark.parametrize("values", [4, 6])
def test_as_many_values_as_keys(values):  # PyTorch looks past the end
    q, k, v = torch.zeros(1, 1, 3, 4), torch.zeros(1, 1, 5, 4), torch.zeros(1, 1, values, 4)
    with pytest.raises(RuntimeError, match=f"expected a value for each key, but got {values} values for 5 keys"):
        F.scaled_dot_product_attention(q, k, v)


def test_feed_forward_is_two_nodes():
    x, w1, w2 = torch.randn(3, 4), torch.randn(8, 4, requires_grad=True), torch.randn(5, 8, requires_grad=True)
    b1, b2 = torch.randn(8, requires_grad=True), torch.randn(5, requires_grad=True)
    y = F.feed_forward(x, w1, b1, w2, b2)
    assert names(y) == "AddmmBackward0 torch::autograd::AccumulateGrad"
    expected = F.linear(F.gelu(F.linear(x, w1, b1)), w2, b2)
    np.testing.assert_allclose(y.detach().cpu().numpy(), expected.detach().cpu().numpy(), rtol=1e-5, atol=1e-6)


def test_feed_forward_says_what_does_not_fit():
    x, w1, b1, w2, b2 = (torch.zeros(*s) for s in [(3, 4), (8, 4), (8,), (5, 8), (5,)])
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        F.feed_forward(x, w2, b2, w1, b1)
    with pytest.raises(RuntimeError, match=r"expected bias1 of shape \(8,\), but got \(5,\)"):
        F.feed_forward(x, w1, b2, w2, b2)
    with pytest.raises(RuntimeError, match="approximate argument must be either none or tanh"):
        F.feed_forward(x, w1, b1, w2, b2, approximate="erf")
    with pytest.raises(RuntimeError, match="same dtype"):
        F.feed_forward(x, w1.double(), b1, w2, b2)


def test_tf32_changes_no_result_unless_asked():
    x = torch.randn(20, 33)
    exact = (x @ x.t()).cpu().numpy()
    torch.set_float32_matmul_precision("high")
    try:
        allowed = (x @ x.t()).cpu().numpy()
    finally:
        torch.set_float32_matmul_precision("highest")
    error = np.abs(allowed - exact).max()
    assert error == 0 if x.device.type == "cpu" else 1e-5 < error < 0.1
