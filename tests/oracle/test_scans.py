"""Derivatives of scans against PyTorch's, where they are delicate: zeros, ties, extremes, long lines, second order."""

import numpy as np
import pytest
import torch

import autograd_gpu as ag


def derivatives(library, name, values, dim, order=2):
    """The value, and the first and second derivatives along fixed directions."""
    x = library.tensor(values, requires_grad=True)
    y = getattr(library, name)(x, dim)
    y = y if isinstance(y, library.Tensor) else y[0]
    found = [y]
    direction = library.tensor(np.random.default_rng(1).standard_normal(values.shape).astype(values.dtype))
    for _ in range(order):
        (y,) = library.autograd.grad((y * direction).sum(), x, create_graph=True)
        found.append(y)
        if not y.requires_grad:
            break
    return [part.detach().numpy() for part in found]


def compare(name, values, dim, order=2, tolerance=1e-9):
    ours, theirs = (derivatives(library, name, values, dim, order) for library in (ag, torch))
    for found, expected in zip(ours, theirs):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


ZEROS = np.array([[2.0, 0.0, 3.0, -1.0], [0.0, 0.0, 1.5, 2.0], [0.5, 2.0, 0.0, 0.0], [1.0, -2.0, 3.0, 0.5]])


@pytest.mark.parametrize("dim", [0, 1])
def test_running_products_with_zeros(dim):
    compare("cumprod", ZEROS, dim)


@pytest.mark.parametrize("dim", [0, 1])
def test_products_with_zeros(dim):
    second = []
    for library in (ag, torch):
        x = library.tensor(ZEROS, requires_grad=True)
        (first,) = library.autograd.grad(x.prod(dim).sum(), x, create_graph=True)
        second.append(library.autograd.grad((first * first).sum(), x)[0].numpy())
    np.testing.assert_allclose(*second, rtol=1e-12)


@pytest.mark.parametrize("name", ["cumprod", "logcumsumexp", "cummax", "cummin", "cumsum"])
@pytest.mark.parametrize(
    "shape, dim", [((700,), 0), ((3, 200), 1), ((200, 3), 0), ((2, 90, 2), 1), ((5,), 0), ((1,), 0)]
)
def test_long_and_short_lines(name, shape, dim):
    values = np.random.default_rng(0).standard_normal(shape)
    if name == "cumprod":
        values = 1 + 0.02 * values
    compare(name, values, dim)


def test_log_sums_of_numbers_far_apart():
    values = np.array([1e3, -1e3, 0.0, 1e3, 2e3, -np.inf, 5.0])
    compare("logcumsumexp", values, 0, order=1)


@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_of_equal_extremes_the_last_has_the_gradient(name):
    values = np.array([1.0, 3.0, 3.0, 2.0, 3.0, 0.0, 0.0, np.nan, 1.0, np.nan])
    compare(name, values, 0, order=1)
    assert (
        getattr(ag, name)(ag.tensor(values), 0)[1].tolist() == getattr(torch, name)(torch.tensor(values), 0)[1].tolist()
    )


def test_infinities_share_out_a_whole_gradient():
    """PyTorch gives NaN where infinities are equal; the shares here are never negative and sum to 1."""
    inf = float("inf")
    for values in ([-inf, -inf, 1.0], [inf, 1.0, inf, 2.0], [1.0, inf, inf]):
        x = ag.tensor(values, requires_grad=True)
        for i in range(len(values)):
            (gradient,) = ag.autograd.grad(ag.logcumsumexp(x, 0)[i], x)
            assert gradient.min().item() >= 0
            assert gradient.sum().item() == 1
