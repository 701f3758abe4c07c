"""The vocabulary head and its loss at once: never the logits of all rows, whatever the chunk the same result."""

import tracemalloc

import numpy as np
import pytest

import autograd_gpu as ag
from autograd_gpu.autograd.saved_memory import memory_report
from autograd_gpu.nn import LinearCrossEntropyLoss, LinearCrossEntropyOptions
from autograd_gpu.nn import functional as F

pytestmark = pytest.mark.ours


def head(rows=7, features=3, classes=5, dtype="float64", device="cpu"):
    ag.manual_seed(0)
    x, weight = (ag.randn(n, features, dtype=getattr(ag, dtype), device=device) for n in (rows, classes))
    target = ag.arange(rows, device=device) * 3 % classes
    target[1] = -100
    return x.requires_grad_(), weight.requires_grad_(), target


def peak(step):
    """Bytes allocated at the worst moment of a second call of `step`, beyond those at its start."""
    step()
    tracemalloc.start()
    step()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.parametrize("size", [1, 2, 6, 7, 100])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_chunk_changes_nothing(size, reduction, device):
    x, weight, target = head(device=device)
    bias = ag.linspace(-1, 1, 5, dtype=ag.float64, device=device).requires_grad_()
    loss = F.cross_entropy(F.linear(x, weight, bias), target, reduction=reduction)
    gloss = ag.linspace(1, 3, loss.numel(), dtype=ag.float64, device=device).reshape(loss.shape)
    expected = ag.autograd.grad(loss, [x, weight, bias], gloss)
    options = LinearCrossEntropyOptions(batch_chunk_size=size)
    found = F.linear_cross_entropy(x, weight, target, linear_bias=bias, reduction=reduction, options=options)
    assert ag.allclose(found, loss)
    for ours, theirs in zip(ag.autograd.grad(found, [x, weight, bias], gloss), expected, strict=True):
        assert ag.allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_the_logits_of_all_rows_are_never_in_memory(reduction):
    x, weight, target = head(rows=4096, features=16, classes=1000, dtype="float32")
    logits = 4096 * 1000 * 4

    def fused():
        F.linear_cross_entropy(x, weight, target, reduction=reduction).sum().backward()

    def composed():
        F.cross_entropy(F.linear(x, weight), target, reduction=reduction).sum().backward()

    assert peak(composed) > 2 * logits
    # A chunk of 128 rows, with its temporaries, and a few arrays of x's and weight's size.
    assert peak(fused) < 4 * 128 * 1000 * 4 + 6 * (x.nbytes + weight.nbytes)
    with ag.no_grad():
        assert peak(lambda: F.linear_cross_entropy(x, weight, target)) < 4 * 128 * 1000 * 4


def test_what_waits_for_backward_is_freed_by_it():
    x, weight, target = head()
    loss = F.linear_cross_entropy(x, weight, target)
    node = loss.grad_fn
    assert (node.gx.shape, node.gweight.shape, node.gbias) == ((7, 3), (5, 3), None)
    assert memory_report(loss).total > node.gx.nbytes + node.gweight.nbytes
    loss.backward()
    assert node.gx is node.gweight is None
    assert memory_report(loss).rows == []
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


def test_backward_twice_where_the_graph_is_retained():
    x, weight, target = head()
    loss = F.linear_cross_entropy(x, weight, target)
    first = ag.autograd.grad(loss, [x, weight], retain_graph=True)
    for a, b in zip(first, ag.autograd.grad(loss, [x, weight]), strict=True):
        assert ag.equal(a, b)


def test_only_wanted_gradients_are_computed():
    x, weight, target = head()
    node = F.linear_cross_entropy(x, weight.detach(), target).grad_fn
    assert node.gx is not None and node.gweight is node.gbias is None
    with ag.no_grad():
        assert F.linear_cross_entropy(x, weight, target).grad_fn is None


def test_where_no_row_counts_the_mean_is_nan_and_gradients_are_zero(device):
    x, weight, target = head(device=device)
    loss = F.linear_cross_entropy(x, weight, ag.full_like(target, -100))
    assert np.isnan(loss.item())
    gx, gweight = ag.autograd.grad(loss, [x, weight])
    assert not gx.any() and not gweight.any()


def test_a_mean_in_float16_does_not_overflow(device):
    # The losses add up to 8 * 20000, beyond float16's 65504.
    x = ag.tensor([[20000.0], [-20000.0]] * 8, dtype=ag.float16, device=device)
    weight = ag.tensor([[1.0], [0.0]], dtype=ag.float16, device=device)
    target = ag.ones(16, dtype=ag.int64, device=device)
    assert F.linear_cross_entropy(x, weight, target).item() == 10000
    assert F.cross_entropy(F.linear(x, weight), target).item() == 10000


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_gradients_in_half_precision_are_scaled_before_they_are_rounded(dtype):
    x, weight, target = head(rows=600, features=4, classes=9, dtype=dtype)
    found = ag.autograd.grad(F.linear_cross_entropy(x, weight, target), [x, weight])
    wide = [t.detach().double().requires_grad_() for t in (x, weight)]
    expected = ag.autograd.grad(F.linear_cross_entropy(*wide, target), wide)
    for ours, theirs in zip(found, expected, strict=True):
        scale = theirs.abs().max().item()
        assert ((ours.double() - theirs).abs().max() / scale).item() < 3 * ag.finfo(ours.dtype).eps


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        (LinearCrossEntropyOptions(), 128),
        (LinearCrossEntropyOptions(batch_chunk_size=7), 7),
        (LinearCrossEntropyOptions(chunking_method=None), 1024),
        (LinearCrossEntropyOptions(chunking_method="aspect_ratio"), 32),
        (LinearCrossEntropyOptions(chunking_method="aspect_ratio:4"), 8),
    ],
)
def test_the_rows_of_a_chunk(options, rows):
    assert options.rows(1024, 16, 512) == rows


@pytest.mark.parametrize(
    "wrong", [{"batch_chunk_size": 0}, {"chunking_method": "by eye"}, {"chunking_method": "aspect_ratio:0"}]
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValueError, match="|".join(wrong)):
        LinearCrossEntropyOptions(**wrong)


def test_the_module_keeps_the_weight():
    x, _, target = head(dtype="float32")
    loss = LinearCrossEntropyLoss(3, 5, bias=True, ignore_index=2)
    assert [name for name, _ in loss.named_parameters()] == ["linear.weight", "linear.bias"]
    expected = F.cross_entropy(loss.linear(x), ag.where(target == 2, -100, target), reduction="sum")
    target = ag.where(target < 0, 2, target)
    assert ag.allclose(loss(x, target) * (target != 2).sum(), expected)
    assert repr(loss).startswith("LinearCrossEntropyLoss(\n  in_features=3, num_classes=5")
