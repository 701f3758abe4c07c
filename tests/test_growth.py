"""What once grew as a product: partial sorts, pairs, hinges, windows; values against whole sorts and whole loops."""

import numpy as np
import pytest

import autograd_gpu as torch

F = torch.nn.functional
pytestmark = pytest.mark.usefixtures("on_each_device")


@pytest.mark.parametrize(("shape", "dim"), [((2500,), 0), ((2, 1300), 1), ((1300, 2), 0), ((1025,), 0), ((4, 7), 1)])
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [0, 1, 3, 100])
def test_topk_is_the_head_of_a_stable_sort_also_among_ties_and_nan(shape, dim, largest, k):
    values = np.random.default_rng(0).integers(0, 50, shape).astype(np.float32)
    values.reshape(-1)[::97] = np.nan
    if k > shape[dim]:
        k = shape[dim]
    x = torch.tensor(values)
    found, (ordered, places) = x.topk(k, dim, largest), x.sort(dim, descending=largest, stable=True)
    np.testing.assert_array_equal(found.values.cpu().numpy(), ordered.narrow(dim, 0, k).cpu().numpy())
    np.testing.assert_array_equal(found.indices.cpu().numpy(), places.narrow(dim, 0, k).cpu().numpy())


def test_topk_passes_its_gradient_to_what_it_took():
    x = torch.tensor([[1.0, 5.0, 3.0, 2.0, 0.0, 4.0, -1.0, -2.0, 6.0]], requires_grad=True)
    x.topk(2).values.backward(torch.tensor([[10.0, 20.0]]))
    assert x.grad.tolist() == [[0, 20, 0, 0, 0, 0, 0, 0, 10]]


@pytest.mark.parametrize("kind", ["avg", "max"])
def test_adaptive_pools_of_many_more_windows_than_elements(kind):
    x = torch.tensor([[[1.0, 4.0, 2.0]]])
    y = getattr(F, f"adaptive_{kind}_pool1d")(x, 3000)
    assert y.shape == (1, 1, 3000)
    assert y[0, 0, ::1000].tolist() == [1, 4, 2]


@pytest.mark.parametrize("p", [0.0, 1.0, 2.0, 3.0, float("inf")])
def test_pdist_in_parts_is_pdist_at_once(p, monkeypatch):
    from autograd_gpu.ops.nn import distance

    x, g = torch.rand(9, 4, requires_grad=True), torch.rand(36)
    whole = F.pdist(x, p)
    (of_whole,) = torch.autograd.grad(whole, x, g)
    monkeypatch.setattr(distance, "PAIRS_AT_A_TIME", 20)
    parts = F.pdist(x, p)
    (of_parts,) = torch.autograd.grad(parts, x, g)
    assert torch.equal(whole, parts)
    np.testing.assert_allclose(of_parts.cpu().numpy(), of_whole.cpu().numpy(), rtol=1e-5, atol=1e-6)


def test_multilabel_margin_loss_in_parts_is_the_loss_at_once(monkeypatch):
    from autograd_gpu.ops.nn import loss_margin

    x = torch.rand(7, 5, requires_grad=True)
    target = torch.tensor(
        [[0, 2, -1, 1, 1], [-1, 0, 0, 0, 0], [4, 3, 2, 1, 0], [1, -1, 3, -1, 2]] + [[2, -1, 0, 0, 0]] * 3
    )
    whole = F.multilabel_margin_loss(x, target)
    (of_whole,) = torch.autograd.grad(whole, x)
    monkeypatch.setattr(loss_margin, "HINGES_AT_A_TIME", 50)
    parts = F.multilabel_margin_loss(x, target)
    (of_parts,) = torch.autograd.grad(parts, x)
    assert torch.equal(whole, parts) and torch.equal(of_whole, of_parts)
